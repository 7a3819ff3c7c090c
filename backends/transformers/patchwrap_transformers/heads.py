"""ZoeDepth's two heads, one for indoor and one for outdoor scenes, and how the network selects one."""

from collections.abc import Callable
from copy import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from patchwrap import OptionError


def by_own_head(network: Callable[..., Any], pixels: Float[Tensor, "batch 3 height width"]) -> Any:
    """Run the network such that every picture gets the head selected for that picture alone.

    The network sums the logits of the whole batch to select one head; without this, a tile's depth would depend on the
    other tiles of its batch.

    Returns:
        The network's output.
    """
    output = network(pixels)
    votes = getattr(output, "domain_logits", None)
    if votes is None or len(pixels) == 1:
        return output
    own, elected = votes.argmax(1), votes.sum(0).argmax()
    depth = output.predicted_depth.clone()
    for head in set(own.tolist()) - {int(elected)}:
        outvoted = own == head
        depth[outvoted] = network(pixels[outvoted]).predicted_depth
    output.predicted_depth = depth
    return output


Votes = Float[Tensor, "heads"]


def votes_for(network: nn.Module, name: str) -> Votes:
    """The logits with which a network selects one of its heads.

    Args:
        network: of the family ``zoedepth``.
        name: as in ``config.bin_configurations``.

    Raises:
        OptionError: if the network has no such head.
    """
    config = network.config
    names = [part.get("name", "") for part in getattr(config, "bin_configurations", None) or []]
    if len(names) < 2 or name not in names:
        raise OptionError(f"head {name!r}: this network has {', '.join(names) if len(names) > 1 else 'one head only'}.")
    return torch.eye(len(names))[names.index(name)]


def elected(network: nn.Module, votes: Votes) -> nn.Module:
    """Return a network that always selects the same head.

    It shares all weights with the given one, which stays as it is: other backends may use that with other heads.

    Args:
        network: of the family ``zoedepth``, with several heads.
        votes: logits that select the head.
    """
    heads = _with_child(network.get_submodule("metric_head"), "mlp_classifier", _Constant(votes))
    return _with_child(network, "metric_head", heads)


class _Constant(nn.Module):
    """A classifier with the same logits for every picture."""

    def __init__(self, votes: Votes) -> None:
        super().__init__()
        self._votes = votes

    def forward(self, embedding: Float[Tensor, "batch _"]) -> Float[Tensor, "batch heads"]:
        return self._votes.to(embedding).expand(len(embedding), -1)


def _with_child(module: nn.Module, name: str, child: nn.Module) -> nn.Module:
    """A shallow copy with another child; weights, buffers and hooks are shared."""
    changed = copy(module)
    changed._modules = {**module._modules, name: child}
    return changed
