"""Results image by image on disk, so that an interrupted run goes on where it was."""

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Journal:
    """Records under two-part keys in a JSON-lines file; the first line says which run they belong to.

    Args:
        path: the file; it is begun anew where its first line is of another run.
        run: everything that decides the results.
    """

    def __init__(self, path: Path, run: dict[str, Any]) -> None:
        self.path = path
        self._records: dict[tuple[str, str], Record] = {}
        lines = path.read_text().splitlines() if path.exists() else []
        if lines and _parsed(lines[0]) == {"run": run}:
            self._take(lines[1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = [json.dumps({"run": run}), *(json.dumps(record) for record in self._records.values())]
        path.write_text("\n".join(whole) + "\n")

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            # The last line of an interrupted run may be torn.
            if record := _parsed(line):
                self._records[record["image"], record["row"]] = record

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._records

    def __getitem__(self, key: tuple[str, str]) -> Record:
        return self._records[key]

    def add(self, record: Record) -> None:
        """Keep a record (with ``image`` and ``row``) and write it out at once."""
        self._records[record["image"], record["row"]] = record
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
