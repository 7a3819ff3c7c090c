"""Rendered scenes on disk, memory-mapped: RGB, depth codes and where each view was cut. Never renders."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16
from numpy import ndarray

from patchwrap import ImageError, OutputError

PREFIX = "shard_"
FILES = ("images.npy", "codes.npy", "scenes.json")
"""Of a shard."""


@dataclass(frozen=True)
class SceneViews:
    """One scene as a shard holds it: view 0 is the whole frame, then tiles in overlapping pairs.

    Args:
        images: sRGB.
        codes: depth codes, see ``depth_code``.
        focals: focal length of each view, in its own pixels.
        windows: (top, left, height, width) of each view as fractions of the whole frame.
        quarters: (rows, columns) from a pair's first to its second tile, in quarters of a tile.
        seed: the scene's seed.
        kind: the scene's kind.
        supersample: samples per pixel and axis; None if unknown.
    """

    images: UInt8[ndarray, "views height width 3"]
    codes: UInt16[ndarray, "views height width"]
    focals: Sequence[float]
    windows: Sequence[Sequence[float]]
    quarters: Sequence[Sequence[int]] = ()
    seed: int = 0
    kind: str = ""
    supersample: int | None = None


@dataclass
class Shard:
    """Some scenes of one size in one folder.

    Args:
        folder: where they lie.
    """

    folder: Path
    scenes: list[dict] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.scenes = json.loads((self.folder / "scenes.json").read_text())
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    @cached_property
    def images(self) -> UInt8[ndarray, "scenes views height width 3"]:
        """All pictures."""
        return self._mapped("images.npy")

    @cached_property
    def codes(self) -> UInt16[ndarray, "scenes views height width"]:
        """All depth codes."""
        return self._mapped("codes.npy")

    def _mapped(self, name: str) -> np.ndarray:
        try:
            return np.load(self.folder / name, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> ImageError:
        return ImageError(f"Shard {self.folder} is unreadable ({error}). Delete the folder and render again.")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every view."""
        return self.codes.shape[2], self.codes.shape[3]

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, number: int) -> SceneViews:
        return SceneViews(np.asarray(self.images[number]), np.asarray(self.codes[number]), **self.scenes[number])


def open_shards(root: Path) -> list[Shard]:
    """Open every finished shard below a folder, in order.

    Raises:
        ImageError: if there are no shards.
    """
    shards = [Shard(folder) for folder in sorted(root.glob(f"{PREFIX}*")) if "." not in folder.name]
    if not shards:
        raise ImageError(
            f"{root} holds no shards. Render some: patchwrap-native render -o {root}; with --first-seed 1000000 if "
            "they shall be held out from training."
        )
    return shards


def seeds_of(shards: Sequence[Shard]) -> dict[str, int]:
    """How many scenes shards hold, and from which seed to which, for a card."""
    seeds = [scene["seed"] for shard in shards for scene in shard.scenes]
    return {"count": len(seeds), "first_seed": min(seeds), "last_seed": max(seeds)}


def contents(*parts: Sequence[Shard]) -> list[list[tuple[tuple[int, int], list[dict]]]]:
    """What tells shards from others, for a training's identity."""
    return [[(shard.size, shard.scenes) for shard in part] for part in parts]


def write_shard(folder: Path, scenes: Sequence[SceneViews]) -> None:
    """Write a shard, in place of one that is there; an interruption leaves no shard, not a part of one.

    Args:
        folder: where; its parent is made.
        scenes: views of one size and number.

    Raises:
        OutputError: if it cannot be written.
    """
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        np.save(unfinished / "images.npy", np.stack([scene.images for scene in scenes]))
        np.save(unfinished / "codes.npy", np.stack([scene.codes for scene in scenes]))
        (unfinished / "scenes.json").write_text(json.dumps([_facts(scene) for scene in scenes]))
        _put(unfinished, folder)
    except OSError as error:
        raise OutputError(f"Cannot write shard {folder}: {error}. Choose another folder or free some space.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _put(unfinished: Path, folder: Path) -> None:
    """Move a shard to its place. If one is there its files are replaced, and what else is in its folder is kept."""
    if not folder.exists():
        unfinished.rename(folder)
        return
    (folder / FILES[-1]).unlink(missing_ok=True)  # without it there is no shard, so that halves of two are never read
    for name in FILES:
        (unfinished / name).replace(folder / name)


def _facts(scene: SceneViews) -> dict:
    return {name: value for name, value in vars(scene).items() if name not in ("images", "codes")}
