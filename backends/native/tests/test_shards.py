import json
import resource
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from patchwrap.errors import ImageError, OptionError, OutputError
from patchwrap.scenes import Renderer, build_scene
from patchwrap_native import rendering
from patchwrap_native.cli import main
from patchwrap_native.crops import COARSE, FINE, Sampler, place, scaled
from patchwrap_native.depth_code import decode_log, encode
from patchwrap_native.rendering import RenderJob, kind_of, render
from patchwrap_native.shards import SceneViews, open_shards, write_shard
from patchwrap_native.views import draw_pairs


def test_depth_codes_keep_a_tenth_of_a_percent_and_the_sky():
    depth = np.array([[0.3, 1.0, 50.0, 199.0, np.inf]], np.float32)
    log = np.asarray(decode_log(encode(depth)))
    assert np.allclose(np.exp(log[0, :4]), depth[0, :4], rtol=1e-3)
    assert np.isinf(log[0, 4])


def test_pairs_overlap_inside_the_photo_and_repeat_by_seed():
    for pair in draw_pairs(3, 20):
        (top, left, height, width), (top2, left2, _, _) = pair.windows
        assert min(top, left, top2, left2) >= 0 and max(top, top2) + height <= 1 + 1e-9
        assert max(left, left2) + width <= 1 + 1e-9
        assert abs(top2 - top) == pytest.approx(abs(pair.quarters[0]) * height / 4)
        assert abs(left2 - left) == pytest.approx(abs(pair.quarters[1]) * width / 4)
    assert draw_pairs(3, 2) == draw_pairs(3, 2) != draw_pairs(4, 2)


def test_batches_have_one_size_and_depend_on_the_key_alone(shards):
    for diet in (COARSE, FINE):
        sampler = Sampler(open_shards(shards), diet, 3)
        first, again, other = sampler.draw((0, 1, 2), 1.0), sampler.draw((0, 1, 2), 1.0), sampler.draw((0, 1, 3), 1.0)
        assert first.images.shape[0] == 3 and first.images.shape[2] % 32 == 0
        assert torch.equal(first.images, again.images) and torch.equal(first.target, again.target)
        assert first.images.shape != other.images.shape or not torch.equal(first.images, other.images)


def test_crops_lie_inside_the_view():
    rng = np.random.default_rng(0)
    for _ in range(50):
        top, left, height, width = place((64, 96), (64, 96), float(rng.uniform(0.3, 1)), rng)
        assert top >= 0 and left >= 0 and top + height <= 64 and left + width <= 96
    assert scaled((288, 384), 2 / 3) == (192, 256)


def test_rendering_real_scenes_resumes_and_matches_the_renderer(tmp_path):
    job = RenderJob(tmp_path, scenes=2, pairs=1, per_shard=1, processes=1, shapes=((64, 96),))
    assert render(job) == 2
    shard = open_shards(tmp_path)[1]
    before = (shard.folder / "codes.npy").stat().st_mtime_ns
    assert render(job) == 2 and (shard.folder / "codes.npy").stat().st_mtime_ns == before
    views, scene = shard[0], build_scene(shard.scenes[0]["seed"])
    with Renderer() as renderer:
        frames = [renderer.render(scene, (64, 96), window=tuple(window)) for window in views.windows]
    assert views.windows == [[0, 0, 1, 1], *map(list, draw_pairs(scene.seed, 1)[0].windows)]
    assert np.array_equal(views.images, [frame.image for frame in frames])
    assert np.array_equal(views.codes, encode(np.stack([frame.depth for frame in frames])))
    assert views.focals == [frame.intrinsics.fx for frame in frames] and views.focals[1] > views.focals[0]


def blank(seeds, size, pairs, supersample, kinds):
    """Scenes without anything, drawn at once."""
    views, pair = 1 + 2 * pairs, [(0.0, 0.0, 1.0, 1.0)] * (1 + 2 * pairs)
    maps = np.zeros((views, *size, 3), np.uint8), np.zeros((views, *size), np.uint16)
    rest = [1.0] * views, pair, [(0, 2)] * pairs
    return [SceneViews(*maps, *rest, seed, kind_of(seed, kinds), supersample) for seed in seeds]


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Five scenes in two shards, which are drawn; by threads, since processes start slowly."""
    monkeypatch.setattr(rendering, "workers", ThreadPoolExecutor)
    job = RenderJob(tmp_path, scenes=5, pairs=1, per_shard=3, processes=1, shapes=((4, 6),))
    assert render(job, blank) == 2
    return job


def test_a_seed_that_chooses_its_kind_chooses_that_of_its_scene():
    assert all(kind_of(seed, ()) == build_scene(seed).kind for seed in range(3))


def test_a_shard_that_became_too_short_is_rendered_again(job):
    first = (job.out / "shard_00000" / "images.npy").stat().st_mtime_ns
    longer = replace(job, scenes=6)
    assert [longer.finished(*shard) for shard in longer.shards()] == [True, False] and render(longer, blank) == 2
    assert [len(shard) for shard in open_shards(job.out)] == [3, 3]
    assert (job.out / "shard_00000" / "images.npy").stat().st_mtime_ns == first


def test_other_files_in_the_folder_of_a_shard_are_kept(job):
    (job.out / "shard_00001" / ".DS_Store").write_text("mine")
    assert render(replace(job, scenes=6), blank) == 2
    assert [len(shard) for shard in open_shards(job.out)] == [3, 3]
    assert sorted(path.name for path in job.out.iterdir()) == ["shard_00000", "shard_00001"]
    assert (job.out / "shard_00001" / ".DS_Store").read_text() == "mine"


def test_more_scenes_than_are_asked_for_are_kept(job):
    assert render(replace(job, scenes=4), blank) == 2
    assert [len(shard) for shard in open_shards(job.out)] == [3, 2]


def test_a_shard_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match="Cannot write shard"):
            write_shard(tmp_path / "shard_00000", blank([0], (288, 384), 1, 1, ()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["images.npy", "codes.npy", "scenes.json"])
def test_a_shard_that_is_unfinished_is_rendered_again(job, name):
    for spoil in (lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-9])):
        spoil(job.out / "shard_00001" / name)
        assert render(job, blank) == 2 and open_shards(job.out)[1].images.shape == (2, 3, 4, 6, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"first_seed": 1},
        {"kinds": ("still",)},
        {"pairs": 2},
        {"supersample": 1},
        {"shapes": ((6, 4),)},
        {"per_shard": 2},
    ],
)
def test_shards_of_another_job_are_refused_and_kept(job, change):
    before = [(shard.scenes, shard.images.shape) for shard in open_shards(job.out)]
    with pytest.raises(OptionError, match=r"shard_0000\d' holds \d scenes of another job.*or another folder"):
        render(replace(job, **change), blank)
    assert [(shard.scenes, shard.images.shape) for shard in open_shards(job.out)] == before


def test_a_shard_that_does_not_say_how_it_was_sampled_is_kept(job):
    for shard in open_shards(job.out):
        scenes = [{name: value for name, value in scene.items() if name != "supersample"} for scene in shard.scenes]
        (shard.folder / "scenes.json").write_text(json.dumps(scenes))
    assert all(job.finished(*shard) for shard in job.shards())


@pytest.mark.parametrize("option", ["--scenes", "--pairs", "--per-shard", "--supersample", "--processes"])
def test_nothing_to_render_is_one_line(tmp_path, capsys, option):
    assert main(["render", "-o", str(tmp_path), option, "0"]) == 2
    assert capsys.readouterr().err.endswith(f"{option[2:].replace('-', '_')} 0 is less than 1.\n")


def test_the_help_says_what_a_shard_holds(capsys):
    with pytest.raises(SystemExit):
        main(["render", "--help"])
    assert "scenes per shard (default: 64)" in " ".join(capsys.readouterr().out.split())


def test_ctrl_c_is_one_line(tmp_path, monkeypatch, capsys):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(rendering, "render", pressed)
    assert main(["render", "-o", str(tmp_path)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"


def test_a_shard_without_its_pictures_is_named(shards, tmp_path):
    shard = open_shards(shutil.copytree(shards, tmp_path / "copy"))[0]
    (shard.folder / "images.npy").unlink()
    with pytest.raises(ImageError, match=r"unreadable.*Delete the folder and render again"):
        shard[0]


def test_kinds_that_are_named_take_turns(tmp_path, capsys):
    command = ["render", "-o", str(tmp_path), "--scenes", "3", "--pairs", "1", "--processes", "1", "--supersample", "1"]
    assert main([*command, "--kinds", "still,room"]) == 0
    assert [scene["kind"] for scene in open_shards(tmp_path)[0].scenes] == ["still", "room", "still"]
    with pytest.raises(SystemExit):
        main([*command, "--kinds", "still,moon"])
    assert "given 'moon', needed any of" in capsys.readouterr().err
