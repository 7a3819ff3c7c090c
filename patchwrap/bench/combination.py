"""The rows of a comparison: every plan, fuser and head of a backend, and the baselines to compare them with."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch

from patchwrap.backend_selection import fuser_for
from patchwrap.bench.report import Row
from patchwrap.bench.unit_map import alignment_rule
from patchwrap.depth_map import DepthMap
from patchwrap.errors import OptionError
from patchwrap.fusers import AUTO, FUSERS
from patchwrap.heads import UNIVERSAL, load_head
from patchwrap.pipeline import predict
from patchwrap.spec import Backend, Movable, Traits, fine_of, head_of
from patchwrap.tile_runner import backend_size
from patchwrap.tiling import Size, TilePlan
from patchwrap.types import DepthBatch, Images
from patchwrap.wrapping import wrap_callable

HEADS = ("none", "auto", UNIVERSAL)
HEAD_FILE = ".safetensors"
BASELINES = ("average", "minmax")
"""Fusers that every plan is compared with; every backend is also compared with its single passes."""

NO_TILES = "none"
"""The plan that measures single passes only."""


class Doubled:
    """A backend whose preferred size is doubled.

    Args:
        backend: that predicts; its input size must be free.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.convention = backend.convention
        self.processing = (2 * backend.processing[0], 2 * backend.processing[1])
        self.multiple = Traits.of(backend).multiple
        self.free_aspect = True

    def predict(self, images: Images) -> DepthBatch:
        """Predict with the backend."""
        return self.backend.predict(images)

    def to(self, device: torch.device, dtype: torch.dtype) -> "Doubled":
        """Move the backend if it can be moved."""
        if isinstance(self.backend, Movable):
            self.backend.to(device, dtype)
        return self


@dataclass
class Combination:
    """One row of a comparison and how its maps are predicted.

    Args:
        row: of the report.
        backend: that predicts.
        options: of ``patchwrap.predict``.
    """

    row: Row
    backend: Backend
    options: dict[str, Any]

    def predict(self, photo: Any, **options: Any) -> DepthMap:
        """Predict one photo."""
        return predict(photo, self.backend, **(self.options | options))

    @property
    def undoubled(self) -> Backend:
        """The backend whose weights predict: of ``Doubled`` the one within."""
        return self.backend.backend if isinstance(self.backend, Doubled) else self.backend

    @property
    def aligner(self) -> tuple[str, str]:
        """The alignment and the head, which decide the tiles' values before fusion."""
        return FUSERS[self.options["fuser"]].aligner, self.options["head"] or "none"

    def plan(self, text: str, size: Size) -> TilePlan | None:
        """Choose the plan for a photo of this size; None for ``none``, and for ``auto`` where tiles gain nothing."""
        if text == NO_TILES:
            return None
        fine = fine_of(self.undoubled) or self.undoubled
        return TilePlan.choose(text, size, backend_size(fine, size))


@dataclass(frozen=True)
class Matrix:
    """Plans, fusers and heads to combine with every backend.

    Args:
        plans: tile plans; ``none`` measures single passes only.
        fusers: see ``patchwrap.predict``.
        heads: ``none``, ``auto`` (the backend's own), ``universal`` (the package's), and files of heads.
        options: of every prediction.
        baselines: fusers that every plan is compared with.

    Raises:
        OptionError: if a fuser or head is unknown or missing, or another option is impossible.
        CheckpointError: if a head's file cannot be read.
        TilingError: if a plan is unknown.
    """

    plans: Sequence[str]
    fusers: Sequence[str]
    heads: Sequence[str]
    options: dict[str, Any] = field(default_factory=dict)
    baselines: Sequence[str] = BASELINES

    def __post_init__(self) -> None:
        own = [head for head in self.heads if not head.endswith(HEAD_FILE)]
        fusers = (*self.fusers, *self.baselines)
        for name, given, known in (("fuser", fusers, (AUTO, *FUSERS)), ("head", own, HEADS)):
            for word in given:
                if word not in known:
                    files = f", or files that end in {HEAD_FILE}" if name == "head" else ""
                    raise OptionError(f"{name} {word!r} is not known. Take any of {', '.join(known)}{files}.")
        for head in self._head_names.keys() - {"none", "auto"}:
            load_head(head)  # so that a file that cannot be read is reported before anything is measured
        for plan in self._tile_plans:
            TilePlan.choose(plan, (512, 512), (512, 512))
        if not (self.plans and self.fusers and self.heads):
            raise OptionError("nothing to compare: give at least one plan, one fuser and one head.")
        # Options that make every prediction fail are reported once, and not in every row.
        unit = wrap_callable(lambda images: 1 + images.mean(1), "depth:metric")
        predict(np.zeros((16, 16, 3), np.uint8), unit, **self.options)

    def combinations(self, first: Row, backend: Backend, has_truth: bool) -> list[Combination]:
        """List the combinations of one backend without duplicates, baselines first.

        Args:
            first: a row with what the backend's rows share, and the beginning of their keys and titles.
            backend: that predicts.
            has_truth: whether maps are aligned to true depth.
        """
        rule = alignment_rule(backend.convention, has_truth)
        first = replace(first, convention=str(backend.convention), alignment=rule)
        single = replace(first, key=f"{first.key}-single", title=f"{first.title}single pass", baseline=True)
        made = [self._single(single, backend)]
        if Traits.of(backend).mirror:
            # Its fused rows include the mirror pass: the gain of tiles alone is the difference from this row.
            mirrored = _after(single, "mirrored", "single pass, mirrored", first)
            made.append(self._single(mirrored, backend, mirror=True))
        if Traits.of(backend).free_aspect:
            double = _after(single, "double", "single pass at twice the size", first)
            made.append(self._single(double, Doubled(backend)))
        for plan, fuser, head, baseline in dict.fromkeys(self._tiled(backend)):
            name = "none" if head is None else self._head_names[head]
            key = "-".join([_plain(plan), fuser, *({"none": [], "auto": ["head"]}.get(name, ["head", slug(name)]))])
            said = {"none": "", "auto": " + fusion head"}.get(name, f" + head {name}")
            options = {"tiles": True, "plan": plan, "fuser": fuser, "head": head}
            row = replace(_after(single, key, f"{plan}: {FUSERS[fuser].title}{said}", first), plan=plan, fuser=fuser)
            row = replace(row, baseline=baseline, head=name)
            made.append(Combination(row, backend, self.options | options))
        return made

    @cached_property
    def _head_names(self) -> dict[str, str]:
        """Names of the heads; files of the same name also have their folder's."""
        stems = {head: Path(head).stem for head in self.heads}
        alike = Counter(stems.values())
        names = {
            head: f"{Path(head).resolve().parent.name}/{stem}" if alike[stem] > 1 else stem
            for head, stem in stems.items()
        }
        if len(set(names.values())) < len(names):
            raise OptionError(f"heads {', '.join(map(repr, self.heads))} have the same names. Rename their files.")
        return names

    @property
    def _tile_plans(self) -> list[str]:
        return [plan for plan in dict.fromkeys(self.plans) if plan != NO_TILES]

    def _single(self, row: Row, backend: Backend, **options: Any) -> Combination:
        single = {"tiles": False, "fuser": "poisson", "head": None}
        return Combination(row, backend, self.options | single | options)

    def _tiled(self, backend: Backend) -> Iterator[tuple[str, str, str | None, bool]]:
        """Yield plan, fuser, head, and whether the row is a baseline."""
        own = head_of(backend)
        # Without a head of its own, ``auto`` is the same as ``none``.
        absent = ("none", "auto") if own is None else ("none",)
        heads = dict.fromkeys(None if head in absent else head for head in self.heads)
        fused = [(fuser_for(name, own if head == "auto" else None), head) for name in self.fusers for head in heads]
        for plan in self._tile_plans:
            yield from ((plan, fuser, None, True) for fuser in self.baselines if (fuser, None) not in fused)
            yield from ((plan, fuser, head, False) for fuser, head in fused)


def _after(reference: Row, key: str, title: str, first: Row) -> Row:
    return replace(reference, key=f"{first.key}-{key}", title=f"{first.title}{title}", reference=reference.key)


def slug(name: str) -> str:
    """Make a name safe for row keys: letters, digits, ``-`` and ``_`` are kept.

    A changed name gets a digest, so that two names do not share a key.
    """
    plain = _plain(name)
    return plain if plain == name else f"{plain}-{crc32(name.encode(errors='surrogatepass')):08x}".strip("-")


def refuse_duplicate_keys(rows: Iterable[Row]) -> None:
    """Check that every row has a key of its own.

    Raises:
        OptionError: naming two rows that share a key; their results could not be told apart.
    """
    titles: dict[str, str] = {}
    for row in rows:
        if row.key in titles:
            pair = f"{titles[row.key]!r} and {row.title!r}"
            raise OptionError(f"rows {pair} have the same key {row.key!r}. Rename a backend or a head.")
        titles[row.key] = row.title


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")

