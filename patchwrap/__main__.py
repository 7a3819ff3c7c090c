"""Run the command line, as ``patchwrap`` or ``python -m patchwrap``."""

import sys


def run() -> int:
    """Run ``patchwrap.cli.main``, also answering Ctrl-C while the command line itself is imported."""
    try:
        from patchwrap.cli import main

        return main()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())
