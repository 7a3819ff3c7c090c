"""Packages of the extra ``datasets``, imported when they are first needed."""

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType

from patchwrap.extras import from_extra

READERS = {".hdf5": "h5py", ".dsp5": "h5py", ".exr": "OpenEXR"}
"""The package that reads a file, by its extension."""


def check_readable(endings: Iterable[str]) -> None:
    """Check that the packages for some file types are installed.

    Args:
        endings: extensions of the files, such as ``.exr``.

    Raises:
        MissingExtraError: if a package is not installed.
    """
    for ending in sorted(endings):
        if ending in READERS:
            reader(ending)


def reader(ending: str) -> ModuleType:
    """Import the package that reads files of an extension.

    Raises:
        MissingExtraError: if it is not installed.
    """
    with from_extra("patchwrap[datasets]", f"Files {ending} are read by {READERS[ending]}"):
        return import_module(READERS[ending])
