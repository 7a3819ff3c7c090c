"""A function of tensors as a torch module."""

from collections.abc import Callable

from torch import Tensor, nn


class AsModule(nn.Module):
    """A function of tensors that uses a network, as a module for export to ONNX.

    Args:
        network: whose weights the function uses.
        function: from tensors to one tensor.
    """

    def __init__(self, network: nn.Module, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        """Call the function."""
        return self.function(*inputs)
