"""``patchwrap backends``: what can predict here; imports none of them."""

import argparse
from typing import Any

from patchwrap.cli.report import print_listing


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser("backends", help="list installed backends", description="List backends.")
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(args: argparse.Namespace) -> int:
    """Print one line per backend; broken plugins are named on stderr."""
    from patchwrap.plugins import get_plugin_manager, registered_backends

    rows = [
        {
            "name": record.name,
            "convention": str(record.convention),
            "licence": record.licence,
            "distribution": record.distribution,
            "version": record.version,
            "summary": record.summary,
        }
        for record in registered_backends().values()
    ]
    print_listing(rows, args.json, "no backend is installed; the README's backend table names some")
    get_plugin_manager().warn_of_broken()
    return 0
