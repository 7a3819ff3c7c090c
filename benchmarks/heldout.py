"""Pictures with known depth that no network has trained on: generated ones, kept on disk, or a folder's."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

FIRST_SEED = 9_000_000
PICTURES = (".jpg", ".jpeg", ".png")
DEPTHS = (".npz", ".npy")


@dataclass(frozen=True)
class Sample:
    """A picture and its depth, read from disk when asked for: two dozen of them do not fit in memory."""

    name: str
    picture: Path
    depth: Path

    def read(self) -> tuple[UInt8[np.ndarray, "height width 3"], Float32[np.ndarray, "height width"]]:
        """Return sRGB and metres; sky is inf."""
        with Image.open(self.picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        stored = np.load(self.depth)
        depth = stored["depth"] if self.depth.suffix == ".npz" else stored
        if depth.shape != pixels.shape[:2]:
            raise SystemExit(f"{self.depth} has shape {depth.shape}, its picture {pixels.shape[:2]}.")
        return pixels, depth.astype(np.float32)


def parse_size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT into (height, width)."""
    width, _, height = text.partition("x")
    return int(height), int(width)


def cache_folder() -> Path:
    """Where this platform keeps what can be made again."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "patchwrap" / "heldout"


def folder_samples(folder: Path) -> list[Sample]:
    """Pairs of a picture and a ``.npz`` (key ``depth``) or ``.npy`` of the same name."""
    samples = []
    for picture in sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES):
        beside = [picture.with_suffix(suffix) for suffix in DEPTHS]
        samples += [Sample(picture.stem, picture, depth) for depth in beside if depth.exists()]
    if not samples:
        raise SystemExit(f"{folder} holds no picture (.jpg, .png) with a depth (.npz, .npy) of its name.")
    return samples


def generated_samples(
    count: int, size: tuple[int, int], cache: Path, progress: Callable[[int, int], None]
) -> list[Sample]:
    """Held-out scenes, all kinds in turn, rendered where the cache has none.

    Args:
        count: how many.
        size: (height, width) in pixels.
        cache: folder; each version of the generator gets a folder of its own in it.
        progress: called with (scenes there, scenes in all).
    """
    from patchwrap.scenes import KINDS

    folder = cache / f"{size[1]}x{size[0]}-{_generator()}"
    folder.mkdir(parents=True, exist_ok=True)
    kinds = list(KINDS)
    jobs = [(FIRST_SEED + index, kinds[index % len(kinds)]) for index in range(count)]
    samples = [_place(folder, seed, kind) for seed, kind in jobs]
    missing = [(job, sample) for job, sample in zip(jobs, samples) if not sample.depth.exists()]
    for done, _ in enumerate(_rendered(missing, size), start=count - len(missing) + 1):
        progress(done, count)
    return samples


def _place(folder: Path, seed: int, kind: str) -> Sample:
    name = f"{seed}_{kind}"
    return Sample(name, folder / f"{name}.jpg", folder / f"{name}.npy")


def _rendered(missing: Sequence[tuple[tuple[int, str], Sample]], size: tuple[int, int]) -> Iterator[Sample]:
    if not missing:
        return
    from patchwrap.scenes import Renderer, build_scene

    with Renderer() as renderer:
        for (seed, kind), sample in missing:
            frame = renderer.render(build_scene(seed, kind), size)
            Image.fromarray(frame.image).save(sample.picture, quality=95, subsampling=0)
            # Depth is written last and in one step: a pair is whole once its depth is there.
            unfinished = sample.depth.with_suffix(".part")
            with unfinished.open("wb") as file:
                np.save(file, frame.depth.astype(np.float32))
            unfinished.replace(sample.depth)
            yield sample


def _generator() -> str:
    """Digest of the generator's sources: other code draws other scenes."""
    import patchwrap.scenes

    digest = hashlib.sha256()
    root = Path(patchwrap.scenes.__file__).parent
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".glsl", ".frag", ".vert"):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:10]
