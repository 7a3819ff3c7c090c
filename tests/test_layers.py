"""Every module has a place in import-linter's layers: one without could import anything."""

import configparser
from pathlib import Path

import patchwrap

ROOT = Path(__file__).parents[1]
ENTRY_POINT = "__main__"


def test_every_module_of_the_core_is_in_a_layer():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = settings["importlinter:contract:floors"]["layers"].replace("|", " ").split()
    folder = Path(patchwrap.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert sorted(layers) == sorted(f"patchwrap.{name}" for name in modules - {"__init__", ENTRY_POINT})
