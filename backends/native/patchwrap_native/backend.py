"""The native trio as a patchwrap backend: coarse network, fine network and fusion head behind one Protocol."""

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap import DepthBatch, DepthConvention, Features, Images, OptionError, Precision, TileView
from patchwrap.extension import AsModule
from patchwrap_native import canonical
from patchwrap_native.checkpoint import SHIPPED, Trio
from patchwrap_native.checkpoint import load as read_trio
from patchwrap_native.folding import fold
from patchwrap_native.fusion_network import FusionNetwork
from patchwrap_native.unet import MULTIPLE, UNet

PROCESSING = (288, 384)

LAYOUT = 32
"""Wavelength in tile pixels: longer structure comes from the fusion network, shorter detail, which it blurs, from the
tile."""

BEYOND = 0.1
"""How far, in log depth, added detail may carry a value beyond both the tile and the network's output."""

RIM = 2
"""Border pixels that are replaced by the nearest inner ones: zero padding beside them would show as a pale line around
the map. On held-out scenes this reduces the error of the last row by a tenth."""


class NativeFine:
    """One U-Net as a backend: the fine network, which was trained on tiles; ``NativeBackend`` extends it.

    Args:
        network: the U-Net.
    """

    convention = DepthConvention("depth", "scale")
    processing = PROCESSING
    multiple = MULTIPLE
    free_aspect = True
    knows_tiles = True

    def __init__(self, network: UNet) -> None:
        self.network = network
        self._precision = Precision(network, ["head"])

    def predict(self, images: Images) -> DepthBatch:
        """Predict depth up to its scale; finite everywhere, sky far away.

        Args:
            images: RGB in [0, 1], sides divisible by 32.
        """
        return self.predict_with_features(images)[0]

    def predict_with_features(self, images: Images) -> tuple[DepthBatch, Features]:
        """Predict as ``predict`` does, with the decoder's 32 feature maps at half resolution."""
        images = images.contiguous(memory_format=torch.channels_last)
        log_depth, features = self.network(images)
        depth = log_depth.clamp(max=math.log(canonical.FURTHEST)).exp()
        depth = depth * canonical.unit_of(max(images.shape[2], images.shape[3]))
        return F.pad(depth[..., RIM:-RIM, RIM:-RIM], (RIM,) * 4, mode="replicate"), features

    def to(self, device: torch.device, dtype: torch.dtype) -> "NativeFine":
        """Move the network; its last convolution stays float32."""
        self.network.to(memory_format=torch.channels_last)
        self._precision.to(device, dtype)
        return self

    def exportable(self, size: tuple[int, int]) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return ``predict`` as a module, and random images."""
        return AsModule(self.network, self.predict).eval(), {"images": torch.rand(2, 3, *size)}

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """The decoder's parameters."""
        return (value for name, value in self.network.named_parameters() if not name.startswith("encoder."))


class NativeHead:
    """The fusion network as a FusionHead that can be moved.

    Args:
        network: the fusion network.
    """

    drawn = "never"
    """It was trained to correct the fine network's layout, so its result may differ from the coarse map."""

    fuser = "blend"
    """Its tiles have a better layout than the coarse map, towards which the Poisson fuser would pull them."""

    def __init__(self, network: FusionNetwork) -> None:
        self.network = network
        self._precision = Precision(network, ["residual"])

    def refine(self, view: TileView) -> DepthBatch:
        """Return the aligned tiles plus a residual, in log depth; their fine detail stays as far as it is trusted."""
        return self._refine(
            view.images, view.coarse, view.aligned, view.confidence, view.coarse_features, view.fine_features
        )

    def _refine(
        self, images: Images, coarse: DepthBatch, aligned: DepthBatch, confidence: DepthBatch, *guides: Tensor | None
    ) -> DepthBatch:
        refined = self.network(images.contiguous(memory_format=torch.channels_last), coarse, aligned, *guides)[0]
        detailed = refined + confidence * _detail(aligned - refined)
        # At a railing that is sharp in the tile and blurred by the network, the sum would count its nearness twice.
        nearer, farther = torch.minimum(aligned, refined), torch.maximum(aligned, refined)
        return detailed.clamp(nearer - BEYOND, farther + BEYOND)

    def to(self, device: torch.device, dtype: torch.dtype) -> "NativeHead":
        """Move the network; its last convolution stays float32."""
        self.network.to(memory_format=torch.channels_last)
        self._precision.to(device, dtype)
        return self

    def exportable(self, size: tuple[int, int]) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return ``refine`` of a view's parts as a module, and random inputs; features have the networks' own size."""
        maps = {name: torch.rand(2, 1, *size) for name in ("coarse", "aligned", "confidence")}
        half = PROCESSING[0] // 2, PROCESSING[1] // 2
        coarse, fine = (torch.rand(2, channels, *half) for channels in self.network.guides)
        inputs = {"images": torch.rand(2, 3, *size), **maps, "coarse_features": coarse, "fine_features": fine}
        return AsModule(self.network, self._refine).eval(), inputs


def _detail(maps: DepthBatch) -> DepthBatch:
    """The detail of maps: what is left after subtracting means over ``LAYOUT`` pixels."""
    cells = F.avg_pool2d(maps, LAYOUT, ceil_mode=True, count_include_pad=False)
    return maps - F.interpolate(cells, maps.shape[-2:], mode="bilinear", align_corners=False)


class NativeBackend(NativeFine):
    """The trio: predicts whole images itself and brings ``fine`` and ``head`` along.

    Args:
        trio: the networks, in evaluation mode.
    """

    mirror = True
    knows_tiles = False

    def __init__(self, trio: Trio) -> None:
        super().__init__(trio.coarse)
        self.fine = NativeFine(trio.fine)
        self.head = NativeHead(trio.fusion)

    def metres_per_unit(self, focal: float) -> float:
        """Metres per predicted unit of the whole-image pass.

        The unit is chosen such that the factor equals ``focal``, see ``canonical.unit_of``.

        Args:
            focal: focal length as a fraction of the image's longer side.
        """
        return focal

    def to(self, device: torch.device, dtype: torch.dtype) -> "NativeBackend":
        """Move all three networks."""
        super().to(device, dtype)
        self.fine.to(device, dtype)
        self.head.to(device, dtype)
        return self


def load(checkpoint: str | Path | None = None, *, encoder: str | None = None) -> NativeBackend:
    """Load the trio.

    Args:
        checkpoint: a file that ``patchwrap-native train`` wrote; None for the weights that ship.
        encoder: ``plain`` or ``timm:NAME``, to refuse a checkpoint of any other encoder.

    Raises:
        CheckpointError: if the file is missing, damaged or of other networks.
        OptionError: if the checkpoint has another encoder.
    """
    trio = read_trio(Path(checkpoint).expanduser() if checkpoint else SHIPPED)
    own = trio.coarse.options["encoder"]
    if encoder not in (None, own):
        raise OptionError(
            f"The checkpoint has the encoder {own!r}, not {encoder!r}. Train one: patchwrap-native train --encoder …"
        )
    for network in trio.parts.values():
        fold(network.eval())
    return NativeBackend(trio).to(torch.device("cpu"), torch.float32)
