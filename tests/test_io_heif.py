"""HEIC photos, as telephones take them; pillow-heif writes those of the tests."""

import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from patchwrap import ImageError, read_image
from patchwrap.cli import main
from patchwrap.cli.inputs import find_jobs
from patchwrap.datasets import Pairs
from patchwrap.io.heif import is_heif
from patchwrap.suffixes import readable_suffixes, unreadable_suffixes

ORIENTATION, FILM = 0x0112, 0xA405


@pytest.fixture
def picture():
    """Dark below a bright upper third, 64x48."""
    pixels = np.full((48, 64, 3), 40, np.uint8)
    pixels[:16] = 220
    return Image.fromarray(pixels)


def saved(path, picture, **options):
    pillow_heif.from_bytes("RGB", picture.size, picture.tobytes()).save(path, quality=90, **options)
    return path


def test_a_heic_photo_is_read_and_pillow_stays_as_it_was(tmp_path, picture):
    before = dict(Image.registered_extensions())

    photo = read_image(saved(tmp_path / "a.HEIC", picture))

    assert photo.size == (48, 64) and photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels.astype(int) - np.asarray(picture)).mean() < 3
    assert Image.registered_extensions() == before


def test_a_heic_photo_is_known_by_its_content(tmp_path, picture):
    assert read_image(saved(tmp_path / "a.heic", picture).rename(tmp_path / "a.jpg")).size == (48, 64)


def test_a_turned_telephone_and_its_focal_length(tmp_path, picture):
    picture.getexif()[ORIENTATION] = 6
    picture.getexif().get_ifd(0x8769)[FILM] = 26
    picture.save(tmp_path / "a.jpg", exif=picture.getexif(), quality=95)

    exif = picture.getexif().tobytes()

    heic, jpeg = read_image(saved(tmp_path / "a.heic", picture, exif=exif)), read_image(tmp_path / "a.jpg")

    assert heic.size == jpeg.size == (64, 48) and heic.focal == jpeg.focal is not None
    assert np.abs(heic.pixels.astype(int) - jpeg.pixels).mean() < 5


@pytest.mark.parametrize("major", [b"avif", b"mif1", b"msf1"])
def test_an_avif_photo_is_no_heic_photo_whatever_its_major_brand(tmp_path, picture, major, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    picture.save(tmp_path / "a.avif", quality=90)
    whole = bytearray((tmp_path / "a.avif").read_bytes())
    whole[8:12] = major
    (tmp_path / "a.avif").write_bytes(whole)

    assert np.abs(read_image(tmp_path / "a.avif").pixels.astype(int) - np.asarray(picture)).mean() < 3


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heicavif", True),  # the last four bytes follow the box
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicavif", False),
        (b"\xff\xff\xff\xffftypmif1\0\0\0\0heic", True),
        (b"\0\0\0\x10ftypmif1", True),
        (b"\0\0\0\x14ftypheic\0\0\0\0avif", True),
        (b"\0\0\0\x14ftypisom\0\0\0\0heic", False),
        (b"", False),
    ],
)
def test_brands_of_the_file_type_box(tmp_path, start, expected):
    (tmp_path / "a").write_bytes(start)
    with (tmp_path / "a").open("rb") as stream:
        assert is_heif(stream) is expected


def test_colour_of_sixteen_bits_becomes_eight(tmp_path):
    deep = np.full((48, 64, 3), 0x8000, np.uint16)
    pillow_heif.from_bytes("RGB;16", (64, 48), deep.tobytes()).save(tmp_path / "a.heic", quality=90)

    assert np.abs(read_image(tmp_path / "a.heic").pixels.astype(int) - 128).max() <= 2


def test_grey_of_sixteen_bits_keeps_them(tmp_path):
    deep = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    pillow_heif.from_bytes("L;16", (64, 48), deep.tobytes()).save(tmp_path / "a.heic", quality=-1)

    pixels = read_image(tmp_path / "a.heic").pixels

    assert pixels.dtype == np.uint16 and (pixels == pixels[..., :1]).all()
    assert np.abs(pixels[..., 0].astype(int) - deep).max() < 2**6, "the file holds 10 bits"


@pytest.mark.parametrize("length", [14, 60, 0.5, 0.9])
def test_half_a_heic_photo_is_refused_in_one_line(tmp_path, picture, length):
    whole = saved(tmp_path / "a.heic", picture).read_bytes()
    (tmp_path / "a.heic").write_bytes(whole[: length if length > 1 else int(length * len(whole))])

    with pytest.raises(ImageError, match=r"a\.heic' (is damaged|is not a picture)") as caught:
        read_image(tmp_path / "a.heic")
    assert "\n" not in str(caught.value)


def test_without_the_extra_it_is_told_what_to_install(tmp_path, picture, monkeypatch):
    saved(tmp_path / "a.heic", picture)
    assert ".heic" in readable_suffixes() - unreadable_suffixes()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(ImageError, match=r'is a HEIC photo; pip install "patchwrap\[heic\]" reads them'):
        read_image(tmp_path / "a.heic")
    assert ".heic" in unreadable_suffixes() - readable_suffixes()


def test_a_folder_of_them_is_predicted_and_learned_from(tmp_path, picture):
    (tmp_path / "in").mkdir()
    saved(tmp_path / "in" / "IMG_1.HEIC", picture)

    out = tmp_path / "out"
    assert main(["predict", str(tmp_path / "in"), "-o", str(out), "-q", "--no-tiles"]) == 0
    assert np.load(out / "IMG_1_depth.npy").shape == (48, 64)
    assert [sample.photo.size for sample in Pairs(tmp_path / "in")] == [(48, 64)]


def test_a_photo_that_was_converted_counts_once(tmp_path, picture):
    (tmp_path / "in").mkdir()
    for name in ("IMG_1", "IMG_2"):
        saved(tmp_path / "in" / f"{name}.HEIC", picture)
    picture.save(tmp_path / "in" / "IMG_1.jpg")

    assert sorted(entry.name for entry in Pairs(tmp_path / "in").entries) == ["IMG_1", "IMG_2"]
    jobs, faults = find_jobs([str(tmp_path / "in")], tmp_path / "out")
    assert sorted(Path(job.source).name for job in jobs) == ["IMG_1.jpg", "IMG_2.HEIC"] and not faults
    assert {str(job.stem) for job in jobs} == {"IMG_1", "IMG_2"}
