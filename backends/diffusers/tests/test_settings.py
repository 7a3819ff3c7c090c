import pytest
import torch
from diffusers import MarigoldDepthPipeline

import patchwrap
from patchwrap.errors import ConventionError, OptionError
from patchwrap_diffusers.noise import gaussian, zeros
from patchwrap_diffusers.published import CONVENTIONS
from patchwrap_diffusers.settings import convention_of, processing_of


@pytest.mark.parametrize(
    ("config", "meaning"),
    [
        ({"prediction_type": "depth"}, "depth:affine"),
        ({"prediction_type": "disparity"}, "inverse_depth:affine"),
        ({"prediction_type": "depth", "shift_invariant": False}, "depth:scale"),
        ({"prediction_type": "disparity", "shift_invariant": False, "scale_invariant": False}, "inverse_depth:metric"),
    ],
)
def test_the_pipeline_says_what_it_predicts(tiny, config, meaning):
    assert str(patchwrap.load_backend("diffusers", tiny(**config)).convention) == meaning


def test_nothing_is_guessed():
    with pytest.raises(ConventionError, match=r"predicts None.*convention="):
        convention_of({}, "somewhere")
    with pytest.raises(ConventionError, match="predicts 'height'"):
        convention_of({"prediction_type": "height"}, "somewhere")
    assert str(convention_of({}, "somewhere", "depth:affine")) == "depth:affine"
    assert {str(convention_of({}, name)) for name in CONVENTIONS} == {"depth:affine"}


@pytest.mark.parametrize(
    ("wanted", "size"),
    [(None, (576, 768)), ("640x480", (480, 640)), ((480, 640), (480, 640)), ([480, 640], (480, 640)), (96, (96, 96))],
)
def test_processing(wanted, size):
    assert processing_of(wanted, 768, 8) == size


@pytest.mark.parametrize("wanted", ["61x93", (61, 93), "wide", (8,), 0, -8, (8, 8, 8), {}])
def test_impossible_processing_is_refused(wanted):
    with pytest.raises(OptionError):
        processing_of(wanted, 768, 8)
    with pytest.raises(OptionError, match="Give processing="):
        processing_of(None, None, 8)


def test_without_a_size_of_its_own_a_pipeline_sees_what_its_denoiser_was_made_for(tiny):
    backend = patchwrap.load_backend("diffusers", tiny(default_processing_resolution=None))
    assert backend.processing == (72, 96) and backend.multiple == 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tile_mode": "together"}, "independent, shared-noise, coarse-start, joint"),
        ({"strength": 0}, "strength 0"),
        ({"strength": 1.1}, "strength 1.1"),
        ({"strength": "x"}, "strength 'x' is not in"),
        ({"strength": True}, "strength True"),
        ({"strength": [0.5]}, r"strength \[0.5\]"),
        ({"tile_mode": 3}, "tile_mode 3 is not one of independent"),
        ({"ensemble": 2}, "median of two"),
        ({"ensemble": 0}, "ensemble 0"),
        ({"ensemble": True}, "ensemble True"),
        ({"ensemble": "three"}, "ensemble 'three'"),
        ({"noise": "pink"}, "gaussian or zeros"),
        ({"noise": ["pink"]}, "gaussian or zeros"),
        ({"steps": 4.5}, "steps 4.5 is not a whole number from 1"),
        ({"steps": "x"}, "steps 'x' is not a whole number"),
        ({"steps": True}, "steps True"),
        ({"steps": 0}, "steps 0"),
        ({"steps": 1}, "spacing='trailing'"),
        ({"spacing": "wide"}, "leading, linspace or trailing"),
        ({"spacing": 3}, "leading, linspace or trailing"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_impossible_options_are_refused(tiny, options, words):
    with pytest.raises(OptionError, match=words) as caught:
        patchwrap.load_backend("diffusers", tiny(), **options)
    assert "\n" not in str(caught.value)


def test_steps_are_the_checkpoints_own_unless_said_otherwise(tiny, load_tiny):
    assert len(load_tiny().sampler.schedule) == 4
    assert len(load_tiny(steps=5).sampler.schedule) == 5
    with pytest.raises(OptionError, match="Give steps="):
        patchwrap.load_backend("diffusers", tiny(default_denoising_steps=None))


def test_only_a_ddim_checkpoint_made_for_one_step_starts_from_zero(tiny, load_tiny):
    made = patchwrap.load_backend("diffusers", tiny("trailing", default_denoising_steps=1))
    assert made.sampler.noise is zeros
    consistency = patchwrap.load_backend("diffusers", tiny("lcm", default_denoising_steps=1))
    others = [load_tiny("trailing", steps=1), consistency]
    assert [other.sampler.noise for other in others] == [gaussian, gaussian]


@pytest.mark.parametrize("made", [("ddim", 4, "zeros"), ("lcm", 4, "zeros"), ("trailing", 1, None)])
def test_an_ensemble_from_zero_noise_is_refused(tiny, made):
    scheduler, steps, noise = made
    folder = tiny(scheduler, default_denoising_steps=steps)
    with pytest.raises(OptionError, match=r'^ensemble: from zero noise .* noise="gaussian"'):
        patchwrap.load_backend("diffusers", folder, ensemble=3, noise=noise)
    assert patchwrap.load_backend("diffusers", folder, ensemble=3, noise="gaussian").sampler.members == 3


def test_what_a_publication_says_is_used_where_its_files_do_not_tell(tiny):
    pipe = MarigoldDepthPipeline.from_pretrained(tiny(default_denoising_steps=None))
    pipe.register_to_config(_name_or_path="GonzaloMG/marigold-e2e-ft-depth")
    with pytest.raises(OptionError, match="from zero noise"):
        patchwrap.load_backend("diffusers", pipe, ensemble=3)
    sampler = patchwrap.load_backend("diffusers", pipe).sampler
    assert sampler.noise is zeros and int(sampler.schedule.time(0)) == 999 and len(sampler.schedule) == 1
    assert torch.equal(sampler.noise((2, 2)), torch.zeros(2, 2))
