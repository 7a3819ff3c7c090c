"""Reading pictures: what each kind becomes, and one clear line for each that cannot be used."""

import struct
import warnings

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, PngImagePlugin

from patchwrap import ImageError, read_image
from patchwrap.io import Photo, is_batch, read_images
from patchwrap.io.limits import check_size

SIZE = (20, 30)  # height, width
ORIENTATION = 0x0112
LENGTHS = {"L": 1, "I;16": 2, "CMYK": 4}
"""Bytes of a pixel, by mode."""


def corner_picture():
    """White, with one red pixel in the upper left corner."""
    pixels = np.full((*SIZE, 3), 255, np.uint8)
    pixels[0, 0] = (255, 0, 0)
    return Image.fromarray(pixels)


def saved(tmp_path, picture, name="p.png", **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


def test_a_file_becomes_rgb_bytes(tmp_path):
    photo = read_image(saved(tmp_path, corner_picture(), "two words ü.png"))

    assert photo.size == SIZE
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels[0, 0].tolist() == [255, 0, 0]
    assert photo.name.endswith("two words ü.png")


@pytest.mark.parametrize(
    ("orientation", "where"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0)), (2, (0, -1))]
)
@pytest.mark.parametrize("from_file", [True, False])
def test_exif_orientation_is_applied(tmp_path, orientation, where, from_file):
    picture = corner_picture()
    picture.getexif()[ORIENTATION] = orientation
    source = saved(tmp_path, picture, exif=picture.getexif()) if from_file else picture

    pixels = read_image(source).pixels

    assert pixels.shape[:2] == (SIZE if orientation < 5 else SIZE[::-1])
    assert pixels[where].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", LENGTHS)
def test_a_plain_tiff_is_turned_whatever_its_mode(tmp_path, mode, orientation):
    picture = Image.frombytes(mode, SIZE[::-1], np.random.default_rng(0).bytes(SIZE[0] * SIZE[1] * LENGTHS[mode]))
    upright = read_image(picture).pixels
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: upright.swapaxes(0, 1)[:, ::-1],
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: upright.swapaxes(0, 1)[::-1],
    }
    path = saved(tmp_path, picture, "p.tif", tiffinfo={ORIENTATION: orientation})

    np.testing.assert_array_equal(read_image(path).pixels, turned[orientation])


def test_a_pil_image_is_left_as_it_was():
    picture = corner_picture()
    picture.getexif()[ORIENTATION] = 6

    read_image(picture)

    assert picture.size == (30, 20) and picture.getexif()[ORIENTATION] == 6


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 100, [100, 100, 100]),
        ("1", 1, [255, 255, 255]),
        ("RGBA", (200, 0, 0, 255), [200, 0, 0]),
        ("RGBA", (200, 0, 0, 0), [255, 255, 255]),
        ("LA", (0, 0), [255, 255, 255]),
        ("CMYK", (0, 255, 255, 0), [255, 0, 0]),
    ],
)
def test_every_mode_becomes_rgb_and_transparent_becomes_white(mode, colour, expected):
    assert read_image(Image.new(mode, (20, 20), colour)).pixels[5, 5].tolist() == expected


def test_half_transparent_black_is_mid_grey():
    assert read_image(Image.new("RGBA", (20, 20), (0, 0, 0, 128))).pixels[0, 0].tolist() == [127] * 3


def test_a_palette_with_a_transparent_colour(tmp_path):
    picture = Image.new("P", (20, 20), 0)
    picture.putpalette([9, 8, 7, 1, 2, 3])
    picture.putpixel((4, 0), 1)
    path = saved(tmp_path, picture, transparency=0)

    pixels = read_image(path).pixels

    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 4].tolist() == [1, 2, 3]


def test_sixteen_bit_grey_keeps_its_bits(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.full((20, 20), 40_001, np.uint16)))

    photo = read_image(path)

    assert photo.pixels.dtype == np.uint16
    assert photo.pixels[0, 0].tolist() == [40_001] * 3
    assert photo.to_uint8()[0, 0].tolist() == [40_001 // 256] * 3


def grey_tiff(code, bits, photometric):
    """A TIFF of 20x20 pixels of one code, uncompressed; a pair of 12 bits fills three bytes."""
    pixels = struct.pack("<H", code) * 400 if bits == 16 else (code << 12 | code).to_bytes(3, "big") * 200
    tags = {256: 20, 257: 20, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: 20, 279: len(pixels)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHI", b"II", 42, 8 + len(pixels)) + pixels + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("bits", "photometric", "expected"), [(16, 1, 1000), (16, 0, 64535), (12, 1, round(1000 * 65535 / 4095))]
)
def test_codes_of_a_grey_tiff_are_brought_to_full_scale(tmp_path, bits, photometric, expected):
    path = tmp_path / "a.tiff"
    path.write_bytes(grey_tiff(1000, bits, photometric))

    assert (read_image(path).pixels == expected).all()


def test_float_tiff_is_read_when_in_range(tmp_path):
    good = saved(tmp_path, Image.fromarray(np.full((20, 20), 0.25, np.float32)), "good.tiff")
    bad = saved(tmp_path, Image.fromarray(np.full((20, 20), 7, np.float32)), "bad.tiff")

    assert read_image(good).pixels[0, 0].tolist() == [0.25] * 3
    with pytest.raises(ImageError, match=r"0, 1"):
        read_image(bad)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full(SIZE, 9, np.uint8), [9, 9, 9]),
        (np.full((*SIZE, 1), 9, np.uint16), [9, 9, 9]),
        (np.full((*SIZE, 3), 0.5, np.float64), [0.5, 0.5, 0.5]),
        (np.full((*SIZE, 3), 0.5, np.float16), [0.5, 0.5, 0.5]),
        (np.full((*SIZE, 2), 0, np.uint8), [255, 255, 255]),
        (np.full((*SIZE, 4), 0, np.uint16), [65535, 65535, 65535]),
        (np.full((*SIZE, 4), 0.0), [1.0, 1.0, 1.0]),
        (np.full((*SIZE, 3), 258, np.dtype(">u2")), [258, 258, 258]),
        (np.full((*SIZE, 3), 1.0005), [1.0, 1.0, 1.0]),
    ],
)
def test_arrays(array, expected):
    pixels = read_image(array).pixels

    assert pixels.shape == (*SIZE, 3)
    assert pixels.dtype in (np.uint8, np.uint16, np.float32)
    assert pixels[0, 0].tolist() == expected


@pytest.mark.parametrize("shape", [(3, *SIZE), (1, *SIZE), SIZE])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8])
def test_tensors_have_their_channels_first(shape, dtype):
    photo = read_image(torch.ones(shape, dtype=dtype))

    assert photo.pixels.shape == (*SIZE, 3)
    assert photo.pixels[0, 0].tolist() == [1, 1, 1]


def test_a_tensor_with_a_gradient_is_read():
    assert read_image(torch.zeros(3, 20, 20, requires_grad=True)).pixels.max() == 0


def test_a_photo_passes_through():
    photo = Photo(np.zeros((20, 20, 3), np.uint8), focal=0.8)

    assert read_image(photo) is photo


def test_several_pictures_keep_their_order_and_sizes():
    photos = read_images([np.zeros((20, 30), np.uint8), np.zeros((40, 50), np.uint8)])

    assert [photo.size for photo in photos] == [(20, 30), (40, 50)]
    assert len(read_images(torch.zeros(2, 3, 20, 20))) == 2
    assert len(read_images(np.zeros((2, 20, 20, 3), np.uint8))) == 2


def test_a_fault_in_a_list_names_its_place():
    with pytest.raises(ImageError, match="picture 1 of the list: array holds int64"):
        read_images([np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.int64)])
    with pytest.raises(ImageError, match="picture 0 of the list: a tensor of four axes is a batch, not a picture"):
        read_images([torch.zeros(2, 3, 20, 20)])
    with pytest.raises(ImageError, match="empty"):
        read_images([])


def exif_photo(size, **tags):
    picture = Image.new("RGB", size)
    block = picture.getexif().get_ifd(0x8769)
    numbers = {"film": 0xA405, "focal": 0x920A, "x_resolution": 0xA20E, "unit": 0xA210, "width": 0xA002}
    for name, value in tags.items():
        block[numbers[name]] = value
    return picture


def test_focal_length_from_35_mm_equivalent_is_by_the_diagonal():
    # 43.27 mm is the film's diagonal: there the focal length is the picture's diagonal, 50 of 40 pixels.
    photo = read_image(exif_photo((40, 30), film=43.2666))

    assert photo.focal == pytest.approx(50 / 40, rel=1e-4)


def test_focal_length_from_the_sensors_resolution():
    # 10 mm at 200 pixels a centimetre are 200 pixels, of 100 originally.
    assert read_image(exif_photo((40, 30), focal=10.0, x_resolution=200.0, unit=3, width=100)).focal == 2.0


def test_focal_length_outlives_a_rotation():
    picture = exif_photo((40, 30), film=28)
    upright = read_image(picture).focal
    picture.getexif()[ORIENTATION] = 6

    assert read_image(picture).focal == upright


@pytest.mark.parametrize("tags", [{}, {"film": 0}, {"focal": 4.0}, {"film": 60_000}, {"film": "wide"}])
def test_no_focal_length_is_guessed(tags):
    assert read_image(exif_photo((40, 30), **tags)).focal is None


def message_for(source):
    with pytest.raises(ImageError) as caught:
        read_image(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_unusable_files_are_named_with_the_cure(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture\nat all")
    whole = saved(tmp_path, Image.effect_noise((64, 64), 50), "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    for name in ("raw.dng", "back.iiq"):
        (tmp_path / name).write_bytes(whole)
    saved(tmp_path, Image.new("RGB", (300, 1)), "flat.png")

    for name, words in {
        "missing.png": "does not exist",
        ".": "is a folder",
        "empty.png": "0 bytes",
        "text.jpg": "not a picture",
        "cut.png": "damaged",
        "flat.png": "300x1 pixels",
        "raw.dng": "camera raw",
        "back.iiq": "camera raw",
        "x" * 300: "does not exist",
    }.items():
        message = message_for(tmp_path / name)
        assert words in message
        assert str(tmp_path / name) in message


@pytest.mark.parametrize("part", [b"IHDR", b"tEXt", b"IDAT"])
def test_a_png_with_a_flipped_bit_is_damaged(tmp_path, part):
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "noise")
    path = saved(tmp_path, Image.effect_noise((64, 64), 50), "p.png", compress_level=0, pnginfo=text)
    content = bytearray(path.read_bytes())
    content[content.index(part) + 7] ^= 1
    path.write_bytes(content)
    assert "is damaged" in message_for(path)


@pytest.mark.parametrize(
    ("name", "kept"), [("p.jpg", 20), ("p.avif", 300), ("p.tif", 20), ("p.gif", 20), ("p.jp2", 100)]
)
def test_a_picture_cut_within_its_header_is_damaged(tmp_path, name, kept):
    path = saved(tmp_path, Image.effect_noise((64, 64), 50).convert("RGB"), name)
    path.write_bytes(path.read_bytes()[:kept])
    assert "is damaged: its header cannot be read" in message_for(path)


def test_pngs_are_verified_several_at_a_time(tmp_path, monkeypatch):
    """Pillow's limit is lifted for one thread after the other."""
    verify, limits = PngImagePlugin.PngImageFile.verify, []

    def verified(picture):
        limits.append(Image.MAX_IMAGE_PIXELS)
        verify(picture)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "verify", verified)
    read_image(saved(tmp_path, corner_picture(), "a.png"))
    assert limits == [Image.MAX_IMAGE_PIXELS]


@pytest.mark.parametrize("text", ["Python is", "BMW", "P"])
def test_a_text_that_begins_with_a_pictures_letters_is_no_damaged_one(tmp_path, text):
    (tmp_path / "p.jpg").write_text(text)
    assert "is not a picture of a format that is read" in message_for(tmp_path / "p.jpg")


def test_postscript_is_not_run_whatever_its_name(tmp_path):
    saved(tmp_path, Image.new("RGB", (64, 64)), "p.eps").rename(tmp_path / "p.jpg")
    assert "is not a picture of a format that is read" in message_for(tmp_path / "p.jpg")


def test_a_float_tiff_is_clamped_where_an_array_is(tmp_path):
    array = np.linspace(-0.0005, 1, 400, dtype=np.float32).reshape(20, 20)
    pixels = read_image(saved(tmp_path, Image.fromarray(array), "p.tif")).pixels
    np.testing.assert_array_equal(pixels, read_image(array).pixels)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_float_tiff_with_holes_is_told_so(tmp_path, value):
    array = np.full((20, 20), 0.5, np.float32)
    array[3, 3] = value
    assert "NaN or infinite pixels" in message_for(saved(tmp_path, Image.fromarray(array), "p.tif"))


@pytest.mark.parametrize("url", ["https://host/a.jpg", "file:///a.jpg", "data:image/png;base64,AAAA"])
def test_a_url_is_refused(url):
    assert "download" in message_for(url)


def test_a_device_is_not_read():
    assert "regular file" in message_for("/dev/zero")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.zeros((0, 20, 3), np.uint8), "20x0 pixels"),
        (np.zeros((15, 20, 3), np.uint8), "16x16"),
        (np.zeros((3, 20, 20), np.uint8), "transpose"),
        (np.zeros((20, 20, 5), np.uint8), "1 to 4 channels"),
        (np.zeros((20,), np.uint8), "1 to 4 channels"),
        (np.zeros((20, 20, 3), np.int64), "int64"),
        (np.zeros((20, 20, 3), bool), "bool; expected uint8, uint16 or floats in [0, 1]. Convert it, by numpy.uint8"),
        (np.zeros((20, 20, 3), complex), "complex"),
        (np.full((20, 20, 3), np.nan), "NaN"),
        (np.full((20, 20, 3), np.inf), "infinite"),
        (np.full((20, 20, 3), 255.0), "from 255 to 255"),
        (np.full((20, 20, 3), -0.5), "from -0.5"),
        (torch.zeros(20, 20, 3), "channels, height, width"),
        (torch.zeros(3, 20, 20, dtype=torch.int64), "Convert it, for instance with .byte()"),
        (torch.zeros(3, 20, 20, dtype=torch.bool), "Convert it, by 255 * tensor.byte()"),
        (torch.linspace(-2.1, 2.6, 1200).view(3, 20, 20), "expected [0, 1]. Undo its normalisation"),
        (np.linspace(-0.01, 1.01, 400).reshape(20, 20), "from -0.01 to 1.01; expected [0, 1]. Clamp it"),
        (Image.fromarray(np.full((20, 20), -2, np.float32)), "expected [0, 1]. Undo its normalisation"),
        (torch.zeros(1, 3, 20, 20), "batch"),
        (Image.new("RGB", (20, 3)), "20x3"),
        (Image.fromarray(np.full((20, 20), 70_000, np.int32)), "70000"),
        (7, "int"),
        (None, "NoneType"),
    ],
)
def test_unusable_values_are_refused(source, words):
    assert words in message_for(source)


def test_a_gigapixel_is_the_limit():
    check_size(32_768, 32_768, "x")
    with pytest.raises(ImageError, match="megapixels"):
        check_size(32_769, 32_768, "x")


def test_an_absurdly_large_file_is_refused_before_decoding(tmp_path):
    header = b"P5 100000 100000 255\n"
    (tmp_path / "huge.pgm").write_bytes(header + bytes(100))

    assert "10000 megapixels" in message_for(tmp_path / "huge.pgm")


def test_pillows_bomb_limit_neither_stops_nor_warns_nor_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # 600 pixels are more than twice that: an error
    path = saved(tmp_path, corner_picture())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(path).size == SIZE
    assert Image.MAX_IMAGE_PIXELS == 100
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_the_limit_comes_back_after_a_failure(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    before = Image.MAX_IMAGE_PIXELS

    message_for(tmp_path / "text.jpg")

    assert before == Image.MAX_IMAGE_PIXELS


def test_a_broken_exif_block_does_not_stop_a_photo(tmp_path):
    path = saved(tmp_path, corner_picture(), "p.jpg", exif=b"Exif\0\0MM\0*\0\0\0\xff\xff\xff")

    assert read_image(path).size == SIZE


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
def test_pixels_of_every_number_type_become_floats_up_to_one(dtype, white):
    pixels = np.zeros((16, 16, 3), dtype)
    pixels[0] = white
    floats = Photo(pixels).to_float32()
    assert floats.dtype == np.float32 and floats.max() == 1 and floats[1:].max() == 0


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("shape", [(3, 20, 20), (20, 20), (2, 3, 20, 20)])
def test_a_tensor_without_stored_pixels_is_refused(shape, device):
    tensor = torch.zeros(shape, device=device)
    tensor, words = (tensor.to_sparse(), "to_dense") if device == "cpu" else (tensor, "stores no values")
    with pytest.raises(ImageError, match=words):
        (read_images if is_batch(tensor) else read_image)(tensor)


@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_a_closed_picture_is_not_called_damaged(tmp_path, ending):
    path = tmp_path / f"p.{ending}"
    Image.new("RGB", (20, 20)).save(path)
    with Image.open(path) as left:
        pass
    closed, made = Image.open(path), Image.new("RGB", (20, 20))
    closed.close()
    made.close()
    for picture in (left, closed, made):
        with pytest.raises(ImageError, match=r"is closed; load\(\) it before"):
            read_image(picture)
