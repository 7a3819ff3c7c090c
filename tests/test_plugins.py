"""Plugins: found, disabled, broken; one broken plugin loses nobody else's backends."""

import logging

import pytest

import patchwrap
from patchwrap import plugins
from patchwrap.convention import DepthConvention
from patchwrap.errors import BackendNotFoundError, CheckpointError, PluginError
from patchwrap.hookspecs import Checkpoint, hookimpl


def one(name="flat", target="flat_code:Flat", **changes):
    """Source of a plugin that registers one backend."""
    facts = {"convention": "depth:metric", "licence": "MIT", "summary": "flat"} | changes
    return (
        "from patchwrap import hookimpl\n@hookimpl\ndef patchwrap_register_backends(register):\n"
        f"    register({name!r}, {target!r}, **{facts!r})\n"
    )


def record_of(name):
    return next(record for record in plugins.get_plugin_manager().plugins if record.name == name)


def test_a_backend_is_listed_with_its_provenance_and_imported_only_when_resolved(install):
    install("flat", one(), flat_code="class Flat:\n    pass\n")

    record = plugins.registered_backends()["flat"]

    assert record == plugins.BackendRecord(
        "flat",
        "flat_code:Flat",
        DepthConvention("depth", "metric"),
        "MIT",
        "flat",
        plugin="flat",
        distribution="dist-flat",
        version="1.2",
    )
    import sys

    assert "flat_code" not in sys.modules
    assert plugins.resolve("flat").__name__ == "Flat"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
        ("raise SystemExit('gone')", "SystemExit: gone"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "hookimpl"),
        (one().replace("(register):", "(wrong):"), "wrong"),
        (one().replace("patchwrap_register_backends", "patchwrap_register_backend"), "unknown hook"),
        (one().replace("register_backends", "register"), "; the hook's name is patchwrap_register_backends"),
        (one() + one().rpartition(":\n")[2], "'flat' is registered twice by this plugin"),
        (one() + "    raise RuntimeError('after\\nall')\n", "RuntimeError: after all"),
        (one(target="flat_code.Flat"), "module:attribute"),
        (one(name="a=b"), "'a=b'"),
        (one(convention="depth:guess"), "convention"),
        (one(summary=" "), "summary"),
    ],
)
def test_a_broken_plugin_is_recorded_and_the_others_go_on(install, source, words):
    install("a_bad", source)
    install("good", one("good"))

    assert "good" in plugins.registered_backends()
    assert record_of("good").state == "loaded"
    broken = record_of("a_bad")
    assert broken.state == "broken"
    assert words in broken.error
    assert "\n" not in broken.error


CHECKPOINT = "__import__('patchwrap.hookspecs').hookspecs.Checkpoint('{}', 'org/small-hf', '{}', 'MIT')"


def test_a_backend_may_leave_the_convention_to_its_checkpoints(install):
    checkpoint = CHECKPOINT.format("small", "inverse_depth:affine")
    install("many", one().replace("'depth:metric'", "None").replace("**{", f"checkpoints=[{checkpoint}], **{{"))

    record = plugins.registered_backends()["flat"]

    assert record.convention is None
    assert record.checkpoints == (Checkpoint("small", "org/small-hf", "inverse_depth:affine", "MIT"),)


@pytest.mark.parametrize("facts", [("a b", "depth:metric"), ("small", "depth:guess"), ("", "depth:metric")])
def test_an_impossible_checkpoint_is_a_fault(install, facts):
    install("many", one().replace("**{", f"checkpoints=[{CHECKPOINT.format(*facts)}], **{{"))

    assert "flat" not in plugins.registered_backends()
    assert record_of("many").state == "broken"


SMALL = CHECKPOINT.format("small", "depth:metric")


@pytest.mark.parametrize(
    ("checkpoints", "words"),
    [
        ("[('small', 'org/small-hf', 'depth:metric', 'MIT')]", "'one' is not a patchwrap.Checkpoint"),
        ("[None]", "checkpoint None of backend 'one'"),
        ("None", "checkpoints of backend 'one' is None; expected a list"),
        (f"[{SMALL}, {SMALL}]", "'one' has several checkpoints named 'small'"),
        (f"[{CHECKPOINT.format('small', 'depth:guess')}]", "convention of checkpoint 'small' of backend 'one'"),
    ],
)
def test_a_wrong_checkpoint_names_its_backend_and_loses_no_other(install, checkpoints, words):
    second = "    register('two', 'm:a', convention='depth:metric', licence='MIT', summary='s')\n"
    install("many", one("one").replace("**{", f"checkpoints={checkpoints}, **{{") + second)

    assert list(plugins.registered_backends()) == ["two"]
    assert words in record_of("many").error


def test_a_wrong_convention_names_its_backend(install):
    install("bad", one("one", convention="depth:guess"))

    assert "convention of backend 'one'" in record_of("bad").error


def test_what_a_faulty_plugin_registered_without_fault_stays(install):
    second = "    register('two', 'x', convention='depth:metric', licence='MIT', summary='s')\n"
    install("half", one("one") + second)

    assert list(plugins.registered_backends()) == ["one"]
    assert record_of("half").backends == ("one",)
    assert "'two'" in record_of("half").error


def test_a_duplicate_backend_name_is_refused_naming_both(install):
    install("first", one("same"))
    install("second", one("same"))

    assert plugins.registered_backends()["same"].plugin == "first"
    error = record_of("second").error
    assert "'same'" in error and "dist-first 1.2" in error and "dist-second 1.2" in error


def test_two_plugins_of_one_name_do_not_hide_each_other(install):
    install("left", one("l"), entry="twin")
    install("right", one("r"), entry="twin")

    assert list(plugins.registered_backends()) == ["l"]
    left, right = plugins.get_plugin_manager().plugins
    assert (left.state, right.state) == ("loaded", "broken")
    assert "'twin' is taken: dist-left 1.2 came before dist-right 1.2" in right.error


@pytest.mark.parametrize("facts", ["Metadata-Version: 2.1\nName: dist-flat\nVersion: 9\n", None])
def test_metadata_that_an_interrupted_pip_left_behind_is_no_second_plugin(install, facts):
    info = install("flat", one()) / "~ist_flat-9.dist-info"
    info.mkdir()
    if facts is not None:
        (info / "METADATA").write_text(facts)
    (info / "entry_points.txt").write_text("[patchwrap]\nflat = flat_plugin\n")
    plugins.get_plugin_manager.cache_clear()

    [record] = plugins.get_plugin_manager().plugins
    assert (record.state, record.version) == ("loaded", "1.2")
    assert plugins.registered_backends()["flat"].version == "1.2"


@pytest.mark.parametrize(
    ("variable", "value", "loaded"),
    [
        ("PATCHWRAP_PLUGINS", "", []),
        ("PATCHWRAP_PLUGINS", "a", ["a"]),
        ("PATCHWRAP_PLUGINS", " a , b ", ["a", "b"]),
        ("PATCHWRAP_DISABLE", "a", ["b"]),
        ("PATCHWRAP_DISABLE", "", ["a", "b"]),
    ],
)
def test_the_environment_chooses_plugins(install, monkeypatch, variable, value, loaded):
    install("a", one("a"))
    install("b", one("b"))
    monkeypatch.setenv(variable, value)

    assert list(plugins.registered_backends()) == loaded
    assert [r.name for r in plugins.get_plugin_manager().plugins if r.state == "loaded"] == loaded
    assert {r.name for r in plugins.get_plugin_manager().plugins} == {"a", "b"}


def test_a_disabled_plugin_is_not_imported(install, monkeypatch):
    install("bad", "raise RuntimeError('imported')")
    monkeypatch.setenv("PATCHWRAP_DISABLE", "bad")

    assert plugins.registered_backends() == {}
    assert record_of("bad").state == "disabled"


def test_a_plugin_asked_for_but_not_installed_is_recorded(site, monkeypatch):
    monkeypatch.setenv("PATCHWRAP_PLUGINS", "ghost")

    assert "no installed distribution" in record_of("ghost").error


@pytest.mark.parametrize("source", ["import no_such_module_anywhere", one(target="x")])
def test_strict_mode_raises(install, monkeypatch, source):
    install("bad", source)
    monkeypatch.setenv("PATCHWRAP_STRICT_PLUGINS", "1")

    with pytest.raises(PluginError, match="bad"):
        plugins.registered_backends()


def test_an_unknown_backend_is_answered_with_what_is_installed_and_a_near_name(install):
    install("flat", one())

    with pytest.raises(BackendNotFoundError) as caught:
        plugins.resolve("flatt")

    message = str(caught.value)
    assert "Did you mean 'flat'?" in message and "Installed: flat" in message
    assert "pip" not in message


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("small", "Did you mean 'flat=small'?"),
        ("smal", "Did you mean 'flat=small'?"),
        ("flatt", "Did you mean 'flat'?"),
        ("folder/small", "A checkpoint is given as NAME=CHECKPOINT, such as transformers=FOLDER."),
        ("model.onnx", "A checkpoint is given as NAME=CHECKPOINT, such as transformers=FOLDER."),
        ("flat:small", "A checkpoint is given as NAME=CHECKPOINT, such as transformers=FOLDER."),
        ("zoe", "Install its distribution; the README's backend table names them."),
    ],
)
def test_what_is_no_backend_is_answered_with_what_was_probably_meant(install, name, advice, tmp_path, monkeypatch):
    install("flat", one().replace("**{", f"checkpoints=[{SMALL}], **{{"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").touch()

    with pytest.raises(BackendNotFoundError) as caught:
        plugins.find_backend(name)

    assert str(caught.value) == f"No backend named {name!r}. {advice} Installed: flat."


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import missing_dependency", "missing_dependency"),
        ("raise SystemExit(3)", "SystemExit"),
        ("Other = 1", "Flat"),
        ("Flat = 3", "a int is not callable"),
    ],
)
def test_a_backend_that_cannot_be_imported_names_plugin_target_and_cause(install, code, words):
    install("flat", one(), flat_code=code)

    with pytest.raises(PluginError) as caught:
        plugins.resolve("flat")

    for expected in (words, "dist-flat 1.2", "flat_code:Flat"):
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def Flat(checkpoint):\n    import missing_dependency", "ModuleNotFoundError"),
        ("def Flat():\n    pass", "TypeError"),
        ("def Flat(checkpoint):\n    raise ValueError('give one...')", r"ValueError: give one\. Check the checkpoint"),
        ("def Flat(checkpoint):\n    raise SystemExit('no weights')", "SystemExit: no weights"),
    ],
)
def test_a_backend_that_cannot_be_loaded_names_its_plugin_and_the_cause(install, code, words):
    install("flat", one(), flat_code=code)

    with pytest.raises(PluginError, match=words) as caught:
        patchwrap.load_backend("flat")

    assert "dist-flat 1.2" in str(caught.value)


def test_a_file_that_a_backend_cannot_read_is_a_checkpoints_error_that_names_the_backend(install):
    install("flat", one(), flat_code="def Flat(checkpoint):\n    return open(checkpoint)")

    with pytest.raises(CheckpointError, match=r"'flat' .* loaded: FileNotFoundError: .*: 'nowhere\.pt'\. Check"):
        patchwrap.load_backend("flat=nowhere.pt")


def test_broken_plugins_are_warned_of_once_when_a_backend_is_looked_up(install, caplog):
    install("bad", "raise RuntimeError('why')")
    install("good", one("good"))

    with caplog.at_level(logging.WARNING, "patchwrap"):
        plugins.find_backend("good")
        plugins.find_backend("good")

    assert [record.getMessage() for record in caplog.records] == ["warning: plugin 'bad' is broken: RuntimeError: why"]


def test_a_manager_without_external_plugins_takes_them_by_hand(install):
    install("flat", one())

    class ByHand:
        @hookimpl
        def patchwrap_register_backends(self, register):
            register("hand", "m:a", convention="depth:scale", licence="MIT", summary="s")

    manager = plugins.create_plugin_manager(load_external=False)
    record = manager.add_plugin(ByHand(), "by-hand")

    assert list(manager.backends) == ["hand"]
    assert record.backends == ("hand",) and record.distribution is None
