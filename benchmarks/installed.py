"""Which backends are installed, what are their conventions and how large are they?"""

from typing import Any

from torch import nn

import patchwrap
from patchwrap.plugins import BackendRecord, registered_backends
from patchwrap.spec import networks_of
from report import Result, Table, parser

OPEN = "of the checkpoint"
"""What is not known before a checkpoint is named."""


def main(arguments: list[str] | None = None) -> None:
    """List, print, write JSON."""
    made = parser(__doc__, "nothing is shorter here")
    made.add_argument("--backend", default="", help="measure this NAME=CHECKPOINT instead of NAME's default")
    options = made.parse_args(arguments)
    wanted = {options.backend.split("=")[0]: options.backend}
    records = registered_backends().values()
    described = {
        record.name: describe(wanted.get(record.name, record.name))
        if record.convention or record.name in wanted
        else [OPEN] * 2
        for record in records
    }
    rows = [row(record, described[record.name]) for record in records]
    columns = ["backend", "convention", "sees", "parameters", "licence", "what it is"]
    result = Result.now("backends", {}, {"backends": Table("Installed backends", columns, rows)}, described)
    result.tell(options.results)


def row(record: BackendRecord, described: list[str]) -> list[str]:
    """A backend's line of the table."""
    convention = f"`{record.convention}`" if record.convention else OPEN
    return [f"`{record.name}`", convention, *described, record.licence, record.summary]


def describe(name: str) -> list[str]:
    """The size a backend prefers, and its parameters over all networks that it brings."""
    backend = patchwrap.load_backend(name)
    height, width = backend.processing
    count = sum(parameter.numel() for network in networks(backend) for parameter in network.parameters())
    return [f"{width}x{height}", f"{count / 1e6:.1f} M"]


def networks(backend: Any) -> list[nn.Module]:
    """The modules held by a backend, its tile backend and its head, each once."""
    owners = [backend, getattr(backend, "fine", None), getattr(backend, "head", None)]
    return list(dict.fromkeys(network for owner in owners for network in networks_of(owner)))


if __name__ == "__main__":
    main()
