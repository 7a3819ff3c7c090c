import numpy as np
import pytest
import torch

from patchwrap import coarsening, scratch
from patchwrap.errors import OptionError
from patchwrap.fusers import FUSERS
from patchwrap.fusion import BlendFuser, PoissonFuser, SplitFuser, crossover, default_detail
from patchwrap.tiling import Tile, TilePlan
from patchwrap.windows import window

SIZE = (40, 64)
KINDS = {"poisson": PoissonFuser, "blend": BlendFuser, "split": SplitFuser}


def maps():
    draw = torch.Generator().manual_seed(0)
    coarse = torch.linspace(0, 1, SIZE[1]).expand(SIZE).contiguous()
    return coarse, coarse + 0.1 * torch.randn(SIZE, generator=draw)


def fuse(name, coarse, truth, detail, plan="p49"):
    fuser = KINDS[name](coarse, SIZE[1] // 4, detail)
    for tile in TilePlan.parse(plan).tiles(SIZE):
        fuser.add(tile, truth[tile.slices], window(tile, SIZE))
    return fuser.result()


@pytest.mark.parametrize("name", KINDS)
def test_without_tiles_the_coarse_map_comes_back(name):
    coarse, _ = maps()
    assert torch.allclose(KINDS[name](coarse, 16, 0.5).result(), coarse, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_detail_zero_is_the_coarse_map_and_one_the_tiles(name):
    coarse, truth = maps()
    assert torch.allclose(fuse(name, coarse, truth, 0.0), coarse, atol=1e-6)
    tiles = fuse(name, coarse, truth, 1.0)
    assert ((tiles - tiles.mean()) - (truth - truth.mean())).abs().max() < 0.02


@pytest.mark.parametrize("name", KINDS)
def test_detail_moves_monotonically_from_coarse_to_tiles(name):
    coarse, truth = maps()
    strengths = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]
    distance = [(fuse(name, coarse, truth, s) - truth).square().mean() for s in strengths]
    assert all(after < before for before, after in zip(distance, distance[1:]))


@pytest.mark.parametrize("name", KINDS)
def test_a_tile_without_weight_changes_nothing(name):
    coarse, truth = maps()
    fuser = KINDS[name](coarse, 16, 0.5)
    fuser.add(Tile(0, 0, 10, 10), truth[:10, :10] + 100, torch.zeros(10, 10))
    assert torch.allclose(fuser.result(), coarse, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_order_of_tiles_does_not_matter(name):
    coarse, truth = maps()
    results = []
    for order in (1, -1):
        fuser = KINDS[name](coarse, 16, 0.5)
        for tile in TilePlan.parse("p49").tiles(SIZE)[::order]:
            fuser.add(tile, truth[tile.slices], window(tile, SIZE))
        results.append(fuser.result())
    assert torch.allclose(*results, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_a_lone_tile_fades_out_before_its_border_where_padding_shows(name):
    tile, grid = Tile(64, 64, 256, 256), (384, 384)
    fused = []
    for artefact in (0.0, 8.0):
        fuser = KINDS[name](torch.zeros(grid), 256, 0.5)
        values = torch.ones(tile.size)
        values[-1] += artefact
        fuser.add(tile, values, window(tile, grid))
        fused.append(fuser.result())
    assert (fused[1] - fused[0]).abs().max() < 0.5


@pytest.mark.parametrize("detail", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("name", KINDS)
def test_a_canvas_too_large_for_one_solution_is_fused_alike(name, detail, monkeypatch):
    draw = torch.Generator().manual_seed(0)
    coarse = torch.linspace(0, 1, 211).expand(157, 211).contiguous()
    truth = coarse + 0.1 * torch.randn(coarse.shape, generator=draw)

    def fused():
        fuser = KINDS[name](coarse, 53, detail)
        for tile in TilePlan.parse("p49").tiles(coarse.shape):
            fuser.add(tile, truth[tile.slices], window(tile, coarse.shape))
        return fuser.result()

    whole = fused()
    monkeypatch.setattr(coarsening, "WHOLE", 9000)
    monkeypatch.setattr(scratch, "LIMIT", 1000)
    assert (fused() - whole).abs().max() < 0.002 * (truth.max() - truth.min())


@pytest.mark.parametrize("name", KINDS)
def test_a_plane_comes_back_through_blocks(name, monkeypatch):
    monkeypatch.setattr(coarsening, "WHOLE", 3000)
    plane = torch.linspace(0, 1, 131)[:, None] + torch.linspace(-1, 3, 97)
    fuser = KINDS[name](torch.zeros_like(plane), 24, 1.0)
    for tile in TilePlan.parse("p49").tiles(plane.shape):
        fuser.add(tile, plane[tile.slices], window(tile, plane.shape))
    fused = fuser.result()
    # The flat coarse map has a weight of 0.01 in the mean, relatively more towards the borders of tiles.
    gap = (fused - fused.mean()) - (plane - plane.mean())
    assert gap.abs().max() < 0.05 * (plane.max() - plane.min())


def test_blend_by_hand():
    fuser = BlendFuser(torch.zeros(1, 3), 2, 1.0)
    fuser.add(Tile(0, 0, 1, 2), torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 1.0]]))
    fuser.add(Tile(0, 1, 1, 2), torch.tensor([[4.0, 4.0]]), torch.tensor([[0.5, 1.0]]))
    assert fuser.result()[0].tolist() == pytest.approx([1 / 1.01, 3 / 1.51, 4 / 1.01])


def test_poisson_leaves_no_seam_between_tiles_that_are_offset():
    coarse, _ = maps()
    fuser = PoissonFuser(coarse, 32, 0.5)
    fuser.add(Tile(0, 0, 40, 32), coarse[:, :32] + 0.3, torch.ones(40, 32))
    fuser.add(Tile(0, 32, 40, 32), coarse[:, 32:] - 0.3, torch.ones(40, 32))
    step = torch.diff(fuser.result(), dim=1)
    assert (step - 1 / 63).abs().max() < 1e-4


def test_crossover_is_0_three_tile_widths_and_infinite():
    assert [crossover(d, 100) for d in (0.0, 0.5, 1.0)] == [0, 300, np.inf]


@pytest.mark.parametrize("detail", [-0.1, 1.1])
def test_detail_outside_its_range(detail):
    with pytest.raises(OptionError, match="detail"):
        PoissonFuser(torch.zeros(4, 4), 2, detail)


class Part:
    """Stands for a backend or a head."""

    def __init__(self, knows_tiles: bool) -> None:
        self.knows_tiles = knows_tiles


def test_the_default_crossover_is_wider_if_backend_or_head_was_trained_on_tiles():
    widths = [crossover(default_detail(FUSERS["poisson"], *parts), 100) for parts in (
        (object(), None), (Part(False), None), (Part(True), None), (object(), Part(True)), (Part(True), Part(False))
    )]
    assert widths == pytest.approx([100, 100, 300, 300, 300])


def test_fusers_that_only_average_have_detail_one():
    assert all(default_detail(FUSERS[name], object(), None) == 1 for name in ("blend", "average", "minmax"))


@pytest.mark.parametrize(("name", "kept"), [("poisson", 1 / 2), ("split", 1 - np.exp(-0.5))])
@pytest.mark.parametrize("down", [True, False])
def test_a_wave_as_long_as_the_crossover_is_kept_in_part(name, kept, down):
    """By the transfer functions k^2 / (k^2 + screen) and 1 - exp(-(k sigma)^2 / 2); the anchor takes one hundredth."""
    size, length = 96, 48
    wave = torch.cos(2 * np.pi * (torch.arange(size) + 0.5) / length)
    wave = (wave[:, None] if down else wave[None, :]).expand(size, size).contiguous()
    fuser = KINDS[name](torch.zeros(size, size), length // 3, 0.5)
    fuser.add(Tile(0, 0, size, size), wave, torch.ones(size, size))
    assert (fuser.result() / wave).median() == pytest.approx(kept / 1.01, rel=0.01)


@pytest.mark.parametrize("line", [np.s_[10, :], np.s_[:, 10]], ids=["row", "column"])
def test_the_value_of_a_pixel_without_weight_does_not_enter_a_gradient(line):
    results = []
    for wrong in (0.0, 50.0):
        values, weights = torch.zeros(24, 24), torch.ones(24, 24)
        values[line], weights[line] = wrong, 0.0
        fuser = PoissonFuser(torch.zeros(24, 24), 16, 0.5)
        fuser.add(Tile(0, 0, 24, 24), values, weights)
        results.append(fuser.result())
    assert torch.allclose(*results, atol=1e-5)
