"""The results of a comparison as plain data."""

from dataclasses import dataclass, field
from typing import Any, Literal

Better = Literal["lower", "higher", "one", "neither"]
"""Which values of a measure are better; ``one`` means those closer to 1."""

Statistic = Literal["mean", "median", "largest"]
"""How values of all images are summarized; means and medians have a bootstrap interval, a largest value has none."""


@dataclass(frozen=True)
class Measure:
    """A measure: one column of a report.

    Args:
        key: its name in records and files.
        title: its name in tables, without arrow and unit.
        better: which values are better.
        form: format specification of its values.
        unit: of its values; empty for a pure number.
        group: of measures that are shown together.
        statistic: that summarizes all images.
        headline: whether it is among the few that are shown first.
    """

    key: str
    title: str
    better: Better = "lower"
    form: str = ".4f"
    unit: str = ""
    group: str = ""
    statistic: Statistic = "mean"
    headline: bool = False


@dataclass(frozen=True)
class Row:
    """One way to make a depth map: one row of a report.

    Args:
        key: unique in a report, of letters, digits, ``-`` and ``_``.
        title: its name in tables.
        backend: as written on the command line, with the checkpoint's file name only.
        plan: tile plan, ``none`` for a single pass.
        fuser: how tiles are fused, ``none`` for a single pass.
        head: fusion head, ``none`` without one.
        baseline: whether it is only there for comparison.
        reference: key of the row that it is compared with image by image; None for that row itself.
        convention: of its values; empty if the backend could not be loaded.
        alignment: the rule by which its maps are converted to metres, in words.
        error: why it has no measures, in one line; None if it has.
    """

    key: str
    title: str
    backend: str
    plan: str = "none"
    fuser: str = "none"
    head: str = "none"
    baseline: bool = False
    reference: str | None = None
    convention: str = ""
    alignment: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Estimate:
    """A measure over images with its 95 % interval.

    Args:
        mean: the measure's ``statistic``, most often the mean; NaN without any value.
        low: lower end of the interval, NaN without one.
        high: upper end.
        images: number of values.
    """

    mean: float
    low: float
    high: float
    images: int


@dataclass(frozen=True)
class Comparison:
    """A row compared with its reference, image by image.

    Args:
        difference: row minus reference; for measures that are better closer to 1, of their distances from 1.
        p: two-sided p value of a paired test.
        separable: whether the difference's interval excludes 0 and p < 0.05 (impossible with fewer than six images).
    """

    difference: Estimate
    p: float
    separable: bool


@dataclass(frozen=True)
class Cell:
    """One cell of a table: an estimate, and the comparison with the row's reference if there is one."""

    estimate: Estimate
    comparison: Comparison | None = None


Cells = dict[str, dict[str, Cell]]
"""By row key, then by measure key."""


@dataclass(frozen=True)
class Picture:
    """The picture files of one image, relative to the report's folder.

    Args:
        name: of the image.
        photo: the photo.
        truth: colour picture of the ground truth, None without one.
        depths: colour picture of each row's map by row key; all of an image in the same colours if it has
            ground truth, otherwise each in the range of its own coarse map.
        errors: colour picture of each row's relative error by row key; empty without ground truth.
    """

    name: str
    photo: str
    truth: str | None
    depths: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A finished comparison.

    Args:
        command: command line that makes the same report.
        date: UTC, as in ``2026-11-22T21:00:00Z``.
        options: that the numbers depend on.
        machine: processor, cores, memory, accelerator.
        versions: of the distributions involved.
        data: name of the image set, with the digest of what generated it where that is known.
        images: names, in order.
        measures: the columns.
        rows: the rows, failed ones included.
        tables: cells by alignment: ``own`` (each map's own), ``coarse`` (that of its coarse map, which shows drift),
            ``alike`` (scale and shift fitted for every map; only where rows have different rules).
        records: one per image and row, as measured.
        pictures: of some images.
        left_out: the error of each image that could not be used, by its name.
    """

    command: str
    date: str
    options: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]
    data: str
    images: list[str]
    measures: list[Measure]
    rows: list[Row]
    tables: dict[str, Cells]
    records: list[dict[str, Any]]
    pictures: list[Picture] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
