"""Registers the onnx backend with patchwrap; imports neither torch nor onnxruntime."""

from patchwrap import Register, hookimpl


@hookimpl
def patchwrap_register_backends(register: Register) -> None:
    """Register ``onnx``."""
    register(
        "onnx",
        "patchwrap_onnx.backend:load",
        convention=None,
        licence="Apache-2.0",
        summary="any exported depth model: onnx=model.onnx, with a model.json beside it",
    )
