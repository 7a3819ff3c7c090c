"""Puts the tables of benchmarks/results/ into the README, between its marks (``<!-- table:NAME -->``)."""

import argparse
import difflib
import re
import sys
from pathlib import Path

from report import RESULTS, results

MARKED = re.compile(r"<!-- table:(?P<name>\S+) -->\n.*?<!-- /table -->", re.DOTALL)


def main(arguments: list[str] | None = None) -> None:
    """Render or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail where the README differs")
    parser.add_argument("--readme", type=Path, default=Path(__file__).parents[1] / "README.md")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    before = options.readme.read_text()
    after = rendered(before, blocks(options.results))
    if not options.check:
        options.readme.write_text(after)
    elif before != after:
        texts = before.splitlines(), after.splitlines()
        lines = difflib.unified_diff(*texts, "README.md", "rendered", lineterm="")
        sys.exit("\n".join([*lines, "README tables differ. Run: python benchmarks/render_tables.py"]))


def blocks(folder: Path) -> dict[str, str]:
    """Every table as Markdown, with the command and commit it comes from."""
    return {
        name: f"{table.markdown()}\n\n{result.caption()}"
        for result in results(folder)
        for name, table in result.tables.items()
    }


def rendered(text: str, tables: dict[str, str]) -> str:
    """Return a text with its marked tables replaced."""

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in tables:
            sys.exit(f"No result holds the table {name!r}. There are: {', '.join(tables) or 'none'}.")
        return f"<!-- table:{name} -->\n\n{tables[name]}\n\n<!-- /table -->"

    return MARKED.sub(replaced, text)


if __name__ == "__main__":
    main()
