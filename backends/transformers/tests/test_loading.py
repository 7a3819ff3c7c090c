import json
import os
import shutil
import subprocess
import sys
import threading

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from transformers import modeling_utils

import patchwrap
from patchwrap.cli import main
from patchwrap.errors import CheckpointError, OptionError
from patchwrap_transformers import loading


def load(checkpoint, **options):
    return patchwrap.load_backend("transformers", checkpoint, **options)


def refused(checkpoint, *words, **options):
    """Check that loading ends in one line that holds some words."""
    with pytest.raises(CheckpointError) as caught:
        load(checkpoint, **options)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 600
    assert [word for word in words if word not in text] == []


@pytest.fixture
def copy(tiny, tmp_path):
    """A tiny checkpoint that may be damaged."""
    return shutil.copytree(tiny("depth_anything"), tmp_path / "copy")


def test_without_a_name_nothing_is_loaded_and_the_short_names_are_told():
    refused(None, "needs a checkpoint", "depth-anything-v2-small")
    refused("", "needs a checkpoint")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("depth-anything-v2-smal", "Did you mean 'depth-anything-v2-small'"),
        ("./nowhere", "neither a folder"),
        ("/nowhere/at/all", "neither a folder"),
        ("..", "model_type"),
    ],
)
def test_what_is_no_checkpoint_is_told(name, words, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    refused(name, words)


@pytest.mark.parametrize("name", ["nobody/nothing", "depth-anything-v2-small"])
def test_a_hub_name_without_a_network_is_one_line(name):
    refused(name, "not in the local cache", "give a folder")


def test_a_short_name_stands_for_its_hub_name(monkeypatch):
    asked = []
    monkeypatch.setattr(loading.AutoConfig, "from_pretrained", lambda name, **_: asked.append(name) or 1 / 0)
    refused("dpt-large", "division")
    assert asked == ["Intel/dpt-large"]


def test_a_file_is_no_folder(copy):
    refused(copy / "model.safetensors", "Give the folder")


def test_a_home_relative_folder(copy, monkeypatch):
    monkeypatch.setenv("HOME", str(copy.parent))
    assert load("~/copy").processing == (56, 84)


def test_other_models_are_refused_by_their_type(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refused(tmp_path, "bert model", "wrap_callable")


@pytest.mark.parametrize(
    "config",
    ["", "{", "[]", '{"a": 1}', '{"model_type": "nonsense"}', '{"model_type": "depth_anything", "patch_size": "x"}'],
)
def test_a_broken_config_is_one_line(copy, config):
    (copy / "config.json").write_text(config)
    refused(copy, str(copy))


def test_a_broken_processor_file_is_one_line(copy):
    (copy / "preprocessor_config.json").write_text("{")
    refused(copy, str(copy))


@pytest.mark.parametrize("content", [None, b"", b"no safetensors at all"])
def test_missing_and_damaged_weights_are_one_line(copy, content):
    weights = copy / "model.safetensors"
    weights.unlink() if content is None else weights.write_bytes(content)
    refused(copy, str(copy))


def test_a_truncated_file_is_refused(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    refused(copy, str(copy))


def test_weights_of_another_shape_are_refused(copy):
    tensors = load_file(copy / "model.safetensors")
    tensors["head.conv3.weight"] = torch.zeros(1, 9, 1, 1)
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    refused(copy, str(copy), "1 weights of another shape", "head.conv3.weight has (1, 9, 1, 1), not (1, 8, 1, 1)")


def test_missing_weights_do_not_become_random_ones(copy):
    tensors = load_file(copy / "model.safetensors")
    del tensors["head.conv3.bias"]
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    refused(copy, "lacks 1 weights", "head.conv3.bias")


def test_weights_that_no_prediction_uses_may_be_missing(copy):
    images = torch.rand(1, 3, 56, 84, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = load(copy).predict(images)
    tensors = load_file(copy / "model.safetensors")
    unused = [name for name in tensors if "fusion_stage.layers.0.residual_layer1" in name or "mask_token" in name]
    assert len(unused) == 5
    used = {name: tensor for name, tensor in tensors.items() if name not in unused}
    save_file(used, copy / "model.safetensors", {"format": "pt"})
    with torch.no_grad():
        assert torch.equal(load(copy).predict(images), before)


def test_pickled_weights_are_read_only_where_the_user_asks(copy):
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    refused(copy, "only pickled weights and no model.safetensors", "safetensors=False loads them")
    assert load(copy, safetensors=False).processing == (56, 84)


@pytest.fixture
def pickled_on_the_hub(copy, monkeypatch):
    """A reachable hub whose only repository has pickled weights only; returns the conversions asked for."""
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    asked = []

    def converted(*arguments, **options):
        asked.append(arguments)
        raise OSError("conversion failed")

    def found(name, file, **options):
        return (copy / file).exists()

    monkeypatch.setattr(modeling_utils, "auto_conversion", converted)
    monkeypatch.setattr(modeling_utils, "is_offline_mode", lambda: False)
    monkeypatch.setattr(modeling_utils, "has_file", found)
    monkeypatch.setattr(loading, "has_file", found)
    monkeypatch.setattr(
        modeling_utils, "cached_file", lambda name, file, **_: str(copy / file) if found(name, file) else None
    )
    monkeypatch.setattr(loading, "_read_config", lambda name, revision: hf.AutoConfig.from_pretrained(copy))
    monkeypatch.setattr(loading, "get_image_processor_config", lambda *_, **__: {})
    return asked


@pytest.mark.parametrize("before", [None, "no"])
def test_nobody_is_asked_to_convert_pickled_weights(pickled_on_the_hub, monkeypatch, before):
    monkeypatch.delenv("DISABLE_SAFETENSORS_CONVERSION", raising=False)
    if before:
        monkeypatch.setenv("DISABLE_SAFETENSORS_CONVERSION", before)
    refused("nobody/pickled", "only pickled weights", "safetensors=False loads them", 'revision="refs/pr/N"')
    threads = set(threading.enumerate())
    assert load("nobody/pickled", safetensors=False).processing == (56, 56)
    for thread in set(threading.enumerate()) - threads:
        thread.join()
    assert pickled_on_the_hub == []
    assert os.environ.get("DISABLE_SAFETENSORS_CONVERSION") == before


def test_models_of_a_depth_family_that_predict_no_depth_are_refused(tiny):
    config = hf.AutoConfig.from_pretrained(tiny("glpn"))
    refused(hf.GLPNModel(config), "GLPNModel", "GLPNForDepthEstimation")
    config = hf.AutoConfig.from_pretrained(tiny("dpt"))
    refused(hf.DPTForSemanticSegmentation(config), "DPTForDepthEstimation", convention="inverse_depth:affine")


def test_a_network_in_another_one_is_refused_by_its_class(load_tiny):
    model = load_tiny("depth_anything").network
    for given in (torch.compile(model, backend="eager"), torch.nn.DataParallel(model)):
        with pytest.raises(CheckpointError, match=rf"class {type(given).__name__}; .* or a PreTrainedModel here\."):
            loading.identify(given)
    with pytest.raises(CheckpointError, match=r"class DepthAnythingForDepthEstimation; .* or an image processor"):
        loading.read_processor(model)


@pytest.mark.parametrize(("option", "value"), [("attention", "eager"), ("revision", "main"), ("safetensors", False)])
def test_options_of_loading_are_refused_for_a_loaded_model(load_tiny, option, value):
    model = load_tiny("depth_anything").network
    assert load(model, safetensors=True).network is model
    with pytest.raises(OptionError, match=f"{option}: the model is already loaded"):
        load(model, **{option: value})


def test_code_beside_a_checkpoint_is_never_run(copy):
    config = json.loads((copy / "config.json").read_text())
    config["auto_map"] = {"AutoModelForDepthEstimation": "code.Other", "AutoConfig": "code.Other"}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "code.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\nOther = None\n")
    assert load(copy).processing == (56, 84)
    assert not (copy / "ran").exists()


@pytest.mark.parametrize("kind", ["of_its_own", None])
def test_a_model_that_is_its_code_is_refused_without_asking_anybody(copy, kind, monkeypatch):
    asked = []
    monkeypatch.setattr("builtins.input", lambda *question: asked.append(question) or "y")
    config = json.loads((copy / "config.json").read_text()) | {"model_type": kind}
    config = {name: value for name, value in config.items() if value is not None}
    config["auto_map"] = {"AutoModelForDepthEstimation": "code.Other", "AutoConfig": "code.Other"}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "code.py").write_text("from pathlib import Path\nPath({!r}).touch()\n".format(str(copy / "ran")))
    refused(copy, str(copy), "such code is never run", "wrap_callable")
    assert asked == [] and not (copy / "ran").exists()


def test_code_beside_processor_settings_is_never_run(copy, tiny):
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    settings |= {"image_processor_type": "Other", "auto_map": {"AutoImageProcessor": "code.Other"}}
    (copy / "preprocessor_config.json").write_text(json.dumps(settings))
    (copy / "code.py").write_text("from pathlib import Path\nPath({!r}).touch()\n".format(str(copy / "ran")))
    assert load(copy).processing == load(tiny("depth_anything"), processor=copy).processing == (56, 84)
    assert not (copy / "ran").exists()


def test_settings_may_come_from_elsewhere(copy, tiny, monkeypatch):
    (copy / "preprocessor_config.json").unlink()
    assert load(copy).preprocessing.shift == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    assert load(copy, processor=tiny("depth_anything")).processing == (56, 84)
    given = hf.DPTImageProcessor(size={"height": 98, "width": 98})
    assert load(copy, processor=given).processing == (98, 98)
    monkeypatch.setenv("HOME", str(tiny("depth_anything").parent))
    assert load(copy, processor="~/depth_anything").processing == (56, 84)


@pytest.mark.parametrize(
    ("processor", "words"),
    [
        ("{empty}", ["preprocessor_config.json", "the folder has none"]),
        ("nobody/nothing", ["preprocessor_config.json", "not in the cache"]),
        ("nowhere", ["neither a folder"]),
        ("", ["needs a checkpoint"]),
    ],
)
def test_a_processor_that_names_nothing_is_not_passed_over(copy, tmp_path, processor, words):
    (tmp_path / "empty").mkdir()
    refused(copy, *words, processor=processor.format(empty=tmp_path / "empty"))


def test_loading_is_silent_and_leaves_the_librarys_own_talk_as_it_was(tiny, capfd):
    level = hf.utils.logging.get_verbosity()
    hf.utils.logging.enable_progress_bar()
    load(tiny("depth_anything"))
    assert capfd.readouterr() == ("", "")
    assert hf.utils.logging.get_verbosity() == level and hf.utils.logging.is_progress_bar_enabled()


WITHOUT = """
import sys
sys.modules |= {"torchvision": None, "timm": None}
import patchwrap
for folder in sys.argv[1:]:
    print(patchwrap.load_backend("transformers", folder).convention)
"""


def test_neither_torchvision_nor_timm_is_needed(tiny):
    folders = [str(tiny(name)) for name in ("depth_pro", "chmv2", "tipsv2_dpt")]  # their own processors need it
    done = subprocess.run([sys.executable, "-c", WITHOUT, *folders], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["depth:metric", "height:metric", "depth:metric"], done.stderr


def test_the_command_line_says_it_in_one_line(tmp_path, capsys):
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"")
    assert main(["predict", str(photo), "-o", str(tmp_path), "--backend", "transformers=nobody/nothing"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
