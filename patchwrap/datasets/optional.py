"""Packages of the extra ``datasets``, imported when they are first needed."""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from patchwrap.errors import MissingExtraError

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
        if ending in READERS and find_spec(READERS[ending]) is None:
            raise _missing(ending)


def reader(ending: str) -> ModuleType:
    """Import the package that reads files of an extension.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return import_module(READERS[ending])
    except ImportError as error:
        raise _missing(ending) from error


def _missing(ending: str) -> MissingExtraError:
    return MissingExtraError(
        f'Files {ending} are read by {READERS[ending]}, which is not installed: `pip install "patchwrap[datasets]"`.'
    )
