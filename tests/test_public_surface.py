import ast
import importlib
import inspect
import pydoc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import patchwrap
import patchwrap.extension
from patchwrap.robust import median

ROOT = Path(__file__).parents[1]
OPEN_TO_BACKENDS = {
    *("patchwrap.datasets", "patchwrap.losses", "patchwrap.metrics"),
    *("patchwrap.scenes", "patchwrap.testing"),
}
"""Whole modules; beside them, the names of ``patchwrap`` and of ``patchwrap.extension``."""


def modules_after(code):
    script = f"import sys\n{code}\nprint(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_shapes_that_signatures_promise_are_checked():
    with pytest.raises(TypeCheckError):
        median(np.zeros((3, 1)))


def test_importing_the_package_and_the_hook_loads_no_torch():
    names = "hookimpl, Register, Checkpoint, DepthConvention, PatchwrapError"
    loaded = modules_after(f"import patchwrap, patchwrap.extension\nfrom patchwrap import {names}")
    assert not loaded & {"torch", "numpy", "scipy", "PIL"}


def test_the_command_line_and_the_table_of_fusers_load_no_torch():
    loaded = modules_after("import patchwrap.cli.predict, patchwrap.cli.bench, patchwrap.fusers")
    assert "patchwrap.fusers" in loaded and "torch" not in loaded
    assert "torch" not in modules_after("import patchwrap.predict_options")


@pytest.mark.parametrize("name", ["bench", "finetune"])
def test_help_shows_a_package_that_is_called_as_the_function_it_calls(name):
    package = importlib.import_module(f"patchwrap.{name}")
    function = getattr(importlib.import_module(f"patchwrap.{name}.runner"), name)
    assert inspect.signature(package) == inspect.signature(function)
    shown = pydoc.plain(pydoc.render_doc(package))
    assert f"patchwrap.{name}(" in shown and "Args:" in shown and "Raises:" in shown


def test_predicting_with_a_head_needs_nothing_that_training_needs():
    loaded = modules_after("import patchwrap.pipeline, patchwrap.heads, patchwrap.exporting")
    assert "torch" in loaded and not loaded & {"accelerate", "tensorboard", "timm", "transformers", "diffusers"}


def test_every_public_name_is_there_and_listed():
    assert dir(patchwrap) == sorted(patchwrap.__all__)
    for name in patchwrap.__all__:
        assert getattr(patchwrap, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = patchwrap.nonsense


@pytest.mark.parametrize("name", sorted(OPEN_TO_BACKENDS | {"patchwrap.extension"}))
def test_public_modules_need_no_import_of_their_own(name):
    assert name in modules_after(f"import patchwrap\n{name}")


@pytest.mark.parametrize("name", ["patchwrap.finetune.Recipe", "patchwrap.bench.report"])
def test_names_of_a_callable_package_are_there_at_first_use(name):
    modules_after(f"import patchwrap\n{name}")


def test_a_backend_is_checked_after_one_import():
    modules_after("import patchwrap\npatchwrap.testing.check_backend(patchwrap.testing.PaintedBackend())")


def test_every_name_for_backends_is_there_and_listed():
    assert dir(patchwrap.extension) == sorted(patchwrap.extension.__all__)
    for name in patchwrap.extension.__all__:
        assert getattr(patchwrap.extension, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = patchwrap.extension.nonsense


def imported(source):
    """The dotted names that a file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(source):
    """What a file imports of patchwrap although it may change without notice."""
    public = {f"{door.__name__}.{name}" for door in (patchwrap, patchwrap.extension) for name in door.__all__}
    inside = [name for name in imported(source) if name.startswith("patchwrap.") and name not in public]
    return [name for name in inside if not {name, name.rpartition(".")[0]} & OPEN_TO_BACKENDS]


PACKAGES = [*ROOT.glob("backends/*/patchwrap_*/__init__.py"), *ROOT.glob("examples/third_party/*/*/__init__.py")]
BACKENDS = [package.parent for package in PACKAGES if package.parent.name != "tests"]


@pytest.mark.parametrize("folder", BACKENDS, ids=lambda folder: folder.name)
def test_backends_import_public_names_only(folder):
    found = {file.relative_to(folder): forbidden(file.read_text()) for file in folder.rglob("*.py")}
    assert found and not {file: names for file, names in found.items() if names}


@pytest.mark.parametrize(
    "line",
    ["import patchwrap.engine", "from patchwrap import engine", "from patchwrap.finetune.recipe import Recipe"],
)
def test_internal_modules_are_found(line):
    assert len(forbidden(line)) == 1
