"""``patchwrap backends``: list the installed backends without importing them."""

import argparse
from typing import Any

from patchwrap.cli.report import print_listing


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser("backends", help="list installed backends", description="List backends.")
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(args: argparse.Namespace) -> int:
    """Print one line per backend and well-known checkpoint; broken plugins are named on stderr."""
    from patchwrap.plugins import get_plugin_manager, registered_backends

    rows: list[dict[str, Any]] = []
    for record in registered_backends().values():
        row = {
            "name": record.name,
            "convention": record.convention and str(record.convention),
            "licence": record.licence,
            "distribution": record.distribution,
            "version": record.version,
            "summary": record.summary,
        }
        known = [vars(checkpoint) for checkpoint in record.checkpoints]
        if args.json:
            rows.append(row | {"checkpoints": known})
        else:
            rows += [row, *(_line_of(row, checkpoint) for checkpoint in known)]
    print_listing(rows, args.json, "no backend is installed; the README's backend table names some")
    get_plugin_manager().warn_of_broken()
    return 0


def _line_of(backend: dict[str, Any], checkpoint: dict[str, str]) -> dict[str, Any]:
    """A checkpoint's row, named as it is given to ``--backend``."""
    own = {"convention": checkpoint["convention"], "licence": checkpoint["licence"], "summary": checkpoint["source"]}
    return backend | own | {"name": f"{backend['name']}={checkpoint['name']}"}
