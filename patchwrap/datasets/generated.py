"""Procedural scenes as an endless data set; needs OpenGL but no files."""

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from patchwrap.datasets.sample import Sample
from patchwrap.errors import OptionError
from patchwrap.io import Photo
from patchwrap.scenes import TRAINING_KINDS, Renderer, build_scene, known_kinds
from patchwrap.tiling import Size


class GeneratedScenes(IterableDataset[Sample]):
    """Pictures with exact depth from ``patchwrap.scenes``, a new one every time (extra ``[scenes]``).

    A number always gives the same scene. Loader workers and processes share the numbers (each draws every n-th), so
    that together they draw what a single one would. ``patchwrap bench`` measures on numbers from 9,000,000.

    Args:
        size: ``(height, width)`` in pixels.
        seed: number of the first scene.
        kinds: of scenes, in turn.
        shard: index of this process, from 0, and number of processes.

    Raises:
        OptionError: if a kind is unknown, or the shard's index is not below the number of processes.
    """

    def __init__(
        self,
        size: Size = (1080, 1920),
        seed: int = 0,
        kinds: Sequence[str] = TRAINING_KINDS,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        if not 0 <= shard[0] < shard[1]:
            raise OptionError(f"shard {shard[0]} of {shard[1]} does not exist; indices begin at 0.")
        self.size, self.seed, self.kinds, self.shard = size, seed, known_kinds(kinds), shard

    def numbers(self) -> Iterator[int]:
        """Numbers of the scenes of this process and loader worker."""
        worker = get_worker_info()
        index, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        rank, processes = self.shard
        # A loader takes from its workers in turn, so that the numbers of a process come in order.
        return count(self.seed + rank + index * processes, workers * processes)

    def __iter__(self) -> Iterator[Sample]:
        """Draw scenes endlessly.

        Raises:
            ScenesUnavailableError: if there is no OpenGL.
        """
        with Renderer() as renderer:
            for number in self.numbers():
                yield self._drawn(renderer, number)

    def _drawn(self, renderer: Renderer, number: int) -> Sample:
        kind = self.kinds[number % len(self.kinds)]
        frame = renderer.render(build_scene(number, kind), self.size)
        depth, name = frame.depth.astype(np.float32), f"{number:06d}_{kind}"
        photo = Photo(frame.image, name=name)
        return Sample(name, photo, depth, sky=np.isinf(depth), intrinsics=frame.intrinsics)
