"""scikit-image, which only the extra ``bench`` installs, imported when it is first needed."""

from importlib import import_module
from types import ModuleType

from patchwrap.errors import MissingExtraError


def skimage(part: str) -> ModuleType:
    """Import ``skimage.<part>``.

    Raises:
        MissingExtraError: if scikit-image is not installed.
    """
    try:
        return import_module(f"skimage.{part}")
    except ImportError as error:
        raise MissingExtraError(
            'This measure needs scikit-image, which is not installed: `pip install "patchwrap[bench]"`.'
        ) from error
