import pytest
import torch
import transformers as hf

import patchwrap
from patchwrap.errors import CheckpointError, OptionError
from patchwrap.resampling import resize_maps
from patchwrap.testing import painted_photo
from patchwrap_transformers.geometry import Geometry

FREE, SQUARE, FIXED = (Geometry((70, 98), 14), Geometry((64, 64), 16, "square"), Geometry((64, 64), 64, "fixed"))


def images(height, width):
    return torch.from_numpy(painted_photo(height, width)).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("geometry", "size", "nearest"),
    [
        (FREE, (70, 98), (70, 98)),
        (FREE, (70, 83), (70, 84)),
        (FREE, (3, 76), (14, 70)),
        (SQUARE, (32, 128), (64, 64)),
        (SQUARE, (90, 90), (96, 96)),
        (FIXED, (32, 128), (64, 64)),
        (FIXED, (128, 128), (64, 64)),
    ],
)
def test_nearest_size(geometry, size, nearest):
    assert geometry.nearest(size) == nearest


@pytest.mark.parametrize(
    ("geometry", "settings", "processing", "multiple"),
    [
        (FREE, {}, (70, 98), 14),
        (FREE, {"size": {"height": 518, "width": 518}, "ensure_multiple_of": 14}, (518, 518), 14),
        (FREE, {"size": 500}, (504, 504), 14),
        (FREE, {"size": {"height": 112, "width": 112}, "ensure_multiple_of": 4}, (112, 112), 28),
        (FREE, {"size": {"height": 518, "width": 518}, "do_resize": False}, (70, 98), 14),
        (FREE, {"size": [126, 84]}, (126, 84), 14),
        (FREE, {"size": {"shortest_edge": 518}}, (70, 98), 14),
        (FREE, {"ensure_multiple_of": 1 / 32}, (70, 98), 14),
        (SQUARE, {"size": {"height": 384, "width": 384}}, (384, 384), 16),
        (SQUARE, {"size": {"height": 384, "width": 512}}, (64, 64), 16),
        (FIXED, {"size": {"height": 384, "width": 384}}, (64, 64), 64),
    ],
)
def test_the_processors_file_is_followed_where_the_network_leaves_a_choice(geometry, settings, processing, multiple):
    found = geometry.published(settings)
    assert (found.processing, found.multiple) == (processing, multiple)


@pytest.mark.parametrize("size", [{"height": 70, "width": None}, {"height": "70", "width": "98"}, [70], [70, 0]])
def test_an_invalid_size_of_a_processor_is_one_line(size):
    with pytest.raises(CheckpointError, match="image processor's size"):
        FREE.published({"size": size})


@pytest.mark.parametrize("size", [(56, 84), [56, 84], "84x56", "84X56"])
def test_the_user_chooses_the_size(size):
    assert FREE.wanted(size).processing == (56, 84)


@pytest.mark.parametrize(
    ("geometry", "size", "words"),
    [
        (FREE, (56, 83), "84x56"),
        (FREE, "wide", "not a size"),
        (FREE, (0, 14), "not a size"),
        (FREE, (14, 14, 14), "not a size"),
        (SQUARE, (64, 128), "squares only"),
        (FIXED, 128, "64x64 only"),
    ],
)
def test_an_impossible_size_is_refused(geometry, size, words):
    with pytest.raises(OptionError, match=words):
        geometry.wanted(size)


EXPECTED = {
    "depth_anything": ((56, 84), 14, True),
    "depth_anything_metric": ((56, 84), 14, True),
    "prompt_depth_anything": ((56, 84), 14, True),
    "dpt": ((64, 64), 16, False),
    "dpt_hybrid": ((64, 64), 16, False),
    "dpt_dinov2": ((56, 56), 14, True),
    "dpt_beit": ((64, 64), 32, True),
    "dpt_swinv2": ((64, 64), 32, False),
    "glpn": ((64, 96), 32, True),
    "zoedepth": ((64, 96), 32, True),
    "zoedepth_two_heads": ((64, 96), 32, True),
    "depth_pro": ((128, 128), 128, False),
    "depth_pro_without_fov": ((128, 128), 128, False),
    "chmv2": ((64, 64), 16, True),
    "tipsv2_dpt": ((56, 84), 14, True),
}


def test_every_family_declares_what_its_network_takes(backend, name):
    assert (backend.processing, backend.multiple, backend.free_aspect) == EXPECTED[name]


@pytest.mark.parametrize("size", [(70, 83), (61, 130), (200, 45)])
def test_maps_have_the_pictures_size_whatever_it_is(backend, size):
    with torch.no_grad():
        assert backend.predict(images(*size)).shape == (1, 1, *size)


@pytest.mark.parametrize("name", ["depth_anything", "prompt_depth_anything", "dpt_dinov2"])
def test_the_patch_embedding_drops_no_remainder(load_tiny, name):
    backend = load_tiny(name)
    picture = images(70, 83)
    other = picture.clone()
    other[..., 70:] = 0
    pixels, others = backend.preprocessing(picture), backend.preprocessing(other)
    with torch.no_grad():
        raw = backend.network(pixels).predicted_depth
        assert torch.equal(raw, backend.network(others).predicted_depth), "the library no longer drops it"
        assert not torch.allclose(backend.predict(picture), backend.predict(other), rtol=0.01)


def test_a_network_of_square_grids_never_sees_another_aspect(load_tiny):
    backend = load_tiny("dpt")
    wide = images(32, 128)
    with torch.no_grad():
        # 2x8 patches become 4x4: no error, and a map of nothing.
        assert backend.network(backend.preprocessing(wide)).predicted_depth.shape == (1, 64, 64)
        squared = backend.predict(resize_maps(wide, (64, 64)))
        assert torch.allclose(
            backend.predict(wide), torch.nn.functional.interpolate(squared, (32, 128), mode="bicubic"), atol=1e-5
        )


def test_a_panorama_is_seen_as_squares(load_tiny):
    backend = load_tiny("dpt")
    seen = []
    backend.network.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape[2:])))
    patchwrap.predict(painted_photo(100, 400), backend, plan="slide")
    assert len(seen) > 1 and set(seen) == {(64, 64)}


@pytest.mark.parametrize("name", ["dpt_hybrid", "dpt_swinv2", "depth_pro"])
def test_a_network_of_one_size_is_given_no_other(load_tiny, name):
    processor = hf.DPTImageProcessor(size={"height": 256, "width": 256})
    assert load_tiny(name, processor=processor).processing == load_tiny(name).processing
    with pytest.raises(OptionError, match=r"takes .* only"):
        load_tiny(name, processing=256)


def test_the_zoe_processors_own_step_is_a_fraction_and_means_nothing(tiny):
    processor = hf.ZoeDepthImageProcessor()
    assert processor.ensure_multiple_of < 1, "the library's default makes sense now"
    backend = patchwrap.load_backend("transformers", tiny("zoedepth"), processor=processor)
    assert (backend.processing, backend.multiple) == ((384, 512), 32)
