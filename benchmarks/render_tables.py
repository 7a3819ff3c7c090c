"""Puts the tables of benchmarks/results/ into pages of text, between their marks (``<!-- table:NAME -->``)."""

import argparse
import difflib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from report import RESULTS, results

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")

MARKED = re.compile(r"<!-- table:(?P<name>\S+) -->\n.*?<!-- /table -->", re.DOTALL)


def main(arguments: list[str] | None = None) -> None:
    """Render or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail where a page differs")
    parser.add_argument("--pages", type=Path, nargs="+", default=PAGES, help="the texts (default: both READMEs)")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    tables = blocks(options.results)
    texts = {page: (page.read_text(), rendered(page.read_text(), tables)) for page in options.pages}
    if options.check:
        check(texts)
    else:
        for page, (_, after) in texts.items():
            page.write_text(after)


def check(texts: Mapping[Path, tuple[str, str]]) -> None:
    """Exit with the differences, if there are any."""
    lines = [
        line
        for page, (before, after) in texts.items()
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), str(page), "rendered", lineterm="")
    ]
    if lines:
        sys.exit("\n".join([*lines, "Tables differ. Run: python benchmarks/render_tables.py"]))


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
