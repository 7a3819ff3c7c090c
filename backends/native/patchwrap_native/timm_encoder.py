"""Any timm network with ``features_only`` as encoder. Imported only when chosen; never downloads weights."""

from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap import Features, OptionError
from patchwrap.extension import one_line
from patchwrap_native.layers import conv_block

_PROBE = (64, 96)
"""Height and width with which a network is tried out."""


class TimmEncoder(nn.Module):
    """A timm feature pyramid; scales it lacks (mostly the full and the half one) get a plain convolution.

    Args:
        name: timm's name of the network, e.g. ``resnet18``.
        widths: channels of the levels that timm's network does not have.

    Raises:
        OptionError: if timm itself has no such network, it offers no maps that fit, or it does not take pictures of any
            size.
    """

    def __init__(self, name: str, widths: Sequence[int]) -> None:
        super().__init__()
        if ":" in name:
            raise OptionError(f"{name!r} is no network of timm itself, as 'resnet18' is; nothing is downloaded.")
        try:
            self.backbone = timm.create_model(name, features_only=True, pretrained=False)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise OptionError(f"timm offers no feature maps of {name!r} ({error}). Choose another encoder.") from error
        info: Any = self.backbone.feature_info
        self.reductions: list[int] = info.reduction()
        found = dict(zip(self.reductions, info.channels()))
        self.sources = [found.get(2**level) for level in range(len(widths))]
        self._check_maps(name)
        self.widths = [source or width for source, width in zip(self.sources, widths)]
        self.plain = nn.ModuleList(
            nn.Identity() if source else conv_block(before, width, norm=level > 0)
            for level, (source, before, width) in enumerate(zip(self.sources, [3, *self.widths], self.widths))
        )

    def _check_maps(self, name: str) -> None:
        """Refuse a network without maps that halve, or whose maps are not channels, rows and columns."""
        height, width = _PROBE
        if not any(self.sources):
            raise OptionError(
                f"timm's {name!r} gives maps at 1/{', 1/'.join(map(str, self.reductions))}; needed are some of 1, 1/2, "
                f"1/4 … 1/{2 ** (len(self.sources) - 1)}. Choose another encoder, such as 'timm:resnet18'."
            )
        maps = dict(zip(self.reductions, self._probed(name)))
        for level, channels in enumerate(self.sources):
            needed = (channels, height // 2**level, width // 2**level)
            if channels and (found := tuple(maps[2**level].shape[1:])) != needed:
                raise OptionError(
                    f"timm's {name!r} gives maps of {found} at 1/{2**level} of {width}x{height}; needed are {needed}, "
                    "channels first. Choose another encoder, such as 'timm:resnet18'."
                )

    @torch.no_grad()
    def _probed(self, name: str) -> list[Tensor]:
        try:
            # In training mode it would change the statistics of batch norms.
            maps = self.backbone.eval()(torch.zeros(1, 3, *_PROBE))
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = one_line(error, 200).rstrip(".")
            raise OptionError(
                f"timm's {name!r} does not take pictures of {_PROBE[1]}x{_PROBE[0]} ({reason}). Choose an encoder of "
                "any size, such as 'timm:resnet18'."
            ) from error
        self.backbone.train()
        return maps

    def forward(self, images: Features) -> list[Tensor]:
        """Return one map per level, each half the size of the one before."""
        theirs = dict(zip(self.reductions, self.backbone(images)))
        maps: list[Tensor] = []
        for level, (source, plain) in enumerate(zip(self.sources, self.plain)):
            before = F.max_pool2d(maps[-1], 2) if maps else images
            maps.append(theirs[2**level] if source else plain(before))
        return maps
