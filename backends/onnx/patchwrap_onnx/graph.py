"""An ONNX file in onnxruntime: its input, its outputs and its device. Independent of depth."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from patchwrap import BackendContractError, CheckpointError
from patchwrap.extension import is_out_of_memory, one_line

_FATAL = 4
_DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}

_log = logging.getLogger("patchwrap")


class Graph:
    """An ONNX file with one picture as its input.

    Args:
        path: the file.
        threads: of onnxruntime; None for its default.

    Raises:
        CheckpointError: if the file is missing, is not an ONNX model, or does not take exactly one picture.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        if not path.is_file():
            raise CheckpointError(f"No ONNX file at {path}. Give the path of an exported depth model.")
        self.path = path
        self.threads = threads
        self.device = torch.device("cpu")
        self._session = self._opened(self.device)
        self.input = self._only_input()
        self.outputs = [output.name for output in self._session.get_outputs()]
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    @property
    def shape(self) -> list[int | None]:
        """The input's four sides in the graph's own order, None where open."""
        return [side if isinstance(side, int) and side > 0 else None for side in self.input.shape]

    @property
    def dtype(self) -> type[np.generic]:
        """The number type of the input."""
        return _DTYPES[self.input.type]

    def run(self, pictures: np.ndarray, output: str) -> np.ndarray:
        """Compute one output.

        Raises:
            MemoryError: if memory runs out, on any device.
            BackendContractError: if the graph fails on this input.
        """
        try:
            raw = self._session.run([output], {self.input.name: pictures})[0]
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryError(f"{self.path} does not fit in memory") from error
            raise BackendContractError(
                f"{self.path} fails on an input of shape {pictures.shape}: {_reason(error)}. If it takes certain "
                "sizes only, say which: multiple, or processing with free_aspect false; or batch 1."
            ) from error
        if not isinstance(raw, np.ndarray):
            raise BackendContractError(
                f"Output {output!r} of {self.path} is not a tensor: it is a {type(raw).__name__}. Name the depth map "
                f"(output, one of {', '.join(self.outputs)}), or export the maps as one tensor."
            )
        return raw

    def __getstate__(self) -> dict[str, Any]:
        """What a session is opened from again: sessions can be neither copied nor pickled."""
        return {"path": self.path, "threads": self.threads, "device": self.device}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again, on the same device."""
        self.__init__(state["path"], state["threads"])
        self.to(state["device"])

    def to(self, device: torch.device) -> None:
        """Run on a CUDA device from now on if this onnxruntime supports it, else on the CPU."""
        if device == self.device:
            return
        self._session, self.device = self._opened(device), device
        if device.type == "cuda" and self._session.get_providers()[0] != "CUDAExecutionProvider":
            _log.warning(
                "warning: this onnxruntime has no working CUDA, so %s runs on the CPU; install onnxruntime-gpu",
                self.path,
            )

    def _opened(self, device: torch.device) -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL  # every error is raised as an exception as well
        if self.threads is not None:
            options.intra_op_num_threads = self.threads
        try:
            return onnxruntime.InferenceSession(str(self.path), options, providers=providers(device))
        except Exception as error:
            raise CheckpointError(f"onnxruntime cannot load {self.path}: {_reason(error)}. Export it again.") from error

    def _only_input(self) -> Any:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(each.name for each in inputs)
            raise CheckpointError(
                f"{self.path} has {len(inputs)} inputs ({names}); a depth model has one, the picture. "
                "Export it with the others fixed."
            )
        if len(inputs[0].shape) != 4:
            raise CheckpointError(
                f"{self.path} takes {inputs[0].shape}; expected four sides: batch, channels, height and width "
                "(or channels last). Export it for batches of pictures."
            )
        if inputs[0].type not in _DTYPES:
            raise CheckpointError(f"{self.path} takes {inputs[0].type}; expected one of {', '.join(_DTYPES)}.")
        return inputs[0]


def providers(device: torch.device) -> list[Any]:
    """Execution providers for onnxruntime, preferred first."""
    if device.type == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return [("CUDAExecutionProvider", {"device_id": device.index or 0}), "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def _reason(error: BaseException) -> str:
    text = one_line(error)
    return (text if len(text) <= 300 else f"{text[:297]}...").rstrip(".")
