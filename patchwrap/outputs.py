"""Names of the files one depth map becomes, and how to recognise them later; torch-free."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchwrap.errors import OptionError


@dataclass(frozen=True)
class Output:
    """One kind of file that is written of a depth map.

    Args:
        ending: what is appended to the photo's name.
        suffixes: of a file named in full by the user, such as ``room.png``, that mean this kind.
        is_format: whether it can be requested by its key, as in ``--format npy,png``.
    """

    ending: str
    suffixes: tuple[str, ...] = ()
    is_format: bool = True


OUTPUTS = {
    "png": Output("_depth.png", (".png",)),
    "npy": Output("_depth.npy", (".npy",)),
    "color": Output("_color.jpg", (".jpg", ".jpeg")),
    "tiff": Output("_depth.tiff", (".tif", ".tiff")),
    "ply": Output("_points.ply", (".ply",)),
    "glb": Output("_points.glb", (".glb",)),
    "confidence": Output("_confidence.png"),
    "coarse": Output("_coarse.npy", is_format=False),
    "compare": Output("_compare.jpg", is_format=False),
    "json": Output("_depth.json", is_format=False),
}
"""All kinds by key, in the order of writing; the sidecar comes last, since it vouches for all others."""

FORMATS = tuple(key for key, output in OUTPUTS.items() if output.is_format)
"""What a user can request; the sidecar is always written."""

_MARK, _HEADER = b"tEXtpatchwrap", 4096
"""A chunk near the beginning of every PNG that patchwrap writes."""

_PICTURES = "avif bmp exr gif hdr heic heif jp2 jxl pbm pfm pgm pnm ppm psd tga webp"
_DATA = "csv h5 hdf5 json las mat npz obj pcd pkl pt pth xyz zarr"
_OTHER_SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_PICTURES} {_DATA}".split())
"""Of files that a user may expect to be written, but which are not among the outputs."""


def output_paths(stem: Path, formats: Iterable[str], save_coarse: bool = False) -> dict[str, Path]:
    """Return the file of every output, ``stem`` being the path without ``_depth.npy`` and its like.

    Args:
        stem: where the outputs go and how they begin.
        formats: one or several of ``FORMATS``.
        save_coarse: also the coarse map and a picture of coarse and fused side by side.

    Raises:
        OptionError: if a format is unknown, or the stem has no name.

    Example:
        >>> [path.name for path in output_paths(Path("out/room"), ["npy"]).values()]
        ['room_depth.npy', 'room_depth.json']
    """
    if stem.name in ("", ".."):
        raise OptionError(f"{str(stem)!r} names no file; give a folder and a name, such as out/street")
    wanted = {formats} if isinstance(formats, str) else set(formats)
    if wanted - set(FORMATS):
        raise OptionError(f"format {sorted(wanted - set(FORMATS))[0]!r} is not one of {', '.join(FORMATS)}")
    wanted |= {"coarse", "compare", "json"} if save_coarse else {"json"}
    return {key: stem.with_name(stem.name + output.ending) for key, output in OUTPUTS.items() if key in wanted}


def named_output(path: Path) -> dict[str, Path] | None:
    """Return the output that a full file name asks for, with its sidecar; None for a stem.

    Raises:
        OptionError: if the suffix is that of a picture, an array or points in a format that is not written.

    Example:
        >>> [str(name) for name in named_output(Path("room.png")).values()]
        ['room.png', 'room.json']
    """
    for key, output in OUTPUTS.items():
        if path.suffix.lower() in output.suffixes:
            return {key: path, "json": path.with_suffix(".json")}
    if path.suffix.lower() in _OTHER_SUFFIXES:
        known = " ".join(suffix for output in OUTPUTS.values() for suffix in output.suffixes)
        raise OptionError(f"{path.suffix} files cannot be written; let {str(path)!r} end in one of {known}")
    return None


def exists(path: str | Path) -> bool:
    """Whether there is such a file or folder; False where ``Path.exists`` may raise: no permission, a name too long."""
    return os.path.exists(path)  # noqa: PTH110


def told_by(sidecar: Path) -> dict[str, Any]:
    """What a sidecar tells; nothing if it is missing, damaged or not patchwrap's."""
    try:
        told: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
        return told if told["versions"]["patchwrap"] else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def is_output(path: Path) -> bool:
    """Whether an earlier run wrote this file: it has an output's name, and the sidecar beside it vouches for it."""
    for output in OUTPUTS.values():
        if path.name.endswith(output.ending):
            sidecar = path.with_name(path.name.removesuffix(output.ending) + OUTPUTS["json"].ending)
            return vouches_for(told_by(sidecar), path)
    return False


def vouches_for(told: Mapping[str, Any], path: Path) -> bool:
    """Whether patchwrap wrote a file with an output's name, by what the sidecar beside it tells.

    The sidecar must name a file with the same ending: the beginning differs if results were renamed with their photo.
    A depth PNG counts by its mark alone: true depth may have its name.
    """
    if has_mark(path):
        return True
    if _may_be_truth(path):
        return False
    endings = tuple(output.ending for output in OUTPUTS.values() if path.name.endswith(output.ending))
    return any(name.endswith(endings) for name in named_in(told))


def has_mark(path: Path) -> bool:
    """Whether a file is a PNG that patchwrap wrote, under any name."""
    if path.suffix.lower() != ".png":
        return False
    try:
        with path.open("rb") as stream:
            return _MARK in stream.read(_HEADER)
    except OSError:
        return False


def is_result(path: Path) -> bool:
    """Whether patchwrap wrote this file: it is an output, has the mark, or is named by the sidecar beside it."""
    if is_output(path) or has_mark(path):
        return True
    return not _may_be_truth(path) and path.name in named_in(told_by(path.with_suffix(".json")))


def _may_be_truth(path: Path) -> bool:
    """Whether true depth may have this output's name, so that only the mark tells them apart."""
    return path.name.endswith(OUTPUTS["png"].ending)


def named_in(told: Mapping[str, Any]) -> set[str]:
    """Names of the files that a sidecar vouches for: of its own run and of those before; none if it is damaged."""
    try:
        names = [*told.get("files", {}).values(), *told.get("earlier", ())]
    except (AttributeError, TypeError):
        return set()
    return {name for name in names if isinstance(name, str)}
