"""Fixtures shared by the core's tests."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchwrap import plugins

# Before torch is imported, and inherited by every process that tests start: with a process a core, threads of several
# processes would wait for each other, spinning, and take many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

Install = Callable[..., Path]

RAMP = '''
"""The lower in the picture, the nearer; brightness adds detail."""

import torch
from patchwrap import DepthConvention


class Ramp:
    convention = DepthConvention("depth", "scale")
    processing = (48, 64)

    def __init__(self, checkpoint=None):
        if checkpoint == "broken":
            raise ValueError("deliberate")
        self.ends = torch.tensor([4.0, 2.0])  # as networks have weights

    def predict(self, images):
        batch, _, height, width = images.shape
        top, bottom = self.ends.tolist()
        rows = torch.linspace(top, bottom, height)[:, None].expand(batch, 1, height, width)
        return rows + images.mean(1, keepdim=True)


class Affine(Ramp):
    convention = DepthConvention("inverse_depth", "affine")


class Moody(Ramp):
    def predict(self, images):
        if images.mean() > 0.9:
            raise KeyError("moody\\ntwo lines")
        return super().predict(images)
'''

TUNED = """
from patchwrap import DepthConvention, hookimpl


@hookimpl
def patchwrap_register_backends(register):
    register("tuned", "tuned_plugin:Tuned", convention=None, licence="MIT", summary="says what it is told")


class Tuned:
    processing = (48, 64)

    def __init__(self, checkpoint=None, convention="depth:scale", gain=1):
        self.convention = DepthConvention.parse(convention)
        self.gain = gain

    def predict(self, images):
        return self.gain * (1 + images.mean(1, keepdim=True))
"""

PLUGIN = """
from patchwrap import hookimpl


@hookimpl
def patchwrap_register_backends(register):
    conventions = {"ramp": "depth:scale", "affine": "inverse_depth:affine", "moody": "depth:scale"}
    for name, convention in conventions.items():
        register(name, f"ramp_code:{name.title()}", convention=convention, licence="MIT", summary="a " + name)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable folder with nothing installed but what the test puts there."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    # Backends that happen to be installed here, such as our own, are none of these tests' business.
    theirs = plugins.metadata.entry_points

    def entry_points(**wanted: str) -> metadata.EntryPoints:
        return _entry_points(folder, "patchwrap") if wanted == {"group": "patchwrap"} else theirs(**wanted)

    monkeypatch.setattr(plugins.metadata, "entry_points", entry_points)
    for variable in ("PATCHWRAP_PLUGINS", "PATCHWRAP_DISABLE", "PATCHWRAP_STRICT_PLUGINS"):
        monkeypatch.delenv(variable, raising=False)
    known = set(sys.modules)
    plugins.get_plugin_manager.cache_clear()
    yield folder
    plugins.get_plugin_manager.cache_clear()
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def _entry_points(folder: Path, group: str) -> metadata.EntryPoints:
    found = [entry for dist in metadata.distributions(path=[str(folder)]) for entry in dist.entry_points]
    return metadata.EntryPoints(found).select(group=group)


@pytest.fixture
def install(site: Path) -> Install:
    """Install a fake distribution: ``install(name, source of its plugin, entry point, **more modules)``."""

    def install(name: str, source: str, entry: str | None = None, **modules: str) -> Path:
        module = f"{name}_plugin"
        for file, text in {module: source, **modules}.items():
            (site / f"{file}.py").write_text(text)
        info = site / f"dist_{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[patchwrap]\n{entry or name} = {module}\n")
        importlib.invalidate_caches()
        plugins.get_plugin_manager.cache_clear()
        return site

    return install


@pytest.fixture
def tuned_source() -> str:
    """A plugin of one backend that takes a convention and a gain."""
    return TUNED


@pytest.fixture
def tuned(install: Install, tuned_source: str) -> Path:
    """That backend, installed."""
    return install("tuned", tuned_source)


@pytest.fixture
def ramp(install: Install) -> Path:
    """The backends ramp (depth:scale), affine and moody, installed."""
    return install("ramps", PLUGIN, ramp_code=RAMP)


@pytest.fixture
def paint() -> Callable[..., Path]:
    """Write a grey picture: ``paint(path, size=(24, 32))``, making its folders."""

    def paint(path: Path, size: tuple[int, int] = (24, 32)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size[::-1], (90, 120, 150)).save(path)
        return path

    return paint


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write bytes, text, an array as ``.npy`` or, as ``.png``, its 16-bit codes, making its folders."""

    def write(path: Path, content: bytes | str | np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes | str):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        elif path.suffix == ".png":
            Image.fromarray(content.astype(np.uint16)).save(path)
        else:
            np.save(path, content)
        return path

    return write
