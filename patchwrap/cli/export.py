"""``patchwrap export``: a backend's network or fusion head as an ONNX file."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from patchwrap.cli.arguments import DEFAULT_BACKEND, nonempty, nonempty_path
from patchwrap.cli.backend_options import add_backend_options, backend_options, check_known
from patchwrap.cli.output_checks import check_file
from patchwrap.errors import OptionError
from patchwrap.size import parse_size

if TYPE_CHECKING:
    from patchwrap.exporting import Exported

PARTS = ("coarse", "fine", "head")


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser(
        "export",
        help="write a backend's network as ONNX",
        description="Write a backend's network or fusion head as ONNX, with a JSON beside it that says what its "
        "numbers mean. A backend with a network of its own for tiles takes two exports, --part coarse and fine, which "
        "predict uses as --coarse and --fine. The batch is open, and so is the size where the network can. The file "
        "is compared with torch before it is kept. Needs the extra [export]. Exit codes: 0 written, 1 failed "
        "unexpectedly, 2 impossible (usage), 130 interrupted.",
    )
    parser.set_defaults(run=run)
    text = "NAME or NAME=CHECKPOINT, see patchwrap backends (default: %(default)s)"
    parser.add_argument("--backend", type=nonempty, metavar="B", default=DEFAULT_BACKEND, help=text)
    add_backend_options(parser)
    parser.add_argument("-o", "--out", type=nonempty_path, required=True, metavar="FILE", help="output file, .onnx")
    text = "coarse: the whole image's network; fine: the tiles', if it is another; head (default: %(default)s)"
    parser.add_argument("--part", choices=PARTS, default=PARTS[0], help=text)
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", help="fix the input size (default: open where it can be)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def run(args: argparse.Namespace) -> int:
    """Export and say what was written.

    Raises:
        PatchwrapError: if files exist, the backend lacks the part, or it cannot be exported.
    """
    size = parse_size(args.size) if args.size else None
    check_file(args.out, ".onnx", args.overwrite)
    check_known([args.backend])
    from patchwrap.exporting import export
    from patchwrap.wrapping import load_backend

    backend = load_backend(args.backend, **backend_options(args))
    exported = export(_part(backend, args.part, args.backend), args.out, size)
    if not args.quiet:
        print(_summary(exported), file=sys.stderr)
    return 0


def _part(backend: Any, part: str, name: str) -> Any:
    if part == "coarse":
        return backend
    if not hasattr(backend, part):
        raise OptionError(f"backend {name!r} has no part {part!r}; leave --part out for its only network")
    return getattr(backend, part)


def _summary(exported: "Exported") -> str:
    meaning = exported.facts.get("convention", "fusion head")
    if exported.difference is None:
        check = "not compared with torch (pip install onnxruntime to do so)"
    else:
        check = f"equals torch to {exported.difference:.1g} of the largest value"
    return f"{exported.path} and {exported.facts_path.name}: {meaning}, {check}"
