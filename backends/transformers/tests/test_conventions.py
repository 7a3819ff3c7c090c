import logging
from types import SimpleNamespace

import pytest
import transformers as hf

import patchwrap
from patchwrap.errors import ConventionError
from patchwrap_transformers.conventions import convention_of
from patchwrap_transformers.published import PUBLISHED

DPT = SimpleNamespace(model_type="dpt")


def test_a_config_that_cannot_tell_is_an_error_before_anything_large_is_read(tiny, monkeypatch):
    monkeypatch.setattr("patchwrap_transformers.backend.read_network", lambda *_: pytest.fail("weights were read"))
    with pytest.raises(ConventionError, match="--convention") as caught:
        patchwrap.load_backend("transformers", tiny("dpt_dinov2"))
    assert "\n" not in str(caught.value) and "patchwrap.bench(patchwrap.load_backend(" in str(caught.value)


def test_the_published_name_tells_where_the_config_cannot():
    assert str(convention_of(DPT, "Intel/dpt-large")) == "inverse_depth:affine"
    assert str(convention_of(DPT, "facebook/dpt-dinov2-small-nyu")) == "depth:metric"
    with pytest.raises(ConventionError, match="somebody/dpt-large"):
        convention_of(DPT, "somebody/dpt-large")


def test_what_is_assumed_of_a_loaded_model_is_a_warning(tiny, caplog):
    network = hf.AutoModelForDepthEstimation.from_pretrained(tiny("dpt"))
    network.name_or_path = "Intel/dpt-large"  # as from_pretrained leaves it
    with caplog.at_level(logging.WARNING, "patchwrap"):
        assert str(patchwrap.load_backend("transformers", network).convention) == "inverse_depth:affine"
        [record] = caplog.records
        assert record.getMessage().startswith("warning: this model's convention is taken to be inverse_depth:affine")
        assert "'Intel/dpt-large'" in record.getMessage() and "convention=" in record.getMessage()
        caplog.clear()
        stated = patchwrap.load_backend("transformers", network, convention="depth:metric")
        assert str(stated.convention) == "depth:metric" and not caplog.records


def test_no_warning_where_the_config_or_the_files_tell(tiny, caplog):
    network = hf.AutoModelForDepthEstimation.from_pretrained(tiny("depth_anything"))
    with caplog.at_level(logging.WARNING, "patchwrap"):
        patchwrap.load_backend("transformers", network)
        convention_of(DPT, "Intel/dpt-large")
    assert not caplog.records


@pytest.mark.parametrize("stated", ["depth:metric", "inverse_depth:affine"])
def test_what_is_stated_against_the_checkpoint_is_used_with_a_warning(load_tiny, caplog, stated):
    load_tiny("depth_anything", convention=stated)
    convention_of(DPT, "Intel/dpt-large", stated)
    convention_of(DPT, "somebody/dpt-large", stated)
    wrong = stated == "depth:metric"
    words = "stated to be depth:metric, but the checkpoint says inverse_depth:affine; what is stated is used"
    assert len(caplog.records) == caplog.text.count(words) == 2 * wrong


def test_what_the_user_states_goes_before_everything_else(load_tiny):
    assert str(load_tiny("depth_anything", convention="depth:metric").convention) == "depth:metric"
    assert str(convention_of(DPT, "Intel/dpt-large", "depth:scale")) == "depth:scale"


def test_the_listing_agrees_with_the_families():
    # What the config decides is written here as the published configs have it.
    configs = {
        "depth-anything-v2-indoor": {"model_type": "depth_anything", "depth_estimation_type": "metric"},
        "depth-anything-v2-outdoor": {"model_type": "depth_anything", "depth_estimation_type": "metric"},
        "depth-anything": {"model_type": "depth_anything", "depth_estimation_type": "relative"},
        "prompt": {"model_type": "prompt_depth_anything"},
        "dpt": {"model_type": "dpt"},
        "glpn": {"model_type": "glpn"},
        "zoedepth": {"model_type": "zoedepth"},
        "depth-pro": {"model_type": "depth_pro", "use_fov_model": True},
        "tipsv2": {"model_type": "tipsv2_dpt"},
        "canopy": {"model_type": "chmv2"},
    }
    for checkpoint in PUBLISHED:
        facts = next(facts for start, facts in configs.items() if checkpoint.name.startswith(start))
        assert str(convention_of(SimpleNamespace(**facts), checkpoint.source)) == checkpoint.convention
