import json

import pytest

from patchwrap.errors import CheckpointError, ConventionError, OptionError
from patchwrap_onnx.card import METADATA, complete, read_facts


@pytest.fixture
def model(tmp_path):
    return tmp_path / "model.onnx"


def card_of(model, beside=None, metadata=None, **options):
    if beside is not None:
        model.with_suffix(".json").write_text(beside if isinstance(beside, str) else json.dumps(beside))
    own = {} if metadata is None else {METADATA: json.dumps(metadata)}
    return complete(read_facts(model, options), own, model)


def test_options_win_over_the_json_and_the_json_over_the_metadata(model):
    metadata = {"convention": "depth:scale", "multiple": 2, "batch": 2, "color": "BGR"}
    card = card_of(model, {"multiple": 3, "batch": 3}, metadata, batch=4, color=None)

    assert (str(card.convention), card.multiple, card.batch, card.color) == ("depth:scale", 3, 4, "BGR")


@pytest.mark.parametrize("written", ["beside", "metadata"])
def test_another_convention_drops_the_scale_that_was_written_with_the_first(model, written):
    exported = {"convention": "depth:scale", "metres_per_focal": 1.5}
    assert card_of(model, **{written: exported}, convention="depth:affine").metres_per_focal is None
    assert card_of(model, **{written: exported}, convention="inverse_depth:scale").metres_per_focal is None
    assert card_of(model, **{written: exported}, convention="depth:scale").metres_per_focal == 1.5
    with pytest.raises(OptionError, match="metres_per_focal is the scale of"):
        card_of(model, **{written: exported}, convention="depth:affine", metres_per_focal=2)


def test_an_exported_file_with_its_json_takes_another_convention_too(model):
    exported = {"convention": "depth:scale", "metres_per_focal": 1.5}
    assert card_of(model, exported, exported, convention="depth:affine").metres_per_focal is None


def test_numbers_come_as_they_were_written(model):
    beside = {"convention": "depth:metric", "processing": [392, 518], "range": [-1, 1], "mean": [1, 2, 3.5]}
    card = card_of(model, beside)

    assert (card.processing, card.range, card.mean, card.std) == ((392, 518), (-1, 1), (1, 2, 3.5), (1, 1, 1))


def test_the_meaning_of_the_numbers_is_never_guessed(model):
    with pytest.raises(ConventionError, match=r'convention.*inverse_depth:affine.*\{"convention".*model\.json'):
        card_of(model, {"multiple": 14})


@pytest.mark.parametrize("size", [(392, 518), [392, 518], "518x392", "518X392"])
def test_a_size_is_written_as_for_other_backends(size, tmp_path):
    assert read_facts(tmp_path / "model.onnx", {"processing": size})["processing"] == (392, 518)


@pytest.mark.parametrize("size", [518, "518"])
def test_one_number_is_both_sides(size, tmp_path):
    assert read_facts(tmp_path / "model.onnx", {"processing": size})["processing"] == (518, 518)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("colour", "BGR", r"colour is not known. There are: convention, processing"),
        ("processing", [518], r"processing \[518\] is not a size: \(height, width\)"),
        ("processing", [518, 0], "whole number from 1"),
        ("processing", "518x", "processing '518x' is not a size: .*'WIDTHxHEIGHT'"),
        ("processing", True, "or one number"),
        ("multiple", "14", "multiple is '14'; expected a whole number from 1"),
        ("multiple", True, "whole number"),
        ("free_aspect", 1, "true or false"),
        ("mirror", "yes", "true or false"),
        ("layout", "CHW", '"NCHW" or "NHWC"'),
        ("color", "rgb", '"RGB" or "BGR"'),
        ("range", [0, 1, 2], "2 numbers"),
        ("mean", 0.5, "3 numbers"),
        ("std", [1, 0, 1], "3 numbers above 0"),
        ("output", 0, "a name"),
        ("metres_per_focal", -1, "a number above 0"),
        ("convention", ["depth"], "SPACE:AMBIGUITY"),
    ],
)
def test_an_impossible_entry_is_named_with_its_origin(model, key, value, words):
    for beside, options, origin in (({key: value}, {}, r"model\.json: "), (None, {key: value}, "options of the onnx")):
        model.with_suffix(".json").unlink(missing_ok=True)
        with pytest.raises(OptionError, match=f"{origin}.*{words}") as caught:
            card_of(model, beside, **options)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\xff"])
def test_a_broken_json_is_one_clear_line(model, text):
    model.with_suffix(".json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match=r"model\.json") as caught:
        card_of(model)
    assert "\n" not in str(caught.value)
