"""scikit-image, which only the extra ``bench`` installs, imported when it is first needed."""

from importlib import import_module
from types import ModuleType

from patchwrap.extras import from_extra


def skimage(part: str) -> ModuleType:
    """Import ``skimage.<part>``.

    Raises:
        MissingExtraError: if scikit-image is not installed.
    """
    with from_extra("patchwrap[bench]", "This measure needs scikit-image"):
        return import_module(f"skimage.{part}")
