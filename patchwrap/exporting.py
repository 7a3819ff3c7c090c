"""Write a backend or a fusion head as ONNX, with its convention and sizes inside and in a JSON file beside it.

The graph takes RGB in [0, 1] (normalisation is part of it). It is compared with torch first, and a file that differs is
never written.
"""

import importlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from patchwrap.ambient_modes import ordinary_modes
from patchwrap.as_module import AsModule
from patchwrap.errors import ExportError, OptionError, one_line
from patchwrap.extras import from_extra
from patchwrap.focal import metres_per_unit
from patchwrap.gap import relative_gap
from patchwrap.generators import preserved_generators, seed_generators
from patchwrap.io import replacing_together, write_json
from patchwrap.spec import Backend, Exportable, FusionHead, MetricWithFocal, Traits, name_of, release
from patchwrap.wrapping import wrap

METADATA = "patchwrap"
"""Key of the graph's metadata that holds the facts as JSON."""

TOLERANCE = 1e-4
"""Largest difference from torch that is accepted, as a fraction of the largest value."""

_HEAD_SIZE = (256, 320)


@dataclass(frozen=True)
class Exported:
    """What ``export`` wrote.

    Args:
        path: the ONNX file.
        facts_path: the JSON file beside it.
        facts: its content, also in the graph's metadata.
        difference: largest difference from torch as a fraction of the largest value; None if onnxruntime is not
            installed, so that nothing was compared.
    """

    path: Path
    facts_path: Path
    facts: dict[str, Any]
    difference: float | None


def export(thing: Backend | FusionHead | str, path: str | Path, size: tuple[int, int] | None = None) -> Exported:
    """Write a backend or a fusion head as ONNX; moves it to the CPU in float32.

    The graph of a backend computes its ``predict``; export ``backend.fine`` and ``backend.head`` separately. The batch
    axis is dynamic, and so is the size if the backend allows any aspect (``Traits.free_aspect`` and ``open_size``).

    Args:
        thing: a backend or head with ``exportable`` (see ``patchwrap.spec.Exportable``), or the name of a backend.
        path: output file, ``.onnx``; the facts go to ``.json`` beside it. Existing files are replaced.
        size: fixes the ``(height, width)`` of the input; None leaves it dynamic, or uses the preferred size where that
            is not possible.

    Raises:
        MissingExtraError: if onnx or onnxscript is not installed.
        ExportError: if it is not a torch module, cannot be traced, its scale is not proportional to the focal length,
            or the result differs from torch.
        OptionError: if the path does not end in .onnx or the size is not a multiple of the backend's.
        OutputError: if the files cannot be written.
        BackendContractError: if the backend's ``metres_per_unit`` is not a positive number.
    """
    _check_extra()
    path = Path(path)
    if path.suffix != ".onnx":
        raise OptionError(f"{str(path)!r} does not end in .onnx. Give the output that ending.")
    cpu = torch.device("cpu")
    with ordinary_modes(cpu):
        candidate = Candidate.of(wrap(thing) if isinstance(thing, str) else thing, size)
        with preserved_generators(cpu), torch.no_grad(), replacing_together(path.parent) as folder:
            seed_generators(cpu, 0)
            program = candidate.traced()
            program.model.metadata_props[METADATA] = json.dumps(candidate.facts)
            program.save(folder / path.name)
            difference = candidate.difference(folder / path.name)
            write_json(folder / path.with_suffix(".json").name, candidate.facts)
    return Exported(path, path.with_suffix(".json"), candidate.facts, difference)


@dataclass(frozen=True)
class Candidate:
    """A backend or head to be exported, and the size at which it is traced.

    Args:
        thing: the backend or head.
        size: ``(height, width)`` of the example inputs.
        fixed: whether the graph takes this size only.
        facts: convention, sizes and layout, for the metadata.
    """

    thing: Exportable
    size: tuple[int, int]
    fixed: bool
    facts: dict[str, Any]

    @classmethod
    def of(cls, thing: Any, size: tuple[int, int] | None) -> "Candidate":
        """Choose size and facts for a backend or head.

        Raises:
            ExportError: if it cannot be exported at all.
        """
        if not isinstance(thing, Exportable) or not isinstance(thing, Backend | FusionHead):
            raise ExportError(
                f"{name_of(thing)} is not one torch module, so it cannot be written as ONNX. Export a backend "
                "or a fusion head that has exportable(), or wrap_callable(module, …)."
            )
        release(thing)
        if isinstance(thing, Backend):
            traits = Traits.of(thing)
            if not (traits.free_aspect and traits.open_size):
                size = size or thing.processing
            return cls(thing, _input_size(thing, size), size is not None, _backend_facts(thing, size))
        return cls(thing, size or _HEAD_SIZE, size is not None, _HEAD_FACTS)

    @property
    def name(self) -> str:
        """Its name in messages."""
        return name_of(self.thing)

    def traced(self) -> Any:
        """Return the graph.

        Raises:
            ExportError: if torch's exporter fails.
        """
        module, inputs = self.thing.exportable(self.size)
        if any(part.training for part in module.modules()):
            raise ExportError(f"{self.name}'s module is in training mode. Call its eval() first.")
        translations: dict[Callable, Callable] = {torch.ops.aten.median.dim: _median_translation()}
        try:
            with _quiet():
                return torch.onnx.export(
                    # Called by position, so that the graph's inputs need not be named like the module's parameters.
                    AsModule(module, module.__call__),
                    tuple(inputs.values()),
                    input_names=list(inputs),
                    output_names=[self.facts["output"]],
                    dynamic_shapes=(tuple(self._open_axes(name, value) for name, value in inputs.items()),),
                    custom_translation_table=translations,
                    dynamo=True,
                    verbose=False,
                )
        except Exception as error:
            raise ExportError(f"{self.name} cannot be traced: {_cause(error)}. {self._advice}") from error

    def _open_axes(self, name: str, value: Tensor) -> dict[int, str]:
        if self.fixed or value.ndim < 4:
            return {0: "batch"}
        prefix = "" if tuple(value.shape[2:]) == self.size else f"{name}_"
        return {0: "batch", 2: f"{prefix}height", 3: f"{prefix}width"}

    @property
    def _advice(self) -> str:
        return "Its code needs a change." if self.fixed else "A fixed size (--size) may help."

    def difference(self, file: Path) -> float | None:
        """Compare the file with torch, on random images of both orientations, in batches of two and of one.

        Raises:
            ExportError: if they differ, or onnxruntime is installed and cannot be imported.
        """
        try:
            runtime = importlib.import_module("onnxruntime")
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) and error.name == "onnxruntime":
                return None
            raise ExportError(f"the ONNX file cannot be compared: onnxruntime fails: {one_line(error)}.") from error
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # every error is raised as an exception as well
        other = self.size if self.fixed else (self.size[1], self.size[0])
        try:
            session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            return max(self._gap(session, self.size, 2), self._gap(session, other, 1))
        except ExportError:
            raise
        except Exception as error:
            raise ExportError(f"{self.name} fails as ONNX: {_cause(error)}. {self._advice}") from error

    def _gap(self, session: Any, size: tuple[int, int], batch: int) -> float:
        module, inputs = self.thing.exportable(size)
        inputs = {name: value[:batch] for name, value in inputs.items()}
        wanted = module(*inputs.values()).float()
        got = torch.from_numpy(session.run(None, {name: value.numpy() for name, value in inputs.items()})[0])
        where = f"for {batch} of {size[1]}x{size[0]} pixels"
        if got.shape != wanted.shape:
            shapes = f"{tuple(got.shape)} instead of {tuple(wanted.shape)}"
            raise ExportError(f"{self.name} as ONNX returns shape {shapes} {where}. {self._advice}")
        gap = relative_gap(wanted, got)
        if gap > TOLERANCE:
            raise ExportError(f"{self.name} as ONNX differs from torch by {gap:.2g} {where}. {self._advice}")
        return gap


_HEAD_FACTS = {"layout": "NCHW", "color": "RGB", "range": [0, 1], "output": "refined"}
"""A head has no convention: its maps are in the fusion space, see ``patchwrap.spec.FusionHead``."""


def _check_extra() -> None:
    for name in ("onnx", "onnxscript"):
        with from_extra("patchwrap[export]", f"Export needs {name}"):
            importlib.import_module(name)


def _backend_facts(backend: Backend, size: tuple[int, int] | None) -> dict[str, Any]:
    traits = Traits.of(backend)
    facts: dict[str, Any] = {
        "convention": str(backend.convention),
        "processing": list(size or backend.processing),
        "multiple": traits.multiple,
        "free_aspect": size is None and traits.free_aspect,
        "mirror": traits.mirror,
        "knows_tiles": traits.knows_tiles,
        "layout": "NCHW",
        "color": "RGB",
        "range": [0, 1],
        "output": backend.convention.space,
    }
    if isinstance(backend, MetricWithFocal) and backend.convention.ambiguity == "scale":
        facts["metres_per_focal"] = _metres_per_focal(backend)
    return facts


def _metres_per_focal(backend: MetricWithFocal) -> float:
    """The one number that stands for ``metres_per_unit``: a pinhole camera's scale is proportional to its focal length.

    Raises:
        BackendContractError: if the scale is not a positive number.
        ExportError: if it is not proportional to the focal length.
    """
    half, whole = (metres_per_unit(backend, focal) for focal in (0.5, 1.0))
    if not isclose(half, whole / 2, rel_tol=1e-5):
        raise ExportError(
            f"{name_of(backend)}.metres_per_unit is {half:g} at focal length 0.5 and {whole:g} at 1; an ONNX "
            "file can only state a scale that is proportional to the focal length. Export it without metres_per_unit."
        )
    return whole


def _input_size(backend: Backend, size: tuple[int, int] | None) -> tuple[int, int]:
    """The requested size; else the preferred one, made oblong so that swapping height and width is noticed."""
    traits = Traits.of(backend)
    multiple = traits.multiple
    if size is not None:
        if min(size) < multiple or size[0] % multiple or size[1] % multiple:
            raise OptionError(f"size {size} (height, width): both sides must be multiples of {multiple}. Round them.")
        return size
    height, width = backend.processing
    return height, width + multiple * (height == width and traits.free_aspect)


def _median_translation() -> Callable[..., Any]:
    """ONNX for ``torch.median(values, dim)``, which torch's exporter lacks: the lower middle of sorted values."""
    op = importlib.import_module("onnxscript").opset18

    def median(self: Any, dim: int, keepdim: bool = False) -> Any:
        axis, one = op.Constant(value_ints=[dim]), op.Constant(value_ints=[1])
        count = op.Div(op.Add(op.Gather(op.Shape(self), axis), one), op.Constant(value_ints=[2]))
        lower = op.TopK(self, count, axis=dim, largest=0, sorted=1)
        found = [op.Slice(part, op.Sub(count, one), count, axis) for part in lower]
        return tuple(found) if keepdim else tuple(op.Squeeze(part, axis) for part in found)

    return median


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's warnings, log lines and graph dumps: errors are raised as exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _cause(error: BaseException) -> str:
    """The innermost reason, shortened."""
    while error.__cause__ is not None:
        error = error.__cause__
    return one_line(error, 300)
