"""The ``patchwrap`` command; imports nothing heavy before a verb runs."""

import argparse
import difflib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from patchwrap import __version__
from patchwrap.cli import backends, bench, env, export, finetune, plugins, predict, scenes
from patchwrap.cli.report import explain, print_traceback
from patchwrap.cli.signals import interrupted, terminable
from patchwrap.errors import PatchwrapError, TrainingError

_VERBS = (predict, bench, finetune, export, backends, plugins, env, scenes)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = argparse.ArgumentParser(prog="patchwrap", description="Tile-level detail for any monocular depth model.")
    parser.add_argument("--version", action="version", version=f"patchwrap {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in _VERBS:
        verb.register(subparsers)
    for parser_of_verb in subparsers.choices.values():
        parser_of_verb.set_defaults(parser=parser_of_verb)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; None takes the process's.

    Returns:
        0 when all is done, 1 when some images or the training failed, 2 when nothing was begun because an
        option or an input is impossible, 130 after Ctrl-C.
    """
    _print_anyhow()
    args = _parsed(argv)
    try:
        with terminable():
            code = int(args.run(args))
        return _interrupted() if interrupted() else code
    except KeyboardInterrupt as stopped:
        return _interrupted(*getattr(stopped, "__notes__", ()))
    except BrokenPipeError:
        # The reader has closed the pipe; the flush at exit must not fail on it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if interrupted():
            return _interrupted()
        print_traceback(error, getattr(args, "verbose", False))
        print(f"error: {explain(error, has_verbose='verbose' in args)}", file=sys.stderr)
        # Of the expected errors, only a TrainingError is raised after work has begun.
        return 2 if isinstance(error, PatchwrapError) and not isinstance(error, TrainingError) else 1


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments; of unknown ones, the verb's parser tells and proposes options of similar names."""
    args, unknown = build_parser().parse_known_args(argv)
    if unknown:
        flags, known = [word.partition("=")[0] for word in unknown], args.parser._option_string_actions
        close = [near for flag in flags for near in difflib.get_close_matches(flag, known, n=1, cutoff=0.7)]
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        hint = f"; options come after {args.verb}" if set(close) & set(flags) else hint
        args.parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return args


def _interrupted(*notes: str) -> int:
    print("; ".join(["interrupted", *notes]), file=sys.stderr)
    return 130


def _print_anyhow() -> None:
    """Print a question mark for characters that the output's encoding lacks, and nothing where stderr is closed."""
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
