"""The images of a comparison or a training, found by a name or in a folder and not opened here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, all_have_depth
from patchwrap.datasets.heldout import FIRST_SEED, cache_folder, generated_samples, generator_digest, parse_spec
from patchwrap.datasets.lazy_sample import SampleSource
from patchwrap.datasets.registry import named_kind, open_dataset
from patchwrap.errors import OptionError
from patchwrap.io.encode import MILLIMETRE
from patchwrap.seed import check_seed
from patchwrap.spec import Progress

Data = str | Path | DepthDataset | Sequence[SampleSource]


@dataclass(frozen=True)
class ImageSet:
    """Images, either all with true depth or all without.

    Args:
        name: in reports, with the digest of the generator of generated images.
        samples: the images, read when they are needed.

    Raises:
        OptionError: if two images have the same name, or only some have depth.
    """

    name: str
    samples: Sequence[SampleSource]

    def __post_init__(self) -> None:
        counts = Counter(sample.name for sample in self.samples)
        if twins := [name for name in counts if counts[name] > 1]:
            raise OptionError(f"{self.name} has an image {twins[0]!r} twice. Give every image a name of its own")
        all_have_depth(self.name, self.samples)

    @property
    def has_truth(self) -> bool:
        """Whether the images have true depth."""
        return all_have_depth(self.name, self.samples)

    @classmethod
    def open(
        cls,
        data: Data,
        count: int | None = None,
        seed: int = 0,
        depth_scale: float = MILLIMETRE,
        cache: str | Path | None = None,
        progress: Progress = lambda done, total: None,
    ) -> "ImageSet":
        """Find the images.

        Args:
            data: ``generated``, ``generated:24@3840x2160``, the same with ``:KIND+KIND``, what ``open_dataset``
                takes, a data set, or samples.
            count: largest number of images, and that of ``generated`` without a number; those of a folder are chosen at
                random with ``seed``.
            seed: of that choice; for generated scenes, number of the first held-out scene.
            depth_scale: metres per step of a 16-bit depth PNG in a plain folder.
            cache: folder of generated scenes; None for the platform's cache folder.
            progress: called with (scenes done, scenes in total) while scenes are rendered.

        Raises:
            OptionError: if there is no such folder, no image in it, or depth beside some images only.
            ScenesUnavailableError: if scenes must be rendered and there is no OpenGL.
        """
        if count is not None and count < 1:
            raise OptionError(f"count {count} is less than 1.")
        if isinstance(data, str | Path) and (spec := parse_spec(str(data), count)):
            folder = Path(cache) if cache else cache_folder()
            samples = generated_samples(spec.count, spec.size, folder, progress, seed, spec.kinds)
            return cls(f"{spec} (seeds from {FIRST_SEED + seed}, generator {generator_digest()})", samples)
        if isinstance(data, str | Path):
            data = open_dataset(data, depth_scale=depth_scale)
        if isinstance(data, DepthDataset):
            return cls(data.folder.resolve().name, _drawn(data.lazy_samples, count, seed))
        return cls("own samples", _drawn(data, count, seed))


def data_name(data: Data) -> str:
    """Name of data in a report, without this machine's folders."""
    if not isinstance(data, str | Path):
        return "SAMPLES"
    if parse_spec(str(data)):
        return str(data)
    kind, folder = named_kind(data)
    name = folder.resolve().name  # that of "." is empty
    return f"{kind}:{name}" if kind else name


def _drawn(samples: Sequence[SampleSource], count: int | None, seed: int) -> Sequence[SampleSource]:
    if count is None or count >= len(samples):
        return samples
    check_seed(seed)
    chosen = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    return [samples[index] for index in sorted(chosen)]
