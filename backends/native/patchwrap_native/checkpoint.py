"""Reads and writes the trio as one safetensors file whose header says how to build it. Never trains."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save as serialized
from torch import Tensor, nn

from patchwrap import CheckpointError
from patchwrap.extension import one_line, read_described, replacing
from patchwrap_native.fusion_network import FusionNetwork
from patchwrap_native.unet import UNet

HEADER = "patchwrap_native"
"""Name of the header's entry that describes the networks, as JSON."""

FORMAT = 1

SHIPPED = Path(__file__).parent / "weights" / "native.safetensors"
"""The weights that come with this distribution."""


@dataclass(frozen=True)
class Trio:
    """The three networks.

    Args:
        coarse: for the whole image.
        fine: for tiles.
        fusion: corrects aligned tiles.
    """

    coarse: UNet
    fine: UNet
    fusion: FusionNetwork

    @classmethod
    def untrained(cls, encoder: str = "plain") -> "Trio":
        """Make the networks with random weights.

        Args:
            encoder: of coarse and fine network, ``plain`` or ``timm:NAME``.
        """
        return cls(UNet(encoder=encoder), UNet(encoder=encoder), FusionNetwork())

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return {"coarse": self.coarse, "fine": self.fine, "fusion": self.fusion}


def save(trio: Trio, path: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the networks atomically.

    Args:
        trio: what to write.
        path: output file, ``.safetensors``.
        dtype: number type on disk.

    Raises:
        OutputError: if it cannot be written.
    """
    tensors = {
        f"{part}.{name}": value.to(dtype).contiguous() if value.is_floating_point() else value
        for part, network in trio.parts.items()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    header = {"format": FORMAT} | {part: network.options for part, network in trio.parts.items()}
    with replacing(path) as stream:
        stream.write(serialized(tensors, {HEADER: json.dumps(header)}))


def load(path: Path) -> Trio:
    """Build the networks a file describes and fill in its weights, as float32.

    Args:
        path: a file that ``save`` wrote.

    Raises:
        CheckpointError: if the file is missing, damaged or of other networks.
    """
    header, tensors = read_described(path, HEADER, FORMAT, "checkpoint of the native backend", "patchwrap-native train")
    try:
        trio = _build(header)
        for part, network in trio.parts.items():
            own = {
                name.removeprefix(f"{part}."): v.float() for name, v in tensors.items() if name.startswith(f"{part}.")
            }
            _fill(network, own)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} does not hold the networks its header describes: {one_line(error, 200)}. "
            "Take a file that patchwrap-native wrote."
        ) from error
    return trio


def _build(header: dict) -> Trio:
    fusion = header["fusion"]
    guides = fusion["guides"]
    return Trio(
        UNet(**header["coarse"]), UNet(**header["fine"]), FusionNetwork(fusion["widths"], (guides[0], guides[1]))
    )


def _fill(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    counters = {name: v for name, v in network.state_dict().items() if name.endswith("num_batches_tracked")}
    network.load_state_dict(tensors | counters)
    network.eval()
