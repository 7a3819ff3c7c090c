"""Published checkpoints and autoencoders. Imports no torch, downloads nothing."""

from typing import Any

from patchwrap import Checkpoint

APACHE, OPEN_RAIL = "Apache-2.0", "LicenseRef-CreativeML-OpenRAIL-PP-M"

END_TO_END = ("GonzaloMG/marigold-e2e-ft-depth", "GonzaloMartinGarcia/marigold-e2e-ft-depth")
"""One checkpoint by the names that its owner has on the hub."""

PUBLISHED = [
    Checkpoint(name, source, "depth:affine", licence)
    for name, source, licence in (
        ("marigold-v1-1", "prs-eth/marigold-depth-v1-1", OPEN_RAIL),
        ("marigold-v1-0", "prs-eth/marigold-depth-v1-0", APACHE),
        ("marigold-lcm", "prs-eth/marigold-depth-lcm-v1-0", APACHE),
        ("marigold-e2e-ft", END_TO_END[0], APACHE),
    )
]
"""Licences as their publishers state them on the hub."""

SOURCES = {checkpoint.name: checkpoint.source for checkpoint in PUBLISHED}
"""Hub name by short name."""

CONVENTIONS = {checkpoint.source: checkpoint.convention for checkpoint in PUBLISHED} | {END_TO_END[1]: "depth:affine"}
"""Convention by hub name, for checkpoints whose files do not state it."""

SETTINGS: dict[str, dict[str, Any]] = {
    name: {"steps": 1, "spacing": "trailing", "noise": "zeros"} for name in END_TO_END
}
"""Settings a checkpoint was trained for, if its files do not state them (arXiv 2409.11355)."""

AUTOENCODERS = {"taesd": "madebyollin/taesd"}
"""Small autoencoders of the latent space of Stable Diffusion 1 and 2, by short name; MIT."""
