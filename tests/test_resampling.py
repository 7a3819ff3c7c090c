import numpy as np
import pytest
import torch

from patchwrap import scratch
from patchwrap.resampling import (
    input_size,
    interpolate_in_bands,
    interpolate_map,
    resize_maps,
    resize_photo,
    sample_windows,
)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [((2160, 3840), (256, 448)), ((3024, 4032), (288, 384)), ((4032, 3024), (384, 288)), ((1000, 1000), (320, 320))],
)
def test_input_keeps_the_photos_aspect_and_the_processing_area(image, wanted):
    assert input_size(image, (288, 384), multiple=32) == wanted


def test_a_wide_image_gets_a_wide_input_and_a_tall_one_a_tall_input():
    assert input_size((100, 300), (288, 384), 14) == (196, 588)
    assert input_size((300, 100), (288, 384), 14) == (588, 196)


def test_where_multiples_are_coarse_the_aspect_counts_more_than_the_area():
    assert input_size((1000, 1600), (100, 100), multiple=64) == (64, 128)


def test_extreme_aspects_still_have_a_multiple_a_side():
    height, width = input_size((20, 4000), (288, 384), multiple=32)
    assert height == 32 and width % 32 == 0


def test_a_fixed_aspect_is_kept():
    assert input_size((100, 900), (518, 518), 14, free_aspect=False) == (518, 518)


def test_shrinking_averages_and_enlarging_interpolates():
    step = torch.tensor([[[[0.0, 0.0, 1.0, 1.0]]]])
    assert resize_maps(step, (1, 2)).flatten().tolist() == pytest.approx([0.125, 0.875], abs=0.05)
    assert interpolate_map(torch.tensor([[0.0, 1.0]]), (1, 4)).flatten().tolist() == [0.0, 0.25, 0.75, 1.0]


def test_bytes_stay_bytes():
    assert resize_maps(torch.full((1, 3, 8, 8), 200, dtype=torch.uint8), (4, 4)).unique().tolist() == [200]


def test_under_a_window_at_the_same_sampling_is_the_crop():
    maps = torch.rand(1, 2, 8, 12, generator=torch.Generator().manual_seed(0))
    window = torch.tensor([[2 / 8, 3 / 12, 4 / 8, 6 / 12]])
    assert torch.allclose(sample_windows(maps, window, (4, 6)), maps[:, :, 2:6, 3:9], atol=1e-6)


def test_under_the_whole_window_is_an_ordinary_resize():
    maps = torch.rand(1, 1, 4, 6, generator=torch.Generator().manual_seed(0))
    whole = sample_windows(maps, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), (8, 12))
    assert torch.allclose(whole[0, 0], interpolate_map(maps[0, 0], (8, 12)), atol=1e-6)


def test_every_window_is_sampled_at_its_own_pixel_centres():
    rows, columns = torch.meshgrid((torch.arange(40) + 0.5) / 40, (torch.arange(60) + 0.5) / 60, indexing="ij")
    windows = torch.tensor([[0.1, 0.3, 0.5, 0.2], [0.2, 0.1, 0.3, 0.8]])
    found = sample_windows(torch.stack([rows, columns]).expand(2, 2, 40, 60), windows, (5, 4))
    for (top, left, height, width), (down, across) in zip(windows.tolist(), found):
        torch.testing.assert_close(down[:, 0], top + height * (torch.arange(5) + 0.5) / 5, atol=1e-5, rtol=0)
        torch.testing.assert_close(across[0], left + width * (torch.arange(4) + 0.5) / 4, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_moves_no_window(dtype):
    maps = torch.rand(1, 1, 40, 60, generator=torch.Generator().manual_seed(0))
    window = torch.tensor([[0.1, 0.3, 0.5, 0.2]])
    with torch.autocast("cpu", dtype):
        found = sample_windows(maps, window, (50, 40))
    assert torch.equal(found, sample_windows(maps, window, (50, 40)))


@pytest.fixture
def low_limit(monkeypatch):
    monkeypatch.setattr(scratch, "LIMIT", 1000)
    monkeypatch.setattr(scratch, "BAND", 7)


@pytest.mark.parametrize("size", [(40, 60), (41, 53), (200, 61), (20, 30), (1, 1)])
def test_enlarging_by_bands_is_enlarging(size, low_limit):
    values = torch.rand(20, 30, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(interpolate_in_bands(values, size), interpolate_map(values, size).numpy(), atol=1e-5)


def test_every_band_is_finished(low_limit):
    near = interpolate_in_bands(torch.tensor([[0.0], [1.0]]), (16, 1), lambda band: band > 0.5, dtype=bool)
    assert near.dtype == bool and near[:, 0].tolist() == [False] * 8 + [True] * 8


@pytest.mark.parametrize("size", [(30, 40), (31, 41), (7, 90), (97, 61), (150, 20), (200, 300)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_resizing_a_photo_by_bands_is_resizing(size, dtype, low_limit):
    full = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    photo = (np.random.default_rng(0).random((97, 61, 3)) * full).astype(dtype)
    expected = resize_maps(torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1)[None], size)[0]
    made = resize_photo(photo, size)
    assert made.dtype == photo.dtype and made.shape == (*size, 3)
    # 8-bit numbers are rounded twice, across and down.
    np.testing.assert_allclose(made, expected.permute(1, 2, 0), atol=1e-5 if dtype == "float32" else 1.01)


def test_a_photo_of_the_size_is_itself():
    photo = np.zeros((4, 5, 3), np.uint8)
    assert resize_photo(photo, (4, 5)) is photo
