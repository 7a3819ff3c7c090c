import json

from patchwrap.cli import main
from patchwrap_diffusers.published import CONVENTIONS, PUBLISHED, SETTINGS, SOURCES


def test_names_are_unique_and_short():
    assert len(SOURCES) == len(PUBLISHED) == len(set(SOURCES.values()))
    assert all("/" not in name and source.count("/") == 1 for name, source in SOURCES.items())
    assert set(SETTINGS) <= set(CONVENTIONS)


def test_the_listing_tells_licence_and_meaning_of_each(capsys):
    assert main(["backends", "--json"]) == 0
    row = next(row for row in json.loads(capsys.readouterr().out) if row["name"] == "diffusers")
    checkpoints = {checkpoint["name"]: checkpoint for checkpoint in row["checkpoints"]}
    assert row["convention"] is None
    assert checkpoints["marigold-v1-0"] == {
        "name": "marigold-v1-0",
        "source": "prs-eth/marigold-depth-v1-0",
        "convention": "depth:affine",
        "licence": "Apache-2.0",
    }
