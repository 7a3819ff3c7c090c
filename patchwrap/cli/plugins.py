"""``patchwrap plugins``: which plugins were found, and what is wrong with the broken ones."""

import argparse
from dataclasses import asdict
from typing import Any

from patchwrap.cli.report import print_listing


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser(
        "plugins",
        help="list loaded, disabled and broken plugins",
        description="List plugins.",
        epilog="PATCHWRAP_PLUGINS=a,b loads only those, PATCHWRAP_DISABLE=a all but those, "
        "PATCHWRAP_STRICT_PLUGINS=1 stops at a broken one.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(args: argparse.Namespace) -> int:
    """Print one line per plugin."""
    from patchwrap.plugins import get_plugin_manager

    rows = [asdict(record) for record in get_plugin_manager().plugins]
    print_listing(rows, args.json, "no plugin is installed; the README's backend table names some")
    return 0
