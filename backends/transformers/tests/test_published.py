import json

from patchwrap.cli import main
from patchwrap_transformers.published import PUBLISHED, SOURCES


def test_names_are_unique_and_short():
    assert len(SOURCES) == len(PUBLISHED) == len(set(SOURCES.values()))
    assert all("/" not in name and source.count("/") == 1 for name, source in SOURCES.items())


def test_the_listing_tells_licence_and_meaning_of_each(capsys):
    assert main(["backends", "--json"]) == 0
    row = next(row for row in json.loads(capsys.readouterr().out) if row["name"] == "transformers")
    checkpoints = {checkpoint["name"]: checkpoint for checkpoint in row["checkpoints"]}
    assert row["convention"] is None
    assert checkpoints["depth-anything-v2-small"] == {
        "name": "depth-anything-v2-small",
        "source": "depth-anything/Depth-Anything-V2-Small-hf",
        "convention": "inverse_depth:affine",
        "licence": "Apache-2.0",
    }
    assert checkpoints["depth-anything-v2-large"]["licence"] == "CC-BY-NC-4.0"
