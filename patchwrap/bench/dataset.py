"""The images of a comparison, found by a name or in a folder; never opens one."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from patchwrap.bench.heldout import FIRST_SEED, cache_folder, generated_samples, generator_digest, parse_spec
from patchwrap.bench.sample import Sample
from patchwrap.bench.truth import MILLIMETRE, read_depth
from patchwrap.errors import OptionError
from patchwrap.outputs import is_output

PHOTOS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
DEPTHS = (".npy", ".npz", "_depth.png")
"""What a photo's name becomes for its depth, the first that exists."""


@dataclass(frozen=True)
class DataSet:
    """Images, all of them with true depth or none.

    Args:
        name: for people, with the digest of what generated it.
        samples: the images, by name.
    """

    name: str
    samples: list[Sample]

    def __post_init__(self) -> None:
        counts = Counter(sample.name for sample in self.samples)
        if twins := [name for name in counts if counts[name] > 1]:
            raise OptionError(f"{self.name} has an image {twins[0]!r} twice. Give every image a name of its own")
        with_truth = [sample.name for sample in self.samples if sample.truth is not None]
        without = [sample.name for sample in self.samples if sample.truth is None]
        if with_truth and without:
            raise OptionError(
                f"{self.name} is a mixture: {len(with_truth)} images with depth (such as {with_truth[0]!r}) and "
                f"{len(without)} without (such as {without[0]!r}). Measure them in two runs, from two folders"
            )

    @property
    def has_truth(self) -> bool:
        """Whether depth is known."""
        return any(sample.truth is not None for sample in self.samples)

    @classmethod
    def open(
        cls,
        data: "str | Path | Sequence[Sample]",
        count: int | None = None,
        seed: int = 0,
        depth_scale: float = MILLIMETRE,
        cache: Path | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> "DataSet":
        """Find the images.

        Args:
            data: ``generated``, ``generated:24@3840x2160``, the same with ``:KIND+KIND``, a folder, or samples.
            count: at most so many images; of a folder's, drawn with ``seed``.
            seed: of that draw; generated scenes begin with the held-out one of this number.
            depth_scale: metres of one step of a 16-bit depth PNG.
            cache: where generated scenes are kept; None for the platform's place.
            progress: called with (scenes there, scenes in all) while scenes are rendered.

        Raises:
            OptionError: if there is no such folder, no image in it, or depth beside some images only.
            ScenesUnavailableError: if scenes must be rendered and there is no OpenGL.
        """
        if count is not None and count < 1:
            raise OptionError(f"count {count} is less than 1.")
        if not isinstance(data, str | Path):
            return cls("own samples", _drawn(list(data), count, seed))
        spec = parse_spec(str(data))
        if spec is None:
            return cls(Path(data).resolve().name, _drawn(folder_samples(Path(data), depth_scale), count, seed))
        spec = replace(spec, count=count or spec.count)
        samples = generated_samples(spec.count, spec.size, cache or cache_folder(), progress, seed, spec.kinds)
        return cls(f"{spec} (seeds from {FIRST_SEED + seed}, generator {generator_digest()})", samples)


def folder_samples(folder: Path, depth_scale: float = MILLIMETRE) -> list[Sample]:
    """The photos of a folder, each with the depth beside it.

    Depth of ``NAME.jpg`` is ``NAME.npy`` (as ``patchwrap scenes`` writes), ``NAME.npz`` or ``NAME_depth.png``.

    Raises:
        OptionError: if there is no such folder or no photo in it.
    """
    if not folder.is_dir():
        raise OptionError(f"data {str(folder)!r} is no folder. Give one with photos, or generated:COUNT@WIDTHxHEIGHT")
    photos = [path for path in sorted(folder.iterdir()) if _is_photo(path)]
    if not photos:
        raise OptionError(f"data {str(folder)!r} holds no photo; looked for {' '.join(PHOTOS)}")
    stems = Counter(path.stem for path in photos)
    return [_sample(path, path.name if stems[path.stem] > 1 else path.stem, depth_scale) for path in photos]


def _is_photo(path: Path) -> bool:
    if path.suffix.lower() not in PHOTOS or path.name.startswith(".") or is_output(path):
        return False
    photo = path.name.removesuffix("_depth.png")
    return photo == path.name or not any(path.with_name(photo + suffix).exists() for suffix in PHOTOS)


def _sample(photo: Path, name: str, depth_scale: float) -> Sample:
    for ending in DEPTHS:
        depth = photo.with_name(photo.stem + ending)
        if depth.exists():
            return Sample(name, photo, partial(read_depth, depth, depth_scale), (depth,))
    return Sample(name, photo)


def _drawn(samples: list[Sample], count: int | None, seed: int) -> list[Sample]:
    if count is None or count >= len(samples):
        return samples
    chosen = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    return [samples[index] for index in sorted(chosen)]
