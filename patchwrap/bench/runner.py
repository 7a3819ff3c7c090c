"""``patchwrap.bench``: from names to a finished report; what fails is reported and skipped."""

import inspect
import itertools
import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from patchwrap.bench.backend_run import BackendRun, reason_of
from patchwrap.bench.combination import BASELINES, Matrix, refuse_duplicate_keys, slug
from patchwrap.bench.journal import Journal
from patchwrap.bench.measures import MEASURES
from patchwrap.bench.pictures import Album
from patchwrap.bench.report import Picture, Report, Row
from patchwrap.bench.storage import write_report
from patchwrap.bench.summary import summarize
from patchwrap.datasets.image_set import Data, ImageSet, data_name
from patchwrap.errors import ImageError, OptionError
from patchwrap.io.encode import MILLIMETRE
from patchwrap.machine import machine, versions
from patchwrap.outputs import exists
from patchwrap.plugins import registered_backends
from patchwrap.spec import StepProgress, fine_of, head_of, name_of, release
from patchwrap.wrapping import wrap

RECORDS = "records.jsonl"

_log = logging.getLogger("patchwrap")


def bench(
    backends: Any = "native",
    data: Data = "generated",
    *,
    plans: str | Sequence[str] = ("auto",),
    fusers: str | Sequence[str] = ("auto",),
    heads: str | Sequence[str] = ("none",),
    baselines: str | Sequence[str] = BASELINES,
    out: str | Path | None = None,
    count: int | None = None,
    seed: int = 0,
    depth_scale: float = MILLIMETRE,
    pictures: int = 6,
    measures: Literal["all", "quick"] = "all",
    tile_batch_size: int = 4,
    device: str = "auto",
    dtype: str = "float32",
    cache: str | Path | None = None,
    progress: StepProgress | None = None,
) -> Report:
    """Compare backends, plans, fusers and heads on the same images by the same protocol.

    Every combination is measured, and in addition each backend's single pass, its single pass at twice the size (if its
    input size is free), its single pass averaged with the mirrored image's (if its fused maps are by default), and the
    baselines of each plan. A backend that cannot be loaded, raises an error or runs out of memory becomes a row with
    its error; an image that cannot be read is left out with a warning in the log.

    Args:
        backends: a name, a backend, a list of either, or a mapping from names in the report to either. A backend that
            is given as an object is left on the CPU in float32.
        data: ``generated``, ``generated:COUNT@WIDTHxHEIGHT`` or ``generated:COUNT@WIDTHxHEIGHT:KIND+KIND`` (held-out
            scenes with exact depth), ``KIND:FOLDER`` or a folder (see ``patchwrap.datasets.open_dataset``), a data set
            or samples. Without true depth, only measures that do not need it.
        plans: one or several tile plans, see ``predict``; ``none`` for single passes only.
        fusers: one or several, see ``predict``.
        heads: one or several: ``none`` for training-free fusion, ``auto`` for a backend's own fusion head,
            ``universal`` for this package's, or files of other heads.
        baselines: fusers that every plan is compared with.
        out: folder for the report. Measurements are written there at once, and another run in the same folder only
            measures what is missing. None writes nothing.
        count: largest number of images.
        seed: of the choice of these images, of random tiles and of random networks.
        depth_scale: metres per step of a 16-bit depth PNG.
        pictures: number of images that are pictured; none without ``out``.
        measures: ``quick`` leaves out D3R and the measures of drawn edges, ten seconds a map at 3840x2160.
        tile_batch_size: see ``predict``.
        device: see ``predict``.
        dtype: see ``predict``.
        cache: folder of generated scenes; None for the platform's cache folder.
        progress: called with (steps done, steps in total, what comes next).

    Returns:
        The report, which ``out`` also receives as JSON, CSV, Markdown and a web page.

    Raises:
        OptionError: for an impossible option, data that cannot be used, or backends whose rows have the same key.
        ImageError: if no image can be read.
        OutputError: if the report cannot be written.
    """
    progress = progress or (lambda done, total, text: None)
    named = _named(backends)
    plans, fusers, heads, baselines = map(_several, (plans, fusers, heads, baselines))
    if pictures < 0:
        raise OptionError(f"pictures {pictures} is negative; give 0 or more.")
    options = {"tile_batch_size": tile_batch_size, "seed": seed, "device": device, "dtype": dtype}
    matrix = Matrix(tuple(plans), tuple(fusers), tuple(heads), options, tuple(baselines))
    dataset = ImageSet.open(data, count, seed, depth_scale, cache, partial(_rendering, progress))
    folder = None if out is None else Path(out)
    pictured = frozenset(sample.name for sample in dataset.samples[:pictures])
    journal = Journal(folder / RECORDS if folder else None)
    run = Run(dataset, matrix, journal, Album(folder, pictured) if folder else None, progress, measures)
    run.measure_backends(named)
    names = [Path(head).name for head in heads]
    chosen = {"plans": list(plans), "fusers": list(fusers), "heads": names, "depth_scale": depth_scale, **options}
    chosen |= {"measures": measures, "baselines": list(baselines)}
    command = _command(named, data, {**chosen, "count": count, "pictures": pictures}, folder)
    report = run.report(command, {"backends": list(named), "count": len(dataset.samples), **chosen})
    if folder:
        write_report(report, folder)
    return report


@dataclass
class Run:
    """A running comparison.

    Args:
        dataset: the images.
        matrix: of plans, fusers and heads.
        journal: stores the measurements.
        album: draws pictures, or None.
        progress: called before every step, and when all are done.
        measures: ``all`` or ``quick``.
    """

    dataset: ImageSet
    matrix: Matrix
    journal: Journal
    album: Album | None
    progress: StepProgress
    measures: Literal["all", "quick"] = "all"
    rows: list[Row] = field(default_factory=list, init=False)
    left_out: dict[str, str] = field(default_factory=dict, init=False)
    _steps: int = field(default=0, init=False)
    """Those of the backends that are loaded; how many all have is known as soon as the last is."""
    _total: int = field(default=0, init=False)

    def measure_backends(self, named: Mapping[str, Any]) -> None:
        """Load and measure one backend after the other: two at a time might not fit in memory.

        Raises:
            OptionError: if two rows have the same key.
        """
        self._total = len(named)
        for number, (name, source) in enumerate(named.items()):
            first = Row(slug(name), f"{name}, " if len(named) > 1 else "", name)
            self.progress(self._steps, self._total, f"loading {name}")
            try:
                backend_run = self._backend_run(first, source, len(named) - number)
            except Exception as error:  # the report shows which backends cannot be loaded
                _log.warning("warning: backend %r fails: %s", name, reason_of(error))
                _log.debug("traceback", exc_info=error)
                self.rows.append(replace(first, title=name, error=reason_of(error)))
                refuse_duplicate_keys(self.rows)
                continue
            refuse_duplicate_keys([*self.rows, *backend_run.rows])
            self.rows += backend_run.run()
            del backend_run  # frees the backend before the next one is loaded
            _released(source)  # a backend that was given as an object is still there
        self.progress(self._steps, self._steps, "averaging over images")

    def _backend_run(self, first: Row, source: Any, left: int) -> BackendRun:
        """A backend's rows, and progress as if those that are left had as many steps."""
        combinations = self.matrix.combinations(first, wrap(source), self.dataset.has_truth)
        steps = len(combinations) * len(self.dataset.samples)
        done = itertools.count(self._steps)
        self._total = self._steps + left * steps
        self._steps += steps

        def step(text: str) -> None:
            self.progress(next(done), self._total, text)

        plan = self.matrix.plans[0]
        slow = self.measures == "all"
        return BackendRun(self.dataset, combinations, self.journal, self.album, plan, self.left_out, step, slow)

    def report(self, command: str, options: dict[str, Any]) -> Report:
        """Average over images.

        Args:
            command: command line that makes the same report.
            options: that the numbers depend on.

        Raises:
            ImageError: if no image could be read.
        """
        images = [sample.name for sample in self.dataset.samples if sample.name not in self.left_out]
        if not images:
            raise ImageError(f"no image of {self.dataset.name} can be used: {next(iter(self.left_out.values()))}")
        records = {row.key: [self.journal.get(image, row.key) for image in images] for row in self.rows}
        tables = summarize([row for row in self.rows if row.error is None], records)
        found = {key for line in tables["own"].values() for key in line}
        return Report(
            command=command,
            date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            options=options,
            machine=machine(self.matrix.options["device"]),
            versions=versions(*_distributions(self.rows)),
            data=self.dataset.name,
            images=images,
            measures=[measure for measure in MEASURES if measure.key in found],
            rows=self.rows,
            tables=tables,
            records=[record for row in self.rows for record in records[row.key] if record],
            pictures=self._pictures(images),
            left_out=self.left_out,
        )

    def _pictures(self, images: list[str]) -> list[Picture]:
        if self.album is None:
            return []
        rows = [row.key for row in self.rows if row.error is None]
        drawn = (self.album.picture(image, rows, self.dataset.has_truth) for image in images)
        return [picture for picture in drawn if picture is not None]


def _released(source: Any) -> None:
    try:
        release(source, fine_of(source), head_of(source))
    except Exception as error:  # the rows of a backend that cannot be moved have failed already
        _log.debug("traceback", exc_info=error)


def _several(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _named(backends: Any) -> dict[str, Any]:
    """Backends by their names in the report, without duplicates."""
    named = dict(backends) if isinstance(backends, Mapping) else _numbered(backends)
    if not named:
        raise OptionError("no backend to compare: give at least one.")
    return named


def _numbered(backends: Any) -> dict[str, Any]:
    """Name backends by their text, or as messages name them, with a number where that name is taken."""
    several = list(backends) if isinstance(backends, list | tuple) else [backends]
    named: dict[str, Any] = {}
    for source in _distinct(several):
        name = short_name(source) if isinstance(source, str) else name_of(source)
        alike = sum(other == name or other.startswith(f"{name} #") for other in named)
        named[f"{name} #{alike + 1}" if alike else name] = source
    return named


def _distinct(sources: Sequence[Any]) -> list[Any]:
    """Remove duplicates: names by their text, backends by identity, since some cannot be hashed."""
    return list({source if isinstance(source, str) else id(source): source for source in sources}.values())


def short_name(source: str) -> str:
    """Shorten ``native=/a/b/c.safetensors`` to ``native=c.safetensors``; a hub's ``ORG/NAME`` stays."""
    name, equals, checkpoint = source.partition("=")
    path = Path(checkpoint)
    return name + equals + (path.name if path.is_absolute() or exists(path) else checkpoint)


def _asked(name: str, source: Any) -> str:
    """A backend as the command names it: what lies in a folder of this machine is not taken for a published name."""
    shortened = isinstance(source, str) and short_name(source) != source
    return name.replace("=", "=./", 1) if shortened else name


def _command(named: dict[str, Any], data: Data, options: dict[str, Any], out: Path | None) -> str:
    """The command line that makes the same report, without this machine's folders."""
    names = ",".join(_asked(name, source) for name, source in named.items())
    words = ["--backends", names, "--data", data_name(data)]
    for name, value in options.items():
        text = ",".join(value) or "none" if isinstance(value, list) else str(value)
        words += [f"--{name.replace('_', '-')}", text] if value != _DEFAULTS.get(name) else []
    return shlex.join(["patchwrap", "bench", *words, "-o", out.name if out else "report"])


_ALWAYS_SHOWN = ("plans", "fusers", "heads")
"""Options that the command names even where they have their default."""

_DEFAULTS: dict[str, Any] = {
    name: list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    for name, parameter in inspect.signature(bench).parameters.items()
    if name not in _ALWAYS_SHOWN
}


def _distributions(rows: list[Row]) -> list[str]:
    """The installed distributions that the rows' backends came with."""
    known = registered_backends()
    names = dict.fromkeys(row.backend.partition("=")[0] for row in rows)
    return [known[name].distribution or "" for name in names if name in known and known[name].distribution]


def _rendering(progress: StepProgress, done: int, total: int) -> None:
    progress(done, total, "rendering scenes")
