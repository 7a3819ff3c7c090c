"""Divides samples into those to train on and those kept for selection, so that no scene is in both."""

import filecmp
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from patchwrap.datasets import LazySample, SampleSource
from patchwrap.errors import OptionError, PatchwrapError
from patchwrap.finetune.recipe import Recipe

_VIEW = re.compile(r"(image|camera|cam|frame|scene_cam)(_?\d+|_[a-z0-9_]+)?|images|data", re.IGNORECASE)
"""Folders of a scene that hold its cameras or frames, such as KITTI's ``image_02/data``."""

_VARIANT = re.compile(r"-(im)?perfect$|(?<=scene_\d{5})/scan_\d{5}$|(?<=[a-z]_\d{4})[a-z]$")
"""Ends the names of views of one scene: Middlebury's two rectifications, DIODE's scans of a building, and the parts of
NYUv2's recordings of a room, such as ``basement_0001a``."""

_DRIVE = re.compile(r"(\d{4}_\d\d_\d\d_drive_\d{4}_[a-z]+)_image_\d+(_image_\d\d)?")
"""File names of KITTI's ``val_selection_cropped``, which has pictures of many drives in one folder."""


def scene_of(name: str) -> str:
    """The scene that a sample shows: the drive in its file name, else the folders in its name, else the name itself.

    Args:
        name: of the sample.

    Example:
        >>> scene_of("2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005")
        '2011_09_26/2011_09_26_drive_0001_sync'
        >>> scene_of("image/2011_09_26_drive_0002_sync_image_0000000005_image_02")
        '2011_09_26_drive_0002_sync'
        >>> scene_of("indoors/scene_00019/scan_00183/00019_00183_indoors_000_010")
        'indoors/scene_00019'
        >>> scene_of("Piano-imperfect"), scene_of("IMG_0001")
        ('Piano', 'IMG_0001')
    """
    *folders, file = name.split("/")
    if drive := _DRIVE.fullmatch(file):
        return drive[1]
    scene = "/".join([part for part in folders if not _VIEW.fullmatch(part)] or folders) or name
    return _VARIANT.sub("", scene)


def divided(samples: Sequence[SampleSource], recipe: Recipe) -> tuple[list[SampleSource], list[SampleSource]]:
    """Divide samples at random, scene by scene if there are several, otherwise sample by sample.

    Whole scenes are taken until there are ``Recipe.held_out`` images; one that would bring them above half of all
    images is left for training.

    Raises:
        OptionError: if there would be none to learn from or to select by.
    """
    kept = max(1, len(samples) // 8) if recipe.held_out is None else recipe.held_out
    if kept < 1 or len(samples) - kept < 1:
        raise OptionError(
            f"{len(samples)} images, of which {kept} are kept for selection: at least one must be left to learn from, "
            "and one to select by. Give more images."
        )
    scenes = _scenes(samples)
    chosen: set[int] = set()
    for index in np.random.default_rng(recipe.seed).permutation(len(scenes)):
        if len(chosen) < kept and len(chosen) + len(scenes[index]) <= max(kept, len(samples) // 2):
            chosen |= set(scenes[index])
    return (
        [sample for index, sample in enumerate(samples) if index not in chosen],
        [sample for index, sample in enumerate(samples) if index in chosen],
    )


def _scenes(samples: Sequence[SampleSource]) -> list[list[int]]:
    """Numbers of the samples of each scene; of each sample if all show one scene."""
    found = defaultdict(list)
    for index, sample in enumerate(samples):
        found[scene_of(sample.name)].append(index)
    return list(found.values()) if len(found) > 1 else [[index] for index in range(len(samples))]


def apart(
    train: Sequence[SampleSource], held_out: Sequence[SampleSource]
) -> tuple[list[SampleSource], list[SampleSource]]:
    """Return both after checking that neither is empty and that no sample is both trained on and selected by.

    Raises:
        OptionError: if one is empty, or naming a sample that is in both.
    """
    for samples, name, use in ((train, "data", "train on"), (held_out, "held_out_data", "select by")):
        if not samples:
            advice = "" if name == "data" else ", or leave it out to keep some of data for it"
            raise OptionError(f"{name} is empty: at least one image is needed to {use}. Give some{advice}.")
    known = defaultdict(list)
    for sample in train:
        known[_file_name(sample)].append(sample)
    shared = [sample.name for sample in held_out if any(_is_copy(sample, one) for one in known[_file_name(sample)])]
    if shared:
        raise OptionError(
            f"held_out_data contains {len(shared)} of the images to train on, such as {shared[0]!r}. Give other images "
            "for selection, or leave it out to keep some of data for it."
        )
    return list(train), list(held_out)


def _file_name(sample: SampleSource) -> str:
    return sample.name.rpartition("/")[2]


def _is_copy(sample: SampleSource, other: SampleSource) -> bool:
    """Whether two samples of one file name show the same picture, whatever depth there is beside it."""
    try:
        if isinstance(sample, LazySample) and isinstance(other, LazySample):
            return filecmp.cmp(sample.entry.image, other.entry.image, shallow=False)  # compares sizes first
        return np.array_equal(sample.read().photo.pixels, other.read().photo.pixels)
    except (PatchwrapError, OSError):  # one that cannot be read is skipped later
        return False
