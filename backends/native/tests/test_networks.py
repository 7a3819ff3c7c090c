import sys

import pytest
import torch

from patchwrap.errors import MissingExtraError, OptionError
from patchwrap_native import checkpoint
from patchwrap_native.checkpoint import Trio
from patchwrap_native.folding import fold
from patchwrap_native.fusion_network import FusionNetwork
from patchwrap_native.unet import UNet


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_trio_is_small():
    count = sum(p.numel() for network in Trio.untrained().parts.values() for p in network.parameters())
    assert 2e6 < count <= 4e6


def test_only_three_by_three_convolutions_and_two_by_two_pooling_look_around():
    sizes = {m.kernel_size for m in Trio.untrained().coarse.modules() if isinstance(m, torch.nn.Conv2d)}
    assert sizes <= {(3, 3), (1, 1)} and (3, 3) in sizes


def test_depth_and_features_have_their_sizes():
    depth, features = UNet().eval()(rand(2, 3, 64, 96))
    assert depth.shape == (2, 1, 64, 96) and features.shape == (2, 32, 32, 48)


def test_the_bottleneck_sees_the_whole_image():
    network = UNet().eval()
    images = rand(1, 3, 256, 448).requires_grad_()
    network(images)[0][0, 0, 0, 0].backward()
    assert images.grad[0, :, -1, -1].abs().sum() > 0


def test_an_untrained_fusion_network_returns_the_aligned_tile():
    maps = [rand(1, 1, 64, 64, seed=n) for n in (1, 2)]
    guides = [rand(1, 32, 32, 32, seed=n) for n in (3, 4)]
    refined = FusionNetwork().eval()(rand(1, 3, 64, 64), *maps, *guides)[0]
    assert torch.equal(refined, maps[1])


def test_the_fusion_network_knows_no_scale_and_lives_without_features():
    network = FusionNetwork().eval()
    torch.nn.init.normal_(network.residual.weight, generator=torch.Generator().manual_seed(5))
    images, coarse, aligned = rand(1, 3, 64, 64), rand(1, 1, 64, 64, seed=1), rand(1, 1, 64, 64, seed=2)
    here = network(images, coarse, aligned, None, None)[0]
    there = network(images, coarse + 3, aligned + 3, None, None)[0]
    assert not torch.allclose(here, aligned)
    assert torch.allclose(here + 3, there, atol=1e-4)


def test_folding_batch_norm_changes_nothing():
    network = UNet().train()
    for n in range(3):
        network(rand(4, 3, 64, 64, seed=n))
    network.eval()
    with torch.no_grad():
        before = network(rand(1, 3, 64, 96, seed=9))[0]
        after = fold(network)(rand(1, 3, 64, 96, seed=9))[0]
    assert torch.allclose(before, after, atol=1e-4)


def test_without_timm_its_extra_is_told(monkeypatch):
    monkeypatch.delitem(sys.modules, "patchwrap_native.timm_encoder", raising=False)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"needs timm.*patchwrap-native\[timm\]"):
        UNet(encoder="timm:test_resnet")


def test_a_timm_encoder_is_built_only_when_chosen():
    pytest.importorskip("timm")
    network = UNet(encoder="timm:test_resnet").eval()
    depth, features = network(rand(1, 3, 64, 96))
    assert depth.shape == (1, 1, 64, 96) and features.shape[0] == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mambaout_femto", r"\(16, 24, 48\) at 1/4 of 96x64; needed are \(48, 16, 24\), channels first"),
        ("crossvit_tiny_240", r"maps at 1/12, 1/17; needed are some of 1, 1/2, 1/4 … 1/32"),
        ("hf-hub:timm/resnet18.a1_in1k", "'hf-hub:timm/resnet18.a1_in1k' is no network of timm itself"),
        ("local-dir:/nowhere", "nothing is downloaded"),
        ("vit_tiny_patch16_224", "does not take pictures of 96x64"),
        ("levit_128s", "does not take pictures of 96x64"),
    ],
)
def test_a_timm_encoder_that_does_not_fit_is_refused_when_built(name, words):
    pytest.importorskip("timm")
    with pytest.raises(OptionError, match=words):
        UNet(encoder=f"timm:{name}")


def test_trying_out_a_timm_encoder_leaves_no_trace():
    pytest.importorskip("timm")
    torch.manual_seed(0)
    encoder = UNet(encoder="timm:test_resnet").encoder
    drawn = torch.rand(1)
    assert all(module.training for module in encoder.modules())
    statistics = [value for key, value in encoder.state_dict().items() if key.endswith("running_mean")]
    assert statistics and not any(value.any() for value in statistics)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("patchwrap_native.timm_encoder.TimmEncoder._check_maps", lambda self, name: None)
        torch.manual_seed(0)
        untried = UNet(encoder="timm:test_resnet").encoder
    assert torch.equal(torch.rand(1), drawn)
    assert all(map(torch.equal, encoder.parameters(), untried.parameters()))


def test_a_checkpoint_comes_back_in_half_precision(tmp_path):
    trio = Trio.untrained()
    checkpoint.save(trio, tmp_path / "trio.safetensors")
    assert (tmp_path / "trio.safetensors").stat().st_size <= 8e6
    again = checkpoint.load(tmp_path / "trio.safetensors")
    for name, network in trio.parts.items():
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                assert torch.allclose(value.half().float(), again.parts[name].state_dict()[key]), key
