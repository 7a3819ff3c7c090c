import subprocess
import sys

import pytest

import patchwrap


def modules_after(code):
    script = f"import sys\n{code}\nprint(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_and_the_hook_loads_no_torch():
    loaded = modules_after("import patchwrap\nfrom patchwrap import hookimpl, DepthConvention, PatchwrapError")
    assert not loaded & {"torch", "numpy", "scipy", "PIL"}


def test_the_command_line_and_the_table_of_fusers_load_no_torch():
    loaded = modules_after("import patchwrap.cli.predict, patchwrap.cli.bench, patchwrap.fusers")
    assert "patchwrap.fusers" in loaded and "torch" not in loaded
    assert "torch" not in modules_after("import patchwrap.predict_options")


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
