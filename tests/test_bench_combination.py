"""The rows: every combination and baseline once."""

import re
from zlib import crc32

import pytest
import torch

from patchwrap import wrap_callable
from patchwrap.bench.combination import Doubled, Matrix, refuse_duplicate_keys, slug
from patchwrap.bench.report import Row
from patchwrap.errors import CheckpointError, OptionError, TilingError
from patchwrap.heads import Head, save_head

FIRST = Row("flat", "", "flat")


def flat(**options):
    return wrap_callable(lambda images: 1 + images.mean(1), "depth:scale", (24, 32), **options)


def keys(matrix, backend=None):
    return [one.row.key for one in matrix.combinations(FIRST, backend or flat(), True)]


def test_baselines_stand_beside_every_backend_and_plan():
    rows = [one.row for one in Matrix(["2x2", "p16"], ["poisson"], ["none"]).combinations(FIRST, flat(), True)]
    assert [row.key for row in rows] == [
        *("flat-single", "flat-double", "flat-2x2-average", "flat-2x2-minmax", "flat-2x2-poisson"),
        *("flat-p16-average", "flat-p16-minmax", "flat-p16-poisson"),
    ]
    assert [row.key for row in rows if not row.baseline] == ["flat-2x2-poisson", "flat-p16-poisson"]
    assert [row.reference for row in rows] == [None] + ["flat-single"] * 7
    assert {row.convention for row in rows} == {"depth:scale"} and all(row.alignment for row in rows)
    assert len({row.title for row in rows}) == len(rows)


def test_no_combination_twice():
    assert keys(Matrix(["2x2"], ["average", "blend"], ["none"])) == [
        *("flat-single", "flat-double", "flat-2x2-minmax", "flat-2x2-average", "flat-2x2-blend"),
    ]
    once = keys(Matrix(["2x2", "2x2"], ["blend", "blend"], ["none", "none"]))
    assert once == keys(Matrix(["2x2"], ["blend"], ["none"]))
    # Without a head of its own, a backend's two heads are the same.
    assert keys(Matrix(["2x2"], ["blend"], ["none", "auto"])) == once


def test_heads_of_one_file_name_are_two_rows(tmp_path):
    files = [tmp_path / run / "head.safetensors" for run in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        save_head(Head(), file)
    rows = Matrix(["2x2"], ["blend"], list(map(str, files)), baselines=()).combinations(FIRST, flat(), True)[-2:]
    assert [(one.row.key, one.row.head, one.options["head"]) for one in rows] == [
        (f"flat-2x2-blend-head-a-head-{crc32(b'a/head'):08x}", "a/head", str(files[0])),
        (f"flat-2x2-blend-head-b-head-{crc32(b'b/head'):08x}", "b/head", str(files[1])),
    ]
    (tmp_path / "c" / "a").mkdir(parents=True)
    save_head(Head(), tmp_path / "c" / "a" / "head.safetensors")
    with pytest.raises(OptionError, match="Rename their files"):
        Matrix(["2x2"], ["blend"], [str(files[0]), str(tmp_path / "c" / "a" / "head.safetensors")])


def test_baselines_and_tiles_can_be_left_out():
    assert keys(Matrix(["2x2"], ["blend"], ["none"], baselines=())) == ["flat-single", "flat-double", "flat-2x2-blend"]
    alone = Matrix(["none"], ["blend"], ["none"]).combinations(FIRST, flat(), True)
    assert [one.row.key for one in alone] == ["flat-single", "flat-double"]
    assert alone[0].plan("none", (240, 320)) is None
    with pytest.raises(OptionError, match="'glue'"):
        Matrix(["2x2"], ["blend"], ["none"], baselines=["glue"])


def test_a_head_is_a_row_where_there_is_one():
    backend = flat()
    backend.head = type("Head", (), {"refine": lambda self, view: view.aligned})()
    rows = Matrix(["2x2"], ["blend"], ["none", "auto"]).combinations(FIRST, backend, True)
    assert [(one.row.key, one.row.head, one.options["head"]) for one in rows[-2:]] == [
        ("flat-2x2-blend", "none", None),
        ("flat-2x2-blend-head", "auto", "auto"),
    ]
    assert rows[-1].aligner == ("plane", "auto")


def test_the_automatic_fuser_is_poisson_or_what_the_head_asks_for():
    backend = flat()
    backend.head = type("Head", (), {"refine": lambda self, view: view.aligned, "fuser": "blend"})()
    rows = Matrix(["2x2"], ["auto"], ["none", "auto"]).combinations(FIRST, backend, True)[-2:]
    assert [one.row.key for one in rows] == ["flat-2x2-poisson", "flat-2x2-blend-head"]
    assert [one.options["fuser"] for one in rows] == ["poisson", "blend"]
    twice = Matrix(["2x2"], ["blend", "auto"], ["none", "auto"]).combinations(FIRST, backend, True)
    assert [one.row.key for one in twice][-3:] == ["flat-2x2-blend", "flat-2x2-blend-head", "flat-2x2-poisson"]


def test_a_head_of_a_file_is_a_row_of_every_backend(tmp_path):
    path = str(save_head(Head(), tmp_path / "my head.safetensors"))
    rows = Matrix(["2x2"], ["blend"], ["none", path]).combinations(FIRST, flat(), True)
    assert [(one.row.key, one.row.head, one.options["head"]) for one in rows[-2:]] == [
        ("flat-2x2-blend", "none", None),
        (f"flat-2x2-blend-head-my-head-{crc32(b'my head'):08x}", "my head", path),
    ]
    assert rows[-1].row.title.endswith("+ head my head") and rows[-1].aligner == ("plane", path)
    with pytest.raises(CheckpointError, match="No fusion head at"):
        Matrix(["2x2"], ["blend"], ["none.safetensors"])


def test_a_fixed_input_size_has_no_pass_at_twice_the_size():
    assert "flat-double" not in keys(Matrix(["2x2"], ["blend"], ["none"]), flat(free_aspect=False))


def test_where_fused_maps_are_mirrored_a_single_pass_is_too():
    backend = flat()
    backend.mirror = True
    rows = Matrix(["2x2"], ["blend"], ["none"], baselines=()).combinations(FIRST, backend, True)
    assert [one.row.key for one in rows] == ["flat-single", "flat-mirrored", "flat-double", "flat-2x2-blend"]
    row, options = rows[1].row, rows[1].options
    assert (row.plan, row.baseline, row.reference) == ("none", True, "flat-single")
    assert options["mirror"] and not options["tiles"] and "mirror" not in rows[0].options


def test_the_doubled_backend_sees_twice_the_size():
    seen = []

    def look(images):
        seen.append(tuple(images.shape[2:]))
        return images.mean(1)

    single, double, *_ = Matrix(["2x2"], ["blend"], ["none"]).combinations(
        FIRST, wrap_callable(look, "depth:scale", (24, 32)), True
    )
    for one in (single, double):
        one.predict(torch.rand(3, 48, 64))
    assert seen == [(24, 32), (48, 64)]


def test_a_backend_that_moves_moves_doubled():
    backend = flat()
    moved = []
    backend.to = lambda device, dtype: moved.append((device, dtype))
    Doubled(backend).to(torch.device("cpu"), torch.float32)
    assert moved == [(torch.device("cpu"), torch.float32)]


@pytest.mark.parametrize(
    "options, error",
    [
        ((["9z9"], ["blend"], ["none"]), TilingError),
        ((["2x2"], ["glue"], ["none"]), OptionError),
        ((["2x2"], ["blend"], ["mine"]), OptionError),
        (([], ["blend"], ["none"]), OptionError),
    ],
)
def test_impossible_options_are_refused_before_anything_is_done(options, error):
    with pytest.raises(error):
        Matrix(*options)


def test_auto_is_resolved_by_photo():
    one = Matrix(["auto"], ["blend"], ["none"]).combinations(FIRST, flat(), True)[-1]
    assert one.plan("auto", (24, 32)) is None
    assert one.plan("auto", (240, 320)).name == "3x3"
    # A pass at twice the size is looked at where the backend's own tiles would be.
    double = Matrix(["auto"], ["blend"], ["none"]).combinations(FIRST, flat(), True)[1]
    assert double.plan("auto", (48, 64)) == one.plan("auto", (48, 64)) is not None


def test_slugs_of_plain_names_are_the_names_and_others_have_a_digest():
    assert slug("native") == "native" and slug("depth-anything_small") == "depth-anything_small"
    name = "onnx=a b/c.onnx"
    assert slug(name) == f"onnx-a-b-c-onnx-{crc32(name.encode()):08x}"


@pytest.mark.parametrize("names", [("v1.0", "v1-0"), ("голова", "头")])
def test_heads_whose_names_differ_in_other_characters_have_keys_of_their_own(tmp_path, names):
    files = [str(save_head(Head(), tmp_path / f"{name}.safetensors")) for name in names]
    found = keys(Matrix(["2x2"], ["blend"], files, baselines=()))
    assert len(set(found)) == len(found) == 4
    assert all(re.fullmatch("[A-Za-z0-9_-]+", key) for key in found)


def test_plans_of_several_layers_keep_their_keys():
    assert keys(Matrix(["2x2+4x4"], ["blend"], ["none"], baselines=()))[-1] == "flat-2x2-4x4-blend"


def test_a_key_that_two_rows_share_is_refused():
    with pytest.raises(OptionError, match="'one' and 'two' have the same key 'k'"):
        refuse_duplicate_keys([Row("k", "one", "x"), Row("k", "two", "x")])
