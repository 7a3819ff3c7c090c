"""Names of the files one depth map becomes; torch-free, and never opens one."""

from collections.abc import Iterable
from pathlib import Path

from patchwrap.errors import OptionError

ENDINGS = {
    "png": "_depth.png",
    "npy": "_depth.npy",
    "color": "_color.jpg",
    "tiff": "_depth.tiff",
    "ply": "_points.ply",
    "glb": "_points.glb",
    "confidence": "_confidence.png",
    "coarse": "_coarse.npy",
    "compare": "_compare.jpg",
    "json": "_depth.json",
}
"""What each output adds to the photo's name, in the order of writing.

First the PNG, which says whose it is, so that the rest of a stopped run can be told from somebody's truth; the sidecar
comes last.
"""

FORMATS = ("npy", "png", "color", "tiff", "ply", "glb", "confidence")
"""What a user may ask for; the sidecar is always written."""

_BY_SUFFIX = {
    ".npy": "npy",
    ".png": "png",
    ".jpg": "color",
    ".jpeg": "color",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".ply": "ply",
    ".glb": "glb",
}


def output_paths(stem: Path, formats: Iterable[str], save_coarse: bool = False) -> dict[str, Path]:
    """Return the file of every output, ``stem`` being the path without ``_depth.npy`` and its like.

    Args:
        stem: where the outputs go and how they begin.
        formats: among npy, png, color, tiff, ply, glb, confidence; one or several.
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
        raise OptionError(f"format {sorted(wanted - set(FORMATS))[0]!r} is none of {', '.join(FORMATS)}")
    wanted |= {"coarse", "compare", "json"} if save_coarse else {"json"}
    return {key: stem.with_name(stem.name + ending) for key, ending in ENDINGS.items() if key in wanted}


def named_output(path: Path) -> dict[str, Path] | None:
    """Return the output that a full file name asks for, with its sidecar; None for a stem.

    Example:
        >>> [str(name) for name in named_output(Path("room.png")).values()]
        ['room.png', 'room.json']
    """
    key = _BY_SUFFIX.get(path.suffix.lower())
    return {key: path, "json": path.with_suffix(".json")} if key else None


def is_output(path: Path) -> bool:
    """Whether an earlier run wrote this file: it has an output's name and a sidecar beside it."""
    for ending in ENDINGS.values():
        if path.name.endswith(ending):
            return path.with_name(path.name.removesuffix(ending) + ENDINGS["json"]).exists()
    return False
