"""``patchwrap env``: what a bug report needs to know about this machine."""

import argparse
import json
import os
import platform
from typing import Any

import patchwrap
from patchwrap.errors import one_line
from patchwrap.machine import memory_gib, versions


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser("env", help="print versions and devices", description="Print versions and devices.")
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print versions, devices, cores and memory."""
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "patchwrap": patchwrap.__version__,
        **_versions(),
        **_torch_facts(),
        "cpu_cores": os.cpu_count(),
        "memory_gib": memory_gib(),
    }
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    for name, value in facts.items():
        print(f"{name:<18}{', '.join(map(str, value)) if isinstance(value, list) else value}")
    return 0


def _versions() -> dict[str, str | None]:
    names = "torch numpy scipy pillow einops jaxtyping pluggy rich cmap trimesh safetensors moderngl"
    found = versions(*names.split())
    return {name: found.get(name) for name in names.split()}


def _torch_facts() -> dict[str, Any]:
    try:
        import torch
    except Exception as error:  # reporting a broken torch is what this verb is for
        return {"devices": [], "torch_error": one_line(error)}
    devices = ["cpu"]
    devices += [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return {"devices": devices, "torch_threads": torch.get_num_threads()}
