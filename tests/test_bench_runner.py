"""Whole comparisons on small exact pairs: perfect backends, failing ones, interrupted runs."""

import json
import logging
import weakref
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pytest
import torch
from PIL import Image

import patchwrap
from patchwrap import tiling
from patchwrap.bench import backend_run, runner
from patchwrap.bench.report import Report
from patchwrap.bench.runner import RECORDS, bench
from patchwrap.convention import DepthConvention
from patchwrap.datasets import Sample, open_dataset
from patchwrap.errors import ImageError, OptionError
from patchwrap.io import read_image
from patchwrap.io.files import to_json
from patchwrap.machine import machine
from patchwrap.tiling import Tile

SIZE = (48, 64)
TIMES = {"seconds", "seconds_cold", "tiles_per_second", "rss"}


class Truth:
    """Knows the pictures' depth, e to the three times their brightness, in any convention; counts its images."""

    processing = SIZE

    def __init__(self, convention="depth:metric"):
        self.convention = DepthConvention.parse(convention)
        self.seen = 0

    def predict(self, images):
        self.seen += len(images)
        depth = torch.exp(3 * images.mean(1, keepdim=True))
        values = 1 / depth if self.convention.space == "inverse_depth" else depth
        return {"metric": values, "scale": 3 * values, "affine": 3 * values + 0.5}[self.convention.ambiguity]


class Moody(Truth):
    """Refuses dark pictures."""

    def predict(self, images):
        if images.mean() < 0.3:
            raise KeyError("too dark\nfor me")
        return super().predict(images)


class Full(Truth):
    """Has no memory for more than the whole picture."""

    def predict(self, images):
        if self.seen:
            raise MemoryError
        return super().predict(images)


@pytest.fixture
def folder(tmp_path):
    """Three slopes of brightness with exact depth, the second one dark."""
    data = tmp_path / "slopes"
    data.mkdir()
    for name, low, high in (("a", 0.3, 0.7), ("b", 0.1, 0.3), ("c", 0.4, 0.8)):
        grey = np.linspace(low * 65535, high * 65535, SIZE[1])[None].repeat(SIZE[0], 0).astype(np.uint16)
        Image.fromarray(grey).save(data / f"{name}.png")
        np.save(data / f"{name}.npy", np.exp(3 * (grey / 65535)).astype(np.float32))
    return data


def run(backends, folder, **options):
    return bench(backends, folder, **({"plans": ["2x2"], "fusers": ["blend"]} | options))


def mean(report, row, measure, alignment="own"):
    return report.tables[alignment][row][measure].estimate.mean


CONVENTIONS = ["depth:metric", "depth:scale", "depth:affine", "inverse_depth:metric", "inverse_depth:affine"]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_backend_that_knows_the_truth_is_perfect_in_its_convention(folder, convention):
    report = run({"truth": Truth(convention)}, folder)
    assert [row.error for row in report.rows] == [None] * 5
    assert {row.convention for row in report.rows} == {convention}
    for row, off in (("truth-single", 1e-4), ("truth-2x2-blend", 0.01)):
        assert mean(report, row, "abs_rel") < off and mean(report, row, "abs_rel", "coarse") < off
        assert mean(report, row, "delta1") == 1
    assert mean(report, "truth-2x2-blend", "ce_raw_relative") < 0.01


def test_see_of_a_stereo_rig_is_over_its_disparity():
    depth = np.exp(3 * np.repeat(np.float32([0.3, 0.31, 0.9]), 16)[None].repeat(48, 0))
    photo = read_image(np.repeat((np.log(depth) / 3)[..., None], 3, 2).astype(np.float32))
    near = patchwrap.wrap_callable(lambda images: torch.exp(3 * images.mean(1)) - 0.01, "depth:metric", (48, 48))
    found = {
        rig: run({"near": near}, [Sample("a", photo, depth, focal_times_baseline=rig)], plans=["none"])
        for rig in (None, 6.0, 1e-3)
    }
    known = {rig: report.tables["own"].get("near-single", {}) for rig, report in found.items()}
    assert known[6.0]["see"].estimate.mean == pytest.approx(0.01, rel=1e-3)
    assert known[None]["see"].estimate.mean == pytest.approx(0.01, rel=1e-3)
    assert "see" not in known[1e-3] or np.isnan(known[1e-3]["see"].estimate.mean), "no step of a pixel"


def test_backends_of_several_rules_are_also_fitted_alike(folder):
    report = run({"knows": Truth("depth:metric"), "nearly": Truth("inverse_depth:affine")}, folder)
    assert list(report.tables) == ["own", "coarse", "alike"]
    for row in ("knows-single", "nearly-single"):
        assert mean(report, row, "abs_rel", "alike") < 1e-4 and "boundary4" not in report.tables["alike"][row]
    assert "alike" not in run({"knows": Truth("depth:metric")}, folder).tables


def test_what_a_report_tells(folder):
    report = run([Truth()], folder, tile_batch_size=2)
    assert isinstance(report, Report) and (report.data, report.images) == ("slopes", ["a", "b", "c"])
    assert [row.key for row in report.rows] == [
        *("Truth-single", "Truth-double", "Truth-2x2-average", "Truth-2x2-minmax", "Truth-2x2-blend"),
    ]
    words = "patchwrap bench --backends Truth --data slopes --plans 2x2 --fusers blend --heads none --tile-batch-size 2"
    assert report.command == f"{words} -o report"
    assert report.options["seed"] == 0 and report.options["count"] == 3
    assert len(report.records) == 15 and report.pictures == [] and report.left_out == {}
    assert {"abs_rel", "ce", "boundary4_recall", "seconds", "seconds_cold"} <= {one.key for one in report.measures}
    # The single pass is compared with nothing, every other row with it.
    lines = report.tables["own"]
    assert all(cell.comparison is None for cell in lines["Truth-single"].values())
    assert lines["Truth-2x2-blend"]["abs_rel"].comparison is not None
    assert lines["Truth-single"]["seconds_cold"].estimate.images == 1
    assert lines["Truth-single"]["seconds"].estimate.images == 2
    assert lines["Truth-2x2-blend"]["tiles_per_second"].estimate.mean > 0


def test_the_public_name_is_called_before_and_after_its_package_is_imported(folder):
    import patchwrap.bench.report

    assert callable(patchwrap.bench)
    report = patchwrap.bench({"truth": Truth()}, folder, plans=["2x2"], fusers=["blend"], count=1)
    assert len(report.images) == 1


def test_a_backend_that_raises_is_a_row_with_its_error(folder, caplog):
    with caplog.at_level(logging.WARNING):
        report = run({"moody": Moody(), "truth": Truth()}, folder)
    errors = {row.key: row.error for row in report.rows}
    assert errors["moody-single"] == "b: KeyError: 'too dark\\nfor me'"
    assert all(error is None for key, error in errors.items() if key.startswith("truth"))
    assert "moody-single" not in report.tables["own"] and "truth-single" in report.tables["own"]
    assert report.images == ["a", "b", "c"]
    assert "single pass fails on b" in caplog.text
    assert {record["image"] for record in report.records if record["row"] == "moody-single"} == {"a"}


def test_a_backend_that_cannot_be_loaded_is_a_row(folder):
    report = run({"ghost": "no-such-backend", "truth": Truth()}, folder)
    assert report.rows[0].key == "ghost" and "no-such-backend" in report.rows[0].error
    assert report.rows[0].convention == "" and len(report.rows) == 6
    assert report.rows[1].title == "truth, single pass"


def test_a_name_too_long_for_a_file_is_a_row(folder):
    report = run([f"ghost={'x' * 300}", Truth()], folder, plans=["none"], count=1)
    assert [row.error is None for row in report.rows] == [False, True, True]


class Fixed(Truth):
    free_aspect = False  # hence no pass at twice the size


@pytest.mark.parametrize(("last", "steps"), [(Fixed(), 12), ("no-such-backend-either", 9)])
def test_progress_never_goes_back_and_ends_at_the_steps_of_all_backends(folder, last, steps):
    told = []
    backends = {"truth": Truth(), "fixed": Fixed(), "ghost": "no-such-backend", "last": last}
    run(backends, folder, plans=["none"], progress=lambda *step: told.append(step))
    done = [step[0] for step in told]
    assert done == sorted(done) and all(step[0] <= step[1] for step in told)
    assert told[-1][:2] == (steps, steps)  # two rows and once or twice one, of three images


def test_memory_that_runs_out_is_told(folder):
    report = run({"full": Full()}, folder, count=1)
    assert [row.error is None for row in report.rows] == [True, False, False, False, False]
    assert "out of memory" in report.rows[1].error


def test_a_prediction_that_fails_is_gone_before_the_gpus_cache_is_emptied(folder, monkeypatch):
    refused, alive = [], []

    class Large(Truth):
        def predict(self, images):
            activation = torch.zeros(4)
            refused.append(weakref.ref(activation))
            raise MemoryError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: alive.append(refused[-1]() is not None))
    run({"large": Large()}, folder, plans=["none"], device="cpu")
    assert alive == [False, False]  # the single pass and that at twice the size


def test_a_backend_leaves_the_device_before_the_next_one_predicts(folder):
    told = []

    class Placed(Truth):
        def to(self, device, dtype):
            told.append((self, dtype))

        def predict(self, images):
            told.append((self, "predicts"))
            return super().predict(images)

    first, second = Placed(), Placed()
    run({"first": first, "second": second}, folder, plans=["none"], count=1, dtype="bfloat16", device="cpu")
    before = told[: told.index((second, "predicts"))]
    assert [what for who, what in before if who is first][-1] == torch.float32


def test_reports_and_fingerprints_name_the_device_that_is_used(folder, tmp_path, monkeypatch):
    asked = []
    for module in (runner, backend_run):
        monkeypatch.setattr(module, "machine", lambda device="auto": asked.append(device) or machine(device))
    run({"truth": Truth()}, folder, plans=["none"], count=1, device="cpu", out=tmp_path / "report", pictures=0)
    assert len(asked) == 3 and set(asked) == {"cpu"}  # two rows and the report


def test_a_backend_that_cannot_be_moved_stops_no_other(folder):
    class Fixed(Truth):
        def to(self, device, dtype):
            raise RuntimeError("bolted down")

    report = run({"fixed": Fixed(), "knows": Truth()}, folder, plans=["none"], count=1)
    errors = {row.key: row.error for row in report.rows if row.key.endswith("single")}
    assert "bolted down" in errors["fixed-single"] and errors["knows-single"] is None


def test_heights_fail_where_depth_is_known(folder):
    report = run({"canopy": Truth("height:metric")}, folder, count=1)
    assert all("measured from the ground" in row.error for row in report.rows)


def test_an_image_that_cannot_be_read_is_left_out(folder, caplog):
    (folder / "b.png").write_bytes(b"torn")
    with caplog.at_level(logging.WARNING):
        report = run({"truth": Truth(), "other": Truth("depth:scale")}, folder)
    assert report.images == ["a", "c"] and list(report.left_out) == ["b"]
    assert caplog.text.count("b is left out") == 1
    assert mean(report, "other-single", "abs_rel") < 1e-4
    for name in "ac":
        (folder / f"{name}.npy").write_bytes(b"torn")
    with pytest.raises(ImageError, match="no image of slopes"):
        run({"truth": Truth()}, folder)


@pytest.mark.parametrize("convention", ["depth:metric", "depth:scale", "inverse_depth:affine"])
def test_photos_without_truth(folder, convention):
    for depth in folder.glob("*.npy"):
        depth.unlink()
    report = run({"truth": Truth(convention)}, folder)
    assert set(report.tables) == {"own"}
    measured = {measure.key for measure in report.measures}
    assert {"ce_relative", "coarse_difference", "seconds"} <= measured and not measured & {"abs_rel", "see"}
    assert ("ce" in measured) == (convention == "depth:metric")
    assert mean(report, "truth-2x2-blend", "coarse_difference") < 0.01


def test_rows_that_are_measured_again_begin_cold(folder, tmp_path):
    class Doubled(Truth):
        def predict(self, images):
            return 2 * super().predict(images)

    for backend in (Truth(), Doubled()):
        records = run({"truth": backend}, folder, out=tmp_path).records
        single = [record for record in records if record["row"] == "truth-single"]
        assert [record["cold"] for record in single] == [True] + [False] * (len(single) - 1)
        assert "seconds_cold" in single[0]["own"] and "seconds" in single[1]["own"]


def comparable(report):
    """A report without what no two runs have in common."""
    fields = asdict(report)
    for name in ("date", "command"):
        fields.pop(name)
    fields["records"] = [
        {key: value for key, value in record.items() if key not in ("cold", "own")}
        | {"own": {key: value for key, value in record["own"].items() if key not in TIMES}}
        for record in report.records
    ]
    for table in fields["tables"].values():
        for line in table.values():
            for key in TIMES:
                line.pop(key, None)
    fields["measures"] = [measure for measure in fields["measures"] if measure["key"] not in TIMES]
    return json.dumps(fields, sort_keys=True)


def test_an_interrupted_run_goes_on_where_it_stopped(folder, tmp_path):
    def interrupt(done, total, text):
        if done == 8:
            raise KeyboardInterrupt

    whole = run({"truth": Truth()}, folder, out=tmp_path / "whole")
    out, backend = tmp_path / "report", Truth()
    with pytest.raises(KeyboardInterrupt):
        run({"truth": Truth()}, folder, out=out, progress=interrupt)
    assert len((out / RECORDS).read_text().splitlines()) == 8 and not (out / "report.json").exists()
    with (out / RECORDS).open("a") as file:
        file.write('{"image": "a", "ro')
    steps = []
    resumed = run({"truth": backend}, folder, out=out, progress=lambda *told: steps.append(told[2]))
    assert comparable(resumed) == comparable(whole)
    assert sum(" on " in step for step in steps) == 7
    assert len((out / RECORDS).read_text().splitlines()) == 15
    assert all((out / name).exists() for name in resumed.pictures[0].depths.values())


def test_a_finished_run_is_not_repeated_but_changes_are_noticed(folder, tmp_path, monkeypatch):
    def steps(backend, **options):
        told = []
        run({"truth": backend}, folder, out=tmp_path / "out", progress=lambda *step: told.append(step[2]), **options)
        return sum(" on " in step for step in told)

    assert steps(Truth()) == 15
    assert steps(Truth()) == 0
    # Another plan: only its rows.
    assert steps(Truth(), plans=["2x2", "p16"]) == 9
    # Other weights.
    assert steps(Truth("depth:scale")) == 15
    # Another image under the same name.
    depth = np.load(folder / "a.npy")
    np.save(folder / "a.npy", depth[:, ::-1])
    assert steps(Truth("depth:scale")) == 5
    # A picture that is gone.
    next((tmp_path / "out" / "pictures").glob("b_truth-single_depth.jpg")).unlink()
    assert steps(Truth("depth:scale")) == 1
    assert steps(Truth("depth:scale"), pictures=0) == 0
    # A package that some measures need.
    installed = backend_run.versions
    monkeypatch.setattr(backend_run, "versions", lambda *names: installed() | dict.fromkeys(names, "another"))
    assert steps(Truth("depth:scale"), pictures=0) == 15


def test_another_choice_of_the_automatic_plan_is_measured_anew(folder, tmp_path, monkeypatch):
    class Small(Truth):
        processing = (8, 8)

    def plans():
        report = run({"x": Small()}, folder, out=tmp_path / "out", plans="auto", baselines=(), count=1, pictures=0)
        return {record["row"]: (record["plan"], record["borders"]) for record in report.records}

    before = plans()
    monkeypatch.setattr(tiling, "AUTO_MAX_SPLIT", 2)
    after = plans()
    assert after["x-auto-blend"] == ("2x2", "2x2") != before["x-auto-blend"]
    assert after["x-single"] == ("none", "2x2")


def test_a_row_that_failed_is_tried_again(folder, tmp_path):
    assert run({"x": Moody()}, folder, out=tmp_path / "out").rows[0].error
    assert run({"x": Truth()}, folder, out=tmp_path / "out").rows[0].error is None


def test_what_lies_in_the_folder(folder, tmp_path):
    report = run({"truth": Truth()}, folder, out=tmp_path / "out", pictures=2)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"records.jsonl", "report.csv", "report.json", "report.md", "pictures"}
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(to_json(asdict(report)))
    assert [picture.name for picture in report.pictures] == ["a", "b"]
    files = {f"pictures/{path.name}" for path in (tmp_path / "out" / "pictures").iterdir()}
    told = [asdict(picture) for picture in report.pictures]
    assert files == {
        name
        for picture in told
        for name in (picture["photo"], picture["truth"], *picture["depths"].values(), *picture["errors"].values())
    }
    assert "/" not in report.command.replace("slopes", "")


def test_wrapped_models_are_named_as_they_are():
    def small(images):
        return images.mean(1)

    wrapped = [patchwrap.wrap_callable(small, "depth:metric") for _ in range(2)]
    assert list(runner._named([*wrapped, Truth()])) == ["small", "small #2", "Truth"]


def test_backends_are_named_once_each(folder):
    twice = Truth()
    report = run([twice, twice, Truth("depth:scale")], folder, count=1)
    assert list(dict.fromkeys(row.backend for row in report.rows)) == ["Truth", "Truth #2"]
    assert len({row.key for row in report.rows}) == len(report.rows) == 10


def test_a_hubs_name_stays_whole_and_a_folders_is_told_from_it(ramp, folder):
    report = run([f"ramp={folder}", "ramp=org/slopes", "ramp"], folder, plans=["none"], count=1)
    assert list(dict.fromkeys(row.backend for row in report.rows)) == ["ramp=slopes", "ramp=org/slopes", "ramp"]
    assert "--backends ramp=./slopes,ramp=org/slopes,ramp --data slopes" in report.command


def test_backends_without_a_hash_are_compared(folder):
    @dataclass
    class Plain:
        processing: tuple[int, int] = SIZE
        convention: DepthConvention = field(default_factory=lambda: DepthConvention("depth", "metric"))

        def predict(self, images):
            return torch.exp(3 * images.mean(1, keepdim=True))

    report = run([Plain(), Plain()], folder, count=1)
    assert {row.backend: row.error for row in report.rows} == {"Plain": None, "Plain #2": None}


def test_what_counts_of_a_sample_is_measured_anew(folder, tmp_path):
    samples = [sample.read() for sample in open_dataset(folder).lazy_samples]
    counted = {}
    for name, now in (
        ("all", samples),
        ("near", [replace(sample, limits=(1e-3, 3.0)) for sample in samples]),
        ("part", [replace(sample, crop=Tile(0, 0, 48, 20)) for sample in samples]),
    ):
        report = run({"dim": Dim()}, now, plans=["none"], baselines=(), out=tmp_path / "report", pictures=0)
        counted[name] = mean(report, "dim-single", "rmse")
    assert len(set(counted.values())) == 3


class Dim(Truth):
    def predict(self, images):
        return super().predict(images) ** 1.5


def test_one_plan_or_fuser_may_be_a_word(folder):
    report = run({"truth": Truth()}, folder, plans="3x3", fusers="blend", heads="none", baselines="average", count=1)
    assert {row.plan for row in report.rows if row.plan != "none"} == {"3x3"}
    with pytest.raises(OptionError, match="pictures -1 is negative"):
        run({"truth": Truth()}, folder, pictures=-1)


def test_own_samples(folder):
    samples = [Sample("mine", read_image(folder / "a.png"), np.load(folder / "a.npy"))]
    report = bench({"truth": Truth()}, samples, plans=["2x2"])
    assert report.images == ["mine"] and mean(report, "truth-single", "abs_rel") < 1e-4


@pytest.mark.parametrize(
    "options",
    [
        *({"plans": ["9z9"]}, {"fusers": ["glue"]}, {"heads": ["mine"]}, {"plans": []}),
        *({"count": 0}, {"tile_batch_size": 0}, {"device": "abacus"}, {"dtype": "int8"}),
    ],
)
def test_impossible_options(folder, options):
    with pytest.raises(patchwrap.PatchwrapError):
        run({"truth": Truth()}, folder, **options)


def test_backends_whose_names_differ_in_other_characters_are_not_mixed(folder):
    report = run({"a b": Truth(), "a-b": Truth("depth:scale"), "a-b-2": Truth()}, folder, plans=["none"], count=1)
    assert len({row.key for row in report.rows}) == len(report.rows) == 6
    assert len({(record["image"], record["row"]) for record in report.records}) == 6


def test_backends_that_would_share_a_row_key_are_refused(folder):
    with pytest.raises(OptionError, match="have the same key 'a-single'"):
        run({"a": Truth(), "a-single": "no-such-backend"}, folder, plans=["none"], count=1)


def test_nothing_to_compare(folder, tmp_path):
    for nothing in ([], {}):
        with pytest.raises(OptionError, match="no backend"):
            run(nothing, folder)
    with pytest.raises(OptionError, match="not a folder"):
        run({"truth": Truth()}, tmp_path / "none")
