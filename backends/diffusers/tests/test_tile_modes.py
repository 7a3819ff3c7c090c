import resource
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from einops import repeat

import patchwrap
from patchwrap import TileContext
from patchwrap.convention import DepthConvention
from patchwrap.resampling import resize_maps
from patchwrap.testing import painted_photo
from patchwrap.tiling import TilePlan
from patchwrap.windows import window
from patchwrap_diffusers import backend as backend_module
from patchwrap_diffusers.grid import levels
from patchwrap_diffusers.tile_modes import CoarseStart

MODES = ["independent", "shared-noise", "coarse-start", "joint"]
CANVAS = (116, 172)
PHOTO = torch.from_numpy(painted_photo(*CANVAS)).permute(2, 0, 1)[None]
TILES = TilePlan.parse("2x2").tiles(CANVAS) + TilePlan.parse("1x1").tiles(CANVAS)
COARSE = PHOTO[0].mean(0)[::4, ::4]


def source(tile):
    return resize_maps(PHOTO[:, :, *tile.slices], (64, 96))


def context(seed=0, batch=4, coarse=COARSE, convention="depth:affine", canvas=CANVAS):
    return TileContext(seed, coarse, DepthConvention.parse(convention), canvas, batch)


def maps_of(backend, tiles=TILES, **options):
    """Every tile's map, in the tiles' order."""
    with torch.no_grad():
        found = dict(backend.predict_tiles(source, tiles, context(**options)))
    assert len(found) == len(tiles)
    return torch.stack([found[tile] for tile in tiles])


@pytest.fixture
def spy(monkeypatch):
    """Record what a backend's network is given, and let a function answer instead of it."""

    def spy(backend, answer=None):
        seen = SimpleNamespace(batches=[], times=[], pictures=[], latents=[])
        denoise = backend.network.denoise

        def denoised(pictures, latents, time):
            seen.batches.append(len(latents))
            seen.times.append(int(time))
            seen.pictures.extend(pictures)
            seen.latents.extend(latents)
            return (answer or denoise)(pictures, latents, time)

        monkeypatch.setattr(backend.network, "denoise", denoised)
        return seen

    return spy


def gap(one, other):
    """Largest difference between maps, relative to their spread."""
    assert torch.equal(one.isnan(), other.isnan())
    both = one.isfinite()
    return ((one - other)[both].abs().max() / one[both].std()).item()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scheduler", ["ddim", "lcm"])
def test_the_same_seed_gives_the_same_maps_whatever_the_batch(load_tiny, mode, scheduler):
    backend = load_tiny(scheduler, tile_mode=mode, steps=3, processing=(64, 96))
    one = maps_of(backend, batch=1)
    assert gap(one, maps_of(backend, batch=4)) < 1e-3 and gap(one, maps_of(backend, batch=100)) < 1e-3
    assert gap(one, maps_of(backend, seed=1)) > 0.1


@pytest.mark.parametrize("mode", MODES)
def test_where_memory_runs_out_it_goes_on_with_smaller_batches(load_tiny, mode, spy):
    backend = load_tiny("lcm", tile_mode=mode, steps=2, processing=(64, 96))
    plain, denoise = maps_of(backend), backend.network.denoise

    def small(pictures, latents, time):
        if len(latents) > 2:
            raise MemoryError("deliberate")
        return denoise(pictures, latents, time)

    seen = spy(backend, small)
    assert gap(plain, maps_of(backend)) < 1e-3 and 4 in seen.batches


def test_joint_tries_what_does_not_fit_in_memory_once_and_not_at_every_step(load_tiny, spy):
    backend = load_tiny(tile_mode="joint", steps=2, ensemble=3, processing=(64, 96))
    denoise = backend.network.denoise

    def small(pictures, latents, time):
        if len(latents) > 1:
            raise MemoryError("deliberate")
        return denoise(pictures, latents, time)

    seen = spy(backend, small)
    maps_of(backend, TILES[:4])
    assert [size for size in seen.batches if size > 1] == [4, 2]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ensemble", [1, 3])
def test_no_batch_is_larger_than_asked_and_every_tile_is_in_one(load_tiny, mode, ensemble, spy, monkeypatch):
    backend = load_tiny(tile_mode=mode, steps=2, ensemble=ensemble, processing=(64, 96))
    # To align the members takes most of the time, and no network.
    monkeypatch.setattr(backend_module, "combined", lambda members, _: (members.median(0).values, members[0]))
    seen, others = spy(backend), []
    for part in ("encode", "decode"):
        plain = getattr(backend.network, part)
        monkeypatch.setattr(backend.network, part, lambda x, plain=plain: others.append(len(x)) or plain(x))
    maps_of(backend, batch=3)
    steps = 1 if mode == "coarse-start" else 2
    assert max(seen.batches + others) <= 3
    assert sum(seen.batches) == len(TILES) * steps * ensemble


def starts_of(backend, spy):
    """The latents that tiles of one level start from, with the pixels that these are of."""
    tiles = TilePlan.parse("2x2").tiles((128, 192))
    seen = spy(backend)
    with torch.no_grad():
        list(backend.predict_tiles(lambda tile: torch.zeros(1, 3, 64, 96), tiles, context(canvas=(128, 192), batch=9)))
    return list(zip(tiles, seen.latents[:9]))


def overlapping(starts):
    """What both of each two overlapping tiles hold of the cells they share."""
    for (one, a), (other, b) in combinations(starts, 2):
        top, left = max(one.top, other.top), max(one.left, other.left)
        bottom, right = min(one.bottom, other.bottom), min(one.right, other.right)
        if top < bottom and left < right:
            yield tuple(
                cells[:, (top - t.top) // 8 : (bottom - t.top) // 8, (left - t.left) // 8 : (right - t.left) // 8]
                for t, cells in ((one, a), (other, b))
            )


@pytest.mark.parametrize("mode", ["shared-noise", "joint"])
def test_overlapping_tiles_start_from_the_same_noise(load_tiny, mode, spy):
    pairs = list(overlapping(starts_of(load_tiny(tile_mode=mode, steps=2, processing=(64, 96)), spy)))
    assert len(pairs) == 20 and all(torch.equal(a, b) for a, b in pairs)


def test_independent_tiles_do_not(load_tiny, spy):
    starts = starts_of(load_tiny(tile_mode="independent", steps=2, processing=(64, 96)), spy)
    for pair in overlapping(starts):
        assert torch.corrcoef(torch.stack([cells.flatten() for cells in pair]))[0, 1].abs() < 0.4


def disagreement(backend):
    """Mean difference between maps where tiles overlap, over their spread."""
    tiles = TilePlan.parse("2x2").tiles((128, 192))
    photo = torch.from_numpy(painted_photo(128, 192)).permute(2, 0, 1)[None]
    with torch.no_grad():
        maps = dict(backend.predict_tiles(lambda t: photo[:, :, *t.slices], tiles, context(canvas=(128, 192))))
    stack = torch.full((9, 128, 192), torch.nan)
    for layer, tile in zip(stack, tiles):
        layer[tile.slices] = maps[tile]
    differences = [(a - b).abs() for a, b in combinations(stack, 2)]
    values = torch.cat([d[d.isfinite()] for d in differences])
    return (values.mean() / stack[stack.isfinite()].std()).item()


@pytest.mark.parametrize("scheduler", ["trailing", "lcm"])
def test_tiles_agree_the_more_they_share(load_tiny, scheduler):
    found = [disagreement(load_tiny(scheduler, tile_mode=mode, steps=4, processing=(64, 96))) for mode in MODES]
    independent, shared, _, joint = found
    assert shared < 0.9 * independent and joint < 0.95 * shared


def test_at_one_step_from_zero_noise_tiles_start_alike_and_differ_only_by_where_they_are_read(load_tiny):
    options, tiles = {"processing": (64, 96), "steps": 1, "noise": "zeros"}, TilePlan.parse("3x3").tiles(CANVAS)
    own, shared, coarse = (
        maps_of(load_tiny("trailing", tile_mode=mode, **options), tiles) for mode in MODES[:3]
    )
    assert gap(shared, coarse) < 1e-4
    # Tiles that begin between two cells are read from the nearest one, unless they are independent.
    [level] = levels(tiles, CANVAS, lambda size: (64, 96), 8)
    moved = {place.tile for place in level.places if place.seen != place.tile}
    assert len(moved) == 19 and len(tiles) == 25
    for tile, one, other in zip(tiles, own, shared):
        assert one.isfinite().all() and other.isnan().any() == (tile in moved)
        both = other.isfinite()
        assert ((one - other)[both].abs().max() / one.std() < 1e-4) == (tile not in moved)


@pytest.mark.parametrize(("strength", "times"), [(1.0, [999, 749, 499, 249]), (0.5, [499, 249]), (0.1, [249])])
def test_coarse_start_takes_a_share_of_the_steps(load_tiny, spy, strength, times):
    backend = load_tiny("trailing", tile_mode="coarse-start", strength=strength, steps=4, processing=(64, 96))
    seen = spy(backend)
    maps_of(backend, TILES[:4])
    assert seen.times == times


def test_coarse_start_begins_at_the_coarse_map_under_each_tile(load_tiny, spy):
    backend = load_tiny("trailing", tile_mode="coarse-start", strength=0.5, steps=4, processing=(64, 96), noise="zeros")
    ramp = repeat(torch.linspace(-3, 7, 192), "w -> h w", h=128)
    seen = spy(backend)
    tiles = TilePlan.parse("2x2").tiles((128, 192))
    with torch.no_grad():
        known = context(coarse=ramp, canvas=(128, 192))
        list(backend.predict_tiles(lambda tile: torch.zeros(1, 3, 64, 96), tiles, known))
        # Of the whole ramp the 2nd to 98th percentile become 0 to 1, whatever its scale and shift.
        unit = ((torch.linspace(0, 1, 192) - 0.02) / 0.96).clamp(0, 1)
        level = backend.sampler.schedule._scheduler.alphas_cumprod[499].sqrt()
        for tile, start in zip(tiles[:2], seen.latents):
            under = repeat(unit[tile.left : tile.right], "w -> 1 1 h w", h=64)
            wanted = level * backend.network.encode_maps(under)[0]
            assert (start - wanted).abs().mean() < 0.03 * wanted.std()


@pytest.mark.parametrize(
    ("convention", "map_of"),
    [
        ("depth:metric", lambda depth: depth),
        ("inverse_depth:metric", lambda depth: 1 / depth),
        ("depth:affine", lambda depth: 3 * depth - 20),
    ],
)
def test_another_backends_coarse_map_is_brought_into_our_convention(load_tiny, spy, convention, map_of):
    backend = load_tiny("trailing", tile_mode="coarse-start", strength=0.5, steps=4, processing=(64, 96), noise="zeros")
    depth = repeat(torch.linspace(1, 50, 172), "w -> h w", h=116)
    starts = []
    for coarse, meaning in ((depth, "depth:affine"), (map_of(depth), convention)):
        seen = spy(backend)
        maps_of(backend, TILES[:4], coarse=coarse, convention=meaning)
        starts.append(torch.stack(seen.latents[:4]))
    assert torch.allclose(starts[0], starts[1], atol=1e-3)


@pytest.mark.parametrize(
    ("own", "coarse", "rises"),
    [
        ("depth:scale", "inverse_depth:affine", False),
        ("inverse_depth:metric", "depth:affine", False),
        ("depth:scale", "depth:affine", True),
        ("depth:affine", "inverse_depth:scale", False),
        ("depth:scale", "inverse_depth:metric", False),
    ],
)
def test_coarse_start_is_far_where_the_coarse_map_is_far(own, coarse, rises):
    values = torch.linspace(1, 5, 40).expand(30, 40).clone()
    values[0, 0] = torch.nan
    start = CoarseStart(context(coarse=values, convention=coarse), DepthConvention.parse(own), 0.5).map
    assert start[0, 0] == 0.5 and start.min() == 0 and start.max() == 1
    assert (start[1, -1] > start[1, 0]) == rises


def test_a_coarse_sky_of_inverse_depth_zero_is_the_farthest():
    values = torch.linspace(0, 5, 40).expand(30, 40).clone()
    coarse = context(coarse=values, convention="inverse_depth:scale")
    start = CoarseStart(coarse, DepthConvention.parse("depth:affine"), 0.5).map
    assert start[0, 0] == start.max() == 1 and start[0, 2] > 0.2


@pytest.mark.parametrize("rows", [9, 18])
@pytest.mark.parametrize(
    ("convention", "sky"), [("depth:metric", 1e4), ("depth:scale", 1e4), ("inverse_depth:metric", 0)]
)
def test_under_a_far_sky_the_ground_is_not_black(convention, sky, rows):
    ground = torch.linspace(1, 20, 40).expand(30, 40)
    values = (ground if convention.startswith("depth") else 1 / ground).clone()
    values[:rows] = sky
    start = CoarseStart(context(coarse=values, convention=convention), DepthConvention.parse("depth:affine"), 0.5).map
    assert (start[:rows] == 1).all() and start[rows:].max() - start[rows:].min() > 0.1


def test_behind_something_near_the_background_is_no_sky():
    values = torch.linspace(3, 30, 40).expand(30, 40).clone()
    values[:, :13] = torch.linspace(0.4, 0.6, 13)
    coarse = context(coarse=values, convention="depth:metric")
    start = CoarseStart(coarse, DepthConvention.parse("depth:affine"), 0.5).map
    assert (start[:, 13:] == 1).float().mean() < 0.1 and start[:, 38].min() - start[:, 14].max() > 0.5


def test_an_affine_coarse_map_is_not_measured_from_its_zero():
    values = torch.linspace(1, 20, 40).expand(30, 40).clone()
    values[:9] = 1e4
    affine = DepthConvention.parse("depth:affine")
    starts = [CoarseStart(context(coarse=values + shift), affine, 0.5).map for shift in (0, 5)]
    assert torch.allclose(*starts, atol=1e-4) and starts[0][9:].max() < 0.01


def test_invalid_values_of_the_coarse_map_do_no_harm(load_tiny):
    backend = load_tiny("trailing", tile_mode="coarse-start", steps=4, processing=(64, 96))
    holed = COARSE.clone()
    holed[:5] = torch.nan
    assert maps_of(backend, TILES[-1:], coarse=holed).isfinite().all()


def test_joint_is_multidiffusion(load_tiny):
    """Against the textbook: every tile takes a step of its own, then the mean of their latents goes on."""
    backend = load_tiny("trailing", tile_mode="joint", steps=4, processing=(64, 96))
    tiles = TilePlan.parse("2x2").tiles((128, 192))
    photo = torch.from_numpy(painted_photo(128, 192)).permute(2, 0, 1)[None]
    network, schedule = backend.network, backend.sampler.schedule
    with torch.no_grad():
        ours = dict(backend.predict_tiles(lambda t: photo[:, :, *t.slices], tiles, context(canvas=(128, 192))))
        pictures = [network.encode(photo[:, :, *t.slices]) for t in tiles]
        cells = [patchwrap.Tile(t.top // 8, t.left // 8, 8, 12) for t in tiles]
        field = backend.sampler.noise((1, 4, 16, 24), 0, "field", (64, 96), 0, 0)
        for index in range(4):
            total, weights = torch.zeros(1, 4, 16, 24), torch.zeros(16, 24)
            for picture, cell in zip(pictures, cells):
                latents = field[:, :, *cell.slices]
                output = network.denoise(picture, latents, schedule.time(index))
                total[:, :, *cell.slices] += window(cell, (16, 24)) * schedule.step(index, output, latents, int)
                weights[cell.slices] += window(cell, (16, 24))
            field = total / weights
        for tile, cell in zip(tiles, cells):
            assert (ours[tile] - network.decode(field[:, :, *cell.slices])[0, 0]).abs().max() < 1e-3


def test_joint_needs_little_memory_for_forty_megapixels(load_tiny, spy, monkeypatch):
    canvas = (5184, 7776)
    backend = load_tiny("trailing", tile_mode="joint", steps=2, processing=(576, 864))
    tiles = TilePlan.parse("slide:864x576").tiles(canvas)
    assert len(tiles) == 17 * 17 and canvas[0] * canvas[1] > 40e6
    resident = []

    def answer(pictures, latents, time):
        resident.append(memory())
        return pictures + latents

    seen = spy(backend, answer)
    monkeypatch.setattr(backend.network, "encode", lambda images: images[:, :1, ::8, ::8].repeat(1, 4, 1, 1))
    monkeypatch.setattr(
        backend.network, "decode", lambda latents: repeat(latents[:, :1], "b c h w -> b c (h p) (w q)", p=8, q=8)
    )
    before = memory()
    picture = torch.rand(1, 3, 576, 864, generator=torch.Generator().manual_seed(0))
    for _, values in backend.predict_tiles(lambda tile: picture, tiles, context(canvas=canvas, batch=4)):
        resident.append(memory())
        assert values.shape == (576, 864)
    # Latents of all pictures, 36 MB, and some ten fields of 10 MB while one steps; the pictures alone would be 1.7 GB.
    assert max(resident) - before < 400 * 2**20 and max(seen.batches) == 4


def memory():
    """Bytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
