"""What a user may write for a checkpoint, and what every mistake is told."""

import warnings

import pytest
import torch

from patchwrap.checkpoint_name import checkpoint_name, loading
from patchwrap.errors import CheckpointError

KNOWN = {f"depth-{size}": f"someone/depth-{size}" for size in ("tiny", "small", "base", "large", "huge", "giant")}


def named(given):
    return checkpoint_name(given, "fake", KNOWN, "config.json")


def test_a_folder_goes_before_a_short_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert named("depth-small") == "someone/depth-small"
    (tmp_path / "depth-small").mkdir()
    assert named("depth-small") == "depth-small"
    assert named(tmp_path) == str(tmp_path)
    assert named("someone/else.v2") == "someone/else.v2"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "needs a checkpoint: .* such as 'depth-tiny' .* Write fake=CHECKPOINT"),
        ("", "needs a checkpoint"),
        ("depth-smal", "Did you mean 'depth-small'"),
        ("what", "Short names are depth-tiny, depth-small, depth-base, depth-large, depth-huge …"),
        ("../gone", "neither a folder, nor a hub name"),
        ("a/b/c", "neither a folder, nor a hub name"),
    ],
)
def test_every_mistake_is_told(given, words):
    with pytest.raises(CheckpointError, match=words):
        named(given)


@pytest.mark.parametrize("given", [torch.nn.DataParallel(torch.nn.Linear(2, 2)), 3, b"folder", ["a/b"]])
def test_anything_but_a_name_is_told_by_its_class(given):
    words = rf"class {type(given).__name__}; it takes a folder, a hub name, a short name or a Net here\."
    with pytest.raises(CheckpointError, match=words) as raised:
        checkpoint_name(given, "fake", KNOWN, "config.json", "a Net")
    assert "\n" not in str(raised.value)


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "config.json").touch()
    with pytest.raises(CheckpointError, match=r"is a file. Give the folder that holds config.json\."):
        named(tmp_path / "config.json")


def test_a_librarys_error_becomes_one_line(tmp_path):
    with pytest.raises(CheckpointError, match=r"'a/b' cannot be loaded: two lines Without a network"), loading("a/b"):
        raise OSError("two\n  lines")
    with pytest.raises(CheckpointError, match=r"cannot be loaded: KeyError$"), loading(str(tmp_path)):
        raise KeyError


class LocalEntryNotFoundError(FileNotFoundError):
    """Has the name of huggingface_hub's error."""


@pytest.mark.parametrize(
    ("offline", "words"),
    [
        ("1", "it is not in the local cache and HF_HUB_OFFLINE is set; give a folder, or unset it."),
        ("0", "it is not in the local cache and the hub cannot be reached; give a folder, or connect to the network."),
    ],
)
def test_what_is_not_cached_is_told_as_such(monkeypatch, recwarn, offline, words):
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    with pytest.raises(CheckpointError) as raised, loading("a/b"):
        warnings.warn("an argument is deprecated", stacklevel=1)
        try:
            raise LocalEntryNotFoundError
        except LocalEntryNotFoundError as error:
            raise OSError("a/b does not appear to have a file named model_index.json.") from error
    assert str(raised.value) == f"'a/b' cannot be loaded: {words}"
    assert not recwarn
