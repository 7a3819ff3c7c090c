"""The images of a comparison, found by a name or in a folder; opens one only to measure on it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from patchwrap.bench.heldout import FIRST_SEED, cache_folder, generated_pairs, generator_digest, parse_spec
from patchwrap.datasets import DepthDataset, Entry, Sample, open_dataset
from patchwrap.datasets.dataset import all_have_depth
from patchwrap.datasets.depth_file import MILLIMETRE
from patchwrap.datasets.registry import named_kind
from patchwrap.datasets.sample import METRIC
from patchwrap.errors import ConventionError, OptionError
from patchwrap.types import Values

Data = str | Path | DepthDataset | Sequence[Sample]


@dataclass(frozen=True)
class DataSet:
    """Images, all of them with true depth or none.

    Args:
        name: for people, with the digest of what generated it.
        entries: the images, by name.
        read: gives an entry's sample, or raises.
    """

    name: str
    entries: Sequence[Entry]
    read: Callable[[Entry], Sample]

    def __post_init__(self) -> None:
        counts = Counter(entry.name for entry in self.entries)
        if twins := [name for name in counts if counts[name] > 1]:
            raise OptionError(f"{self.name} has an image {twins[0]!r} twice. Give every image a name of its own")
        all_have_depth(self.name, self.entries)

    @property
    def has_truth(self) -> bool:
        """Whether depth is known."""
        return all_have_depth(self.name, self.entries)

    @classmethod
    def open(
        cls,
        data: Data,
        count: int | None = None,
        seed: int = 0,
        depth_scale: float = MILLIMETRE,
        cache: Path | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> "DataSet":
        """Find the images.

        Args:
            data: ``generated``, ``generated:24@3840x2160``, the same with ``:KIND+KIND``, what ``open_dataset``
                takes, a data set, or samples.
            count: at most so many images; of a folder's, drawn with ``seed``.
            seed: of that draw; generated scenes begin with the held-out one of this number.
            depth_scale: metres of one step of a 16-bit depth PNG in a plain folder.
            cache: where generated scenes are kept; None for the platform's place.
            progress: called with (scenes there, scenes in all) while scenes are rendered.

        Raises:
            OptionError: if there is no such folder, no image in it, or depth beside some images only.
            ScenesUnavailableError: if scenes must be rendered and there is no OpenGL.
        """
        if count is not None and count < 1:
            raise OptionError(f"count {count} is less than 1.")
        if isinstance(data, str | Path) and (spec := parse_spec(str(data))):
            spec = replace(spec, count=count or spec.count)
            found = generated_pairs(spec.count, spec.size, cache or cache_folder(), progress, seed, spec.kinds)
            name = f"{spec} (seeds from {FIRST_SEED + seed}, generator {generator_digest()})"
            return cls(name, found.entries, found.load)
        whole = cls._opened(data, depth_scale)
        return replace(whole, entries=_drawn(whole.entries, count, seed))

    @classmethod
    def _opened(cls, data: Data, depth_scale: float) -> "DataSet":
        if isinstance(data, str | Path):
            data = open_dataset(data, depth_scale=depth_scale)
        if isinstance(data, DepthDataset):
            return cls(data.folder.resolve().name, data.entries, data.load)
        by_name = {sample.name: sample for sample in data}
        return cls("own samples", [_entry(sample) for sample in data], lambda entry: by_name[entry.name])


def truth(sample: Sample) -> Values | None:
    """True metres where they count: inf where the sky is, NaN where nothing is known or it is not measured.

    Raises:
        ConventionError: if the sample's depth is no metres.
    """
    if sample.depth is None:
        return None
    if sample.convention != METRIC:
        raise ConventionError(f"{sample.name!r} has depth as {sample.convention}; needed is {METRIC}")
    return np.where(sample.counted | np.isinf(sample.depth), sample.depth, np.float32(np.nan))


def data_name(data: Data) -> str:
    """How a report calls data: without this machine's folders."""
    if not isinstance(data, str | Path):
        return "SAMPLES"
    if parse_spec(str(data)):
        return str(data)
    kind, folder = named_kind(data)
    return f"{kind}:{folder.name}" if kind else folder.name


def _entry(sample: Sample) -> Entry:
    digest = sha256(np.ascontiguousarray(sample.photo.pixels).tobytes())
    digest.update(b"" if sample.depth is None else np.ascontiguousarray(sample.depth).tobytes())
    place = sample.source or Path(sample.name)
    return Entry(sample.name, place, None if sample.depth is None else place, digest=digest.hexdigest()[:16])


def _drawn(entries: Sequence[Entry], count: int | None, seed: int) -> Sequence[Entry]:
    if count is None or count >= len(entries):
        return entries
    chosen = np.random.default_rng(seed).choice(len(entries), count, replace=False)
    return [entries[index] for index in sorted(chosen)]
