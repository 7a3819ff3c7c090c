"""Render scenes into shards with several processes; finished shards of the same job are kept. Needs no network."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from patchwrap import ImageError, OptionError, OutputError
from patchwrap.extension import check_seed, workers
from patchwrap_native.depth_code import encode
from patchwrap_native.shards import PREFIX, SceneViews, Shard, write_shard
from patchwrap_native.views import SHAPES, draw_pairs

if TYPE_CHECKING:
    from patchwrap.scenes import Renderer, Scene

Progress = Callable[[int, int], None]
Draw = Callable[[list[int], tuple[int, int], int, int, Sequence[str]], list[SceneViews]]
"""Called with seeds, size, pairs, supersampling and kinds; draws the scenes of one shard."""


@dataclass(frozen=True)
class RenderJob:
    """What to render.

    Args:
        out: folder of the shards.
        scenes: how many.
        first_seed: seed of the first scene; seeds from 1000000 on are held out from training.
        pairs: tile pairs per scene.
        per_shard: scenes per shard.
        supersample: samples per pixel and axis.
        processes: how many render at once.
        shapes: sizes of the views, shards take them in turn.
        kinds: of scenes, in turn; if empty, each seed chooses among all kinds for training.

    Raises:
        OptionError: for a number out of range.
    """

    out: Path
    scenes: int
    first_seed: int = 0
    pairs: int = 2
    per_shard: int = 64
    supersample: int = 2
    processes: int = 2
    shapes: tuple[tuple[int, int], ...] = field(default=SHAPES)
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("scenes", "pairs", "per_shard", "supersample", "processes"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is less than 1.")
        check_seed(self.first_seed)

    def shards(self) -> Iterator[tuple[Path, list[int], tuple[int, int]]]:
        """Folder, seeds and size of every shard."""
        for number, start in enumerate(range(0, self.scenes, self.per_shard)):
            stop = min(start + self.per_shard, self.scenes)
            seeds = list(range(self.first_seed + start, self.first_seed + stop))
            yield self.out / f"{PREFIX}{number:05d}", seeds, self.shapes[number % len(self.shapes)]

    def finished(self, folder: Path, seeds: list[int], size: tuple[int, int]) -> bool:
        """Whether a shard is there and complete.

        Args:
            folder: of the shard.
            seeds: of its scenes in this job.
            size: of its views in this job.

        Raises:
            OptionError: if it is a shard of another job.
        """
        try:
            shard = Shard(folder)
            self._check_scenes(shard, seeds)
            images, codes = shard.images.shape[:4], shard.codes.shape
        except ImageError:  # nothing there, or the remains of a copy that was interrupted
            return False
        if images[2:] != size:
            raise _of_another_job(shard)
        complete = images == codes and images[1:] == (1 + 2 * self.pairs, *size)
        return complete and images[0] == len(shard) >= len(seeds)

    def _check_scenes(self, shard: Shard, seeds: Sequence[int]) -> None:
        """Check that a shard's scenes are those that this job draws from some seeds, as far as there are both."""
        found = [(scene["seed"], scene["kind"], len(scene["quarters"])) for scene in shard.scenes]
        wanted = [(seed, kind_of(seed, self.kinds), self.pairs) for seed in seeds]
        # Shards of earlier versions do not say how they were supersampled.
        sampled = all(scene.get("supersample") in (None, self.supersample) for scene in shard.scenes)
        if not sampled or any(one != other for one, other in zip(found, wanted)):
            raise _of_another_job(shard)


def _of_another_job(shard: Shard) -> OptionError:
    return OptionError(
        f"{str(shard.folder)!r} holds {len(shard)} scenes of another job: their seeds, kinds, pairs, size or "
        "supersampling are not those that are asked for. Give the same options as for that job, or another folder."
    )


def draw_scenes(
    seeds: list[int], size: tuple[int, int], pairs: int, supersample: int, kinds: Sequence[str] = ()
) -> list[SceneViews]:
    """Draw scenes with patchwrap's own renderer.

    Args:
        seeds: one per scene.
        size: (height, width) of every view.
        pairs: tile pairs per scene.
        supersample: samples per pixel and axis.
        kinds: see ``RenderJob``.
    """
    from patchwrap.scenes import Renderer, build_scene

    scenes = (build_scene(seed, kind_of(seed, kinds)) for seed in seeds)
    with Renderer() as renderer:
        return [_draw_scene(renderer, scene, size, pairs, supersample) for scene in scenes]


def kind_of(seed: int, kinds: Sequence[str]) -> str:
    """The kind of a seed's scene.

    Args:
        seed: of the scene.
        kinds: see ``RenderJob``.
    """
    from patchwrap.scenes import drawn_kind

    return kinds[seed % len(kinds)] if kinds else drawn_kind(seed)


def _draw_scene(
    renderer: "Renderer", scene: "Scene", size: tuple[int, int], pairs: int, supersample: int
) -> SceneViews:
    tiles = draw_pairs(scene.seed, pairs)
    windows = [(0.0, 0.0, 1.0, 1.0), *(window for pair in tiles for window in pair.windows)]
    frames = [renderer.render(scene, size, window=window, supersample=supersample) for window in windows]
    return SceneViews(
        np.stack([frame.image for frame in frames]),
        encode(np.stack([frame.depth for frame in frames])),
        [float(frame.intrinsics.fx) for frame in frames],
        windows,
        [pair.quarters for pair in tiles],
        scene.seed,
        scene.kind,
        supersample,
    )


def render(job: RenderJob, draw: Draw = draw_scenes, progress: Progress | None = None, seconds: float = 1e9) -> int:
    """Render what is missing or incomplete.

    Args:
        job: what to render.
        draw: draws the scenes of one shard.
        progress: called with (shards done, number of shards).
        seconds: no shard is started later than this.

    Returns:
        The number of finished shards.

    Raises:
        OptionError: if the folder holds a shard of another job; then nothing is rendered.
        OutputError: if a shard cannot be drawn or written.
    """
    shards = list(job.shards())
    missing = [shard for shard in shards if not job.finished(*shard)]
    done = len(shards) - len(missing)
    deadline = time.time() + seconds
    # Software OpenGL would start a thread per core in each process.
    os.environ["LP_NUM_THREADS"] = "1"
    with workers(job.processes) as pool:
        tasks = [pool.submit(_render_shard, *shard, job, draw, deadline) for shard in missing]
        failures: list[BaseException] = []
        for task in as_completed(tasks):
            # A scene that fails must not discard the work of the others.
            if error := task.exception():
                failures.append(error)
            else:
                done += task.result()
            if progress:
                progress(done, len(shards))
    if failures:
        raise OutputError(
            f"{len(failures)} of {len(shards)} shards failed, the first with: {failures[0]!r}"
        ) from failures[0]
    return done


def _render_shard(
    folder: Path, seeds: list[int], size: tuple[int, int], job: RenderJob, draw: Draw, deadline: float
) -> bool:
    if time.time() > deadline:
        return False
    write_shard(folder, draw(seeds, size, job.pairs, job.supersample, job.kinds))
    return True
