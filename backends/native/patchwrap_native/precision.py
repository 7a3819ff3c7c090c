"""Chooses the number type in which a device trains fastest without loss of quality. Stateless."""

from contextlib import AbstractContextManager
from typing import Literal

import torch

NumberType = Literal["auto", "float32", "bfloat16"]


def autocast(device: torch.device, precision: NumberType = "auto") -> AbstractContextManager:
    """Autocast to bfloat16 if the device supports it (or as requested), else compute in float32.

    Args:
        device: where the networks are.
        precision: ``auto``, ``float32`` or ``bfloat16``.
    """
    wanted = has_bfloat16(device) if precision == "auto" else precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is fast here; it is emulated by NVIDIA GPUs before Ampere and CPUs without AVX-512 BF16 or AMX.

    Args:
        device: that is asked, which need not be the current GPU.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
