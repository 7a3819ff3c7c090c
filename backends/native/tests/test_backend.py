import subprocess
import sys

import numpy as np
import pytest
import torch

import patchwrap
from patchwrap.errors import CheckpointError, OptionError
from patchwrap.testing import bare_view, check_backend, painted_photo
from patchwrap_native import checkpoint
from patchwrap_native.backend import BEYOND, _detail, load
from patchwrap_native.checkpoint import Trio


@pytest.fixture(scope="module")
def native():
    return load()


def test_coarse_and_fine_keep_the_contract(native):
    check_backend(native)
    check_backend(native.fine)


def test_shipped_weights_are_small_and_carded():
    card = checkpoint.SHIPPED.with_suffix(".json")
    assert checkpoint.SHIPPED.stat().st_size <= 8e6 and card.is_file()


def test_the_whole_way_with_the_backends_own_fine_network_and_head(native):
    fused = patchwrap.predict(painted_photo(400, 640), native, plan="p16", head="auto")
    assert fused.options["head"] == "NativeHead" and fused.options["fine"] == "NativeFine"
    assert fused.options["fuser"] == native.head.fuser == "blend"
    assert fused.values.shape == (400, 640) and (fused.values > 0).all()
    assert str(fused.convention) == "depth:scale"


def test_a_home_relative_checkpoint(monkeypatch):
    monkeypatch.setenv("HOME", str(checkpoint.SHIPPED.parent))
    assert load(f"~/{checkpoint.SHIPPED.name}").processing == (288, 384)


def test_half_and_brain_precision_run_and_agree(native):
    photo = painted_photo(300, 480)
    full = patchwrap.predict(photo, native, plan="p16").values
    brain = patchwrap.predict(photo, load(), plan="p16", dtype="bfloat16").values
    assert np.median(np.abs(brain / full - 1)) < 0.05


def test_float32_weights_come_back_and_last_convolutions_are_never_rounded():
    native, cpu = load(), torch.device("cpu")
    networks = [native.network, native.fine.network, native.head.network]
    before = [{name: value.clone() for name, value in network.state_dict().items()} for network in networks]
    native.to(cpu, torch.bfloat16)
    for network, own, last in zip(networks, before, ("head", "head", "residual")):
        assert next(network.parameters()).dtype == torch.bfloat16
        assert torch.equal(network.get_submodule(last).weight, own[f"{last}.weight"])
    native.to(cpu, torch.float16).to(cpu, torch.float32)
    for network, own in zip(networks, before):
        assert all(torch.equal(value, own[name]) for name, value in network.state_dict().items())


def test_the_focal_length_makes_it_metric(native):
    photo = painted_photo(256, 448)
    wide, narrow = (patchwrap.predict(photo, native, fov=fov) for fov in (90.0, 40.0))
    assert str(wide.convention) == "depth:metric"
    ratio = np.tan(np.radians(45)) / np.tan(np.radians(20))
    assert np.allclose(narrow.values, ratio * wide.values, rtol=1e-3)


def test_no_line_runs_around_the_map(native):
    images = torch.from_numpy(painted_photo(256, 384)).permute(2, 0, 1)[None]
    with torch.no_grad():
        depth, (log_depth, _) = native.predict(images)[0, 0], native.network(images)
    inside = slice(2, -2), slice(2, -2)
    torch.testing.assert_close(depth[inside].log().diff(), log_depth[0, 0][inside].diff(), atol=1e-5, rtol=0)
    for border, next_one in ((depth[0], depth[2]), (depth[-1], depth[-3]), (depth[:, 0], depth[:, 2])):
        assert torch.equal(border, next_one)


def test_the_head_decides_layout_and_leaves_a_tile_the_detail_that_is_believed(native):
    draw = torch.Generator().manual_seed(0)
    images, aligned = (torch.rand(1, channels, 128, 192, generator=draw) for channels in (3, 1))
    aligned *= BEYOND
    coarse, nothing = torch.zeros_like(aligned), torch.zeros_like(aligned)
    with torch.no_grad():
        doubted = native.head.refine(bare_view(images, coarse, aligned, confidence=nothing))
        believed = native.head.refine(bare_view(images, coarse, aligned))
        torch.testing.assert_close(doubted, native.head.network(images, coarse, aligned, None, None)[0])
    steps, changed = aligned.diff().abs().mean(), (believed - aligned).diff().abs().mean()
    assert changed < 0.05 * steps < (doubted - aligned).diff().abs().mean()
    torch.testing.assert_close(believed.mean(), doubted.mean(), atol=0.01, rtol=0)


def test_detail_carries_nothing_far_beyond_the_tile_and_the_network(native):
    draw = torch.Generator().manual_seed(0)
    images, aligned = torch.rand(1, 3, 128, 192, generator=draw), torch.zeros(1, 1, 128, 192)
    aligned[..., 40:48, :] = -2.0  # a rail; its neighbourhood's mean is far from both sides
    coarse = torch.full_like(aligned, -1.0)
    with torch.no_grad():
        refined = native.head.network(images, coarse, aligned, None, None)[0]
        detailed = native.head.refine(bare_view(images, coarse, aligned))
    assert ((refined - detailed).abs().amax() > BEYOND) and (_detail(aligned - refined).abs().amax() > 0.5)
    assert (detailed >= torch.minimum(aligned, refined) - BEYOND - 1e-6).all()
    assert (detailed <= torch.maximum(aligned, refined) + BEYOND + 1e-6).all()


def test_only_the_fine_network_knows_tiles(native):
    assert native.fine.knows_tiles and not native.knows_tiles
    photo = painted_photo(288, 384)
    plain, half = (patchwrap.predict(photo, native, plan="2x2", **how) for how in ({}, {"detail": 0.5}))
    assert plain.options["detail"] == half.options["detail"] and np.array_equal(plain.values, half.values)


def test_the_trio_asks_for_the_mirror_image_unless_told_otherwise(native):
    photo = painted_photo(288, 384)
    assert patchwrap.predict(photo, native, plan="2x2").options["mirror"] is True
    assert patchwrap.predict(photo, native, plan="2x2", mirror=False).options["mirror"] is False


def test_who_asks_for_a_fuser_gets_it_whatever_the_head_asks_for(native):
    photo = painted_photo(288, 384)
    assert patchwrap.predict(photo, native, plan="2x2", head="auto", fuser="split").options["fuser"] == "split"
    assert patchwrap.predict(photo, native, plan="2x2").options["fuser"] == "poisson"


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all"])
def test_a_bad_checkpoint_is_one_clear_line(tmp_path, content):
    path = tmp_path / "bad.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"bad\.safetensors") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(checkpoint.SHIPPED.read_bytes()[:-1000])
    with pytest.raises(CheckpointError):
        load(path)


def test_unknown_options_are_refused(tmp_path):
    checkpoint.save(Trio.untrained(), tmp_path / "trio.safetensors")
    with pytest.raises(OptionError, match=r"'native' takes no such option: .*'colour'\. It has: encoder"):
        patchwrap.load_backend("native", tmp_path / "trio.safetensors", colour="red")
    with pytest.raises(OptionError, match="plain"):
        load(tmp_path / "trio.safetensors", encoder="timm:test_resnet")


def test_the_plugin_loads_no_torch():
    code = "import patchwrap_native.plugin, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_gradients_reach_the_image(native):
    images = torch.from_numpy(painted_photo(64, 96)).permute(2, 0, 1)[None].requires_grad_()
    native.predict(images).log().mean().backward()
    assert images.grad.abs().sum() > 0
