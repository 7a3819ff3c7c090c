"""Results image by image on disk, so that an interrupted run goes on where it was."""

import json
from pathlib import Path
from typing import Any

from patchwrap.io import replacing

Record = dict[str, Any]
"""One map as measured, JSON-able, with ``image`` and ``row`` and None for NaN."""


class Journal:
    """Records of images and rows in a JSON-lines file; a later record of the same two takes the place of an earlier.

    Args:
        path: the file, made where there is none; None keeps records in memory only.
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
        """The record of an image and a row, if there is one."""
        return self._records.get((image, row))

    def holds(self, row: str) -> bool:
        """Whether there is any record of a row."""
        return any(key == row for _, key in self._records)

    def add(self, record: Record) -> None:
        """Keep a record and write it out at once."""
        self._records[record["image"], record["row"]] = record
        if self.path is not None:
            with self.path.open("ab") as stream:
                stream.write(_line(record))


def _line(record: Record) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"


def _parsed(line: str) -> Any:
    """A record, or None: the last line of an interrupted run may be torn."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and {"image", "row"} <= record.keys() else None
