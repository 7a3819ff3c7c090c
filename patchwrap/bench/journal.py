"""Stores results image by image, so that an interrupted run can continue."""

import json
from pathlib import Path
from typing import Any

from patchwrap.io import replacing

Record = dict[str, Any]
"""The measures of one map, JSON-able, with ``image`` and ``row``; None for NaN."""


class Journal:
    """Records in a JSON-lines file; a later record of the same image and row replaces an earlier one.

    Args:
        path: of the file, which is created if missing; None keeps records in memory only.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._records: dict[tuple[str, str], Record] = {}
        if path is None:
            return
        for line in path.read_text("utf-8").splitlines() if path.exists() else []:
            if record := _parsed(line):
                self._records[record["image"], record["row"]] = record
        with replacing(path) as stream:
            stream.writelines(_line(record) for record in self._records.values())

    def get(self, image: str, row: str) -> Record | None:
        """Return the record of an image and a row, or None."""
        return self._records.get((image, row))

    def add(self, record: Record) -> None:
        """Store a record and write it to the file at once."""
        self._records[record["image"], record["row"]] = record
        if self.path is not None:
            with self.path.open("ab") as stream:
                stream.write(_line(record))


def _line(record: Record) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"


def _parsed(line: str) -> Any:
    """Parse a record; None for a damaged line, such as the last one of an interrupted run."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and {"image", "row"} <= record.keys() else None
