"""The native trio as a patchwrap backend: coarse network, fine network and fusion head behind one Protocol."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap.convention import DepthConvention
from patchwrap.errors import OptionError
from patchwrap.precision import Precision
from patchwrap.tile_view import TileView
from patchwrap.types import DepthBatch, Features, Images
from patchwrap_native import canonical, checkpoint
from patchwrap_native.checkpoint import Trio
from patchwrap_native.folding import fold
from patchwrap_native.fusion_network import FusionNetwork
from patchwrap_native.unet import UNet

PROCESSING = (288, 384)
MULTIPLE = 32

LAYOUT = 32
"""Pixels of a tile: of what is longer the fusion network knows more, what is shorter it blurs and the tile keeps."""

BEYOND = 0.1
"""How far, in log depth, a tile's detail may carry what is refined beyond both the tile and what the network says."""

RIM = 2
"""Pixels at the border that are taken from the next ones inside: the convolutions see zeros beside them, which shows as
a pale line around the map. On held-out scenes its last row then errs by a tenth less."""


class AsModule(nn.Module):
    """A function of tensors that uses a network, as a module: what can be written as ONNX.

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


class NativeFine:
    """One U-Net as a backend; the fine one learned from tiles, and the coarse one extends this.

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
        """The decoder's."""
        return (value for name, value in self.network.named_parameters() if not name.startswith("encoder."))


class NativeHead:
    """The fusion network as a FusionHead that can be moved.

    Args:
        network: the fusion network.
    """

    drawn = "never"
    """It learned to be right where the fine network is not; what it says need not agree with the coarse map."""

    fuser = "blend"
    """Its tiles know the layout better than the coarse map, towards which gradients would have to be screened."""

    def __init__(self, network: FusionNetwork) -> None:
        self.network = network
        self._precision = Precision(network, ["residual"])

    def refine(self, view: TileView) -> DepthBatch:
        """Return the aligned tiles plus a residual, in log depth; of their own detail all stays that is believed."""
        return self._refine(
            view.images, view.coarse, view.aligned, view.confidence, view.coarse_features, view.fine_features
        )

    def _refine(
        self, images: Images, coarse: DepthBatch, aligned: DepthBatch, confidence: DepthBatch, *guides: Tensor | None
    ) -> DepthBatch:
        refined = self.network(images.contiguous(memory_format=torch.channels_last), coarse, aligned, *guides)[0]
        detailed = refined + confidence * _detail(aligned - refined)
        # Around a railing that the network blurs and the tile does not, one as near as both would be twice as near.
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
    """What is left of maps without what is longer than ``LAYOUT``."""
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

        The unit is chosen such that this is the focal length itself, see ``canonical.unit_of``.

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


def load(checkpoint_path: str | Path | None = None, **options: object) -> NativeBackend:
    """Load the trio.

    Args:
        checkpoint_path: a file that ``patchwrap-native train`` wrote; None for the weights that ship.
        options: ``encoder`` (``plain`` or ``timm:NAME``), to insist on a checkpoint of that encoder.

    Raises:
        CheckpointError: if the file is missing, damaged or of other networks.
        OptionError: if an option is unknown or the checkpoint has another encoder.
    """
    trio = checkpoint.load(Path(checkpoint_path) if checkpoint_path else checkpoint.SHIPPED)
    encoder = options.pop("encoder", trio.coarse.options["encoder"])
    if options:
        raise OptionError(f"The native backend has no option {', '.join(options)}. It has: encoder.")
    if encoder != trio.coarse.options["encoder"]:
        raise OptionError(
            f"The checkpoint has the encoder {trio.coarse.options['encoder']!r}, not {encoder!r}. "
            "Train one: patchwrap-native train --encoder …"
        )
    for network in trio.parts.values():
        fold(network.eval())
    return NativeBackend(trio).to(torch.device("cpu"), torch.float32)
