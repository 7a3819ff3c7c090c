"""ZoeDepth's two heads, one for indoor and one for outdoor scenes, and how the network selects one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def elected(network: nn.Module, votes: Votes) -> Iterator[None]:
    """Replace a network's logits inside the block only: another backend may use the same network with another head."""

    def elect(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        return votes.to(output).expand_as(output)

    hook = network.get_submodule("metric_head.mlp_classifier").register_forward_hook(elect)
    try:
        yield
    finally:
        hook.remove()
