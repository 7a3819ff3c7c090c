import json

from patchwrap.cli import main
from patchwrap_transformers.published import CONVENTIONS, PUBLISHED, SOURCES


def test_names_are_unique_and_short():
    assert len(SOURCES) == len(PUBLISHED) == len(set(SOURCES.values()))
    assert all("/" not in name and source.count("/") == 1 for name, source in SOURCES.items())


def test_every_dpt_of_midas_3_1_in_the_library_is_listed():
    names = {f"Intel/dpt-{kind}" for kind in ("beit-base-384", "beit-large-384", "beit-large-512")}
    names |= {f"Intel/dpt-swinv2-{kind}" for kind in ("tiny-256", "base-384", "large-384")}
    assert {source for source in SOURCES.values() if "beit" in source or "swinv2" in source} == names
    assert {CONVENTIONS[name] for name in names} == {"inverse_depth:affine"}


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
