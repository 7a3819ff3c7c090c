"""What a comparison found, as plain data; knows neither how it was measured nor how it is shown."""

from dataclasses import dataclass, field
from typing import Any, Literal

Better = Literal["lower", "higher", "one", "neither"]
"""Which way a measure improves; ``one`` means the nearer to 1 the better."""

Statistic = Literal["mean", "median", "largest"]
"""What stands for all images; the interval of a mean or median is a bootstrap's, a largest value has none."""


@dataclass(frozen=True)
class Measure:
    """A column.

    Args:
        key: its name in records and files.
        title: its name for people, without arrow and unit.
        better: which way it improves.
        form: format specification of its mean.
        unit: of its values, empty for a pure number.
        group: which measures it stands with.
        statistic: what stands for all images.
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
    """One way to make a depth map.

    Args:
        key: unique in a report, of letters, digits, ``-`` and ``_``.
        title: its name for people.
        backend: as written on the command line, with the checkpoint's last part only.
        plan: tile plan, ``none`` for a single pass.
        fuser: how tiles are fused, ``none`` for a single pass.
        head: fusion head, ``none`` without one.
        baseline: whether it stands beside for comparison only.
        reference: key of the row that it is compared with in pairs; None for that row itself.
        convention: what its numbers mean; empty where the backend could not be loaded.
        alignment: the rule by which its maps are brought to metres, in words.
        error: why it has no measures, one line; None where it has.
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
    """A measure's ``statistic`` (most often the mean) over images and its 95 % interval; NaN over no image."""

    mean: float
    low: float
    high: float
    images: int


@dataclass(frozen=True)
class Comparison:
    """A row against its reference, image by image.

    Args:
        difference: of the row minus the reference; where nearer to 1 is better, of how far both are from 1.
        p: two-sided p value of a paired test.
        separable: whether the difference's interval excludes 0 and the test agrees (p < 0.05: never with fewer
            than six images); where not, the report says so.
    """

    difference: Estimate
    p: float
    separable: bool


@dataclass(frozen=True)
class Cell:
    """What a table holds in one place."""

    estimate: Estimate
    comparison: Comparison | None = None


Cells = dict[str, dict[str, Cell]]
"""By row key, then by measure key."""


@dataclass(frozen=True)
class Picture:
    """One image and what every row made of it, for people to look at.

    Args:
        name: the image's.
        photo: JPEG file beside the report's JSON.
        truth: colour picture of the ground truth, None without one.
        depths: colour picture of each row's map by row key, all of an image in the same colours.
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
        command: prints it again.
        date: UTC, as in ``2026-11-22T21:00:00Z``.
        options: everything that decides the numbers.
        machine: processor, cores, memory, accelerator.
        versions: of what took part.
        data: name of the image set, with the digest of what generated it where that is known.
        images: names, in order.
        measures: the columns.
        rows: the rows, failed ones included.
        tables: cells by alignment: ``own`` (each map by its own), ``coarse`` (every map by its coarse
            map's, which shows drift), ``alike`` (every map given scale and shift, where rows have several rules).
        records: one per image and row, as measured.
        pictures: of some images.
        left_out: why an image could not be used, by its name.
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
