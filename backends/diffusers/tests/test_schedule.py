import pytest
import torch
from diffusers import DDIMScheduler, LCMScheduler

from patchwrap.errors import OptionError
from patchwrap_diffusers.schedule import Schedule

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "v_prediction"}
LATENTS = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))
NOISE = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(1))


def ddim(spacing="trailing", **options):
    return DDIMScheduler(**SD | options, clip_sample=False, timestep_spacing=spacing, steps_offset=1)


def lcm():
    return LCMScheduler(**SD, clip_sample=False)


def velocity(schedule, index, clean, noise):
    """What a network that knows the answer says (arXiv 2202.00512, appendix D)."""
    level = ddim().alphas_cumprod[schedule.time(index)]
    return level.sqrt() * noise - (1 - level).sqrt() * clean


@pytest.mark.parametrize("steps", [2, 3, 4, 6, 7, 10, 13, 61])
@pytest.mark.parametrize("spacing", ["trailing", "linspace"])
def test_a_network_that_knows_the_answer_is_led_there(steps, spacing):
    # Where steps do not divide 1000, DDIM's own step ends at another level than the one where the next begins.
    schedule = Schedule(ddim(spacing), steps)
    latents = schedule.noised(LATENTS, NOISE, 0)
    for index in range(steps):
        assert torch.allclose(latents, schedule.noised(LATENTS, NOISE, index), atol=1e-5)
        latents = schedule.step(index, velocity(schedule, index, LATENTS, NOISE), latents, fails)
    assert torch.allclose(latents, LATENTS, atol=0.1)


def fails(step):
    raise AssertionError("DDIM adds no noise")


def test_diffusers_own_step_still_misses_the_next_level():
    own = ddim()
    own.set_timesteps(3)
    schedule = Schedule(own, 3)
    latents, output = schedule.noised(LATENTS, NOISE, 0), velocity(schedule, 0, LATENTS, NOISE)
    second = own.step(output, own.timesteps[0], latents).prev_sample
    third = own.step(velocity(schedule, 1, LATENTS, NOISE), own.timesteps[1], second).prev_sample
    assert not torch.allclose(third, schedule.noised(LATENTS, NOISE, 2), atol=1e-5)


def test_one_step_begins_at_noise_alone():
    assert int(Schedule(ddim(), 1).time(0)) == 999
    assert int(Schedule(lcm(), 1).time(0)) == 999
    assert int(Schedule(ddim("leading"), 1, spacing="trailing").time(0)) == 999


def test_one_leading_step_is_refused():
    # It would begin at time 1, as if the noise that it starts from were the answer.
    with pytest.raises(OptionError, match=r"time 1, .* spacing='trailing'"):
        Schedule(ddim("leading"), 1)
    assert len(Schedule(ddim("leading"), 4)) == 4


@pytest.mark.parametrize("spacing", ["trailing", "linspace", "leading"])
def test_every_number_of_steps_has_times_of_its_own(spacing):
    # diffusers' trailing spacing adds a time of -1 at 61, 103, 121 and others.
    for steps in (2, 3, 60, 61, 103, 121, 250, 333, 997, 999):
        schedule = Schedule(ddim(spacing), steps)
        times = [int(schedule.time(index)) for index in range(len(schedule))]
        assert len(set(times)) == steps and times == sorted(times, reverse=True) and 0 <= times[-1] < times[0] < 1000


def test_steps_that_begin_beyond_pure_noise_are_refused():
    with pytest.raises(OptionError, match=r"steps 1000 .* begins at time 1000, .* 999\. Take fewer steps"):
        Schedule(ddim("leading"), 1000)
    assert len(Schedule(ddim("trailing"), 1000)) == 1000


@pytest.mark.parametrize(
    ("scheduler", "steps", "spacing"),
    [(ddim(), 0, None), (ddim(), 1001, None), (ddim(), 4, "wide"), (lcm(), 4, "trailing"), (lcm(), 51, None)],
)
def test_impossible_steps_are_refused(scheduler, steps, spacing):
    with pytest.raises(OptionError) as caught:
        Schedule(scheduler, steps, spacing)
    assert "\n" not in str(caught.value)


def test_a_consistency_model_is_given_the_noise_it_adds():
    schedule, asked = Schedule(lcm(), 4), []

    def fresh(step):
        asked.append(step)
        return NOISE

    latents = schedule.noised(LATENTS, NOISE, 0)
    before = torch.get_rng_state()
    for index in range(4):
        assert torch.allclose(latents, schedule.noised(LATENTS, NOISE, index), atol=0.02)
        latents = schedule.step(index, velocity(schedule, index, LATENTS, NOISE), latents, fresh)
    assert torch.allclose(latents, LATENTS, atol=0.02)
    assert asked == [1, 2, 3] and torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("scheduler", [ddim(), lcm()])
def test_a_step_does_not_depend_on_the_steps_before(scheduler):
    schedule = Schedule(scheduler, 4)
    once = schedule.step(1, NOISE, LATENTS, lambda step: NOISE)
    schedule.step(3, NOISE, LATENTS, lambda step: NOISE)
    assert torch.equal(schedule.step(1, NOISE, LATENTS, lambda step: NOISE), once)


@pytest.mark.parametrize(("strength", "first"), [(1.0, 0), (0.75, 1), (0.5, 2), (0.3, 3), (0.01, 3)])
def test_strength_is_the_share_of_the_steps_that_are_taken(strength, first):
    assert Schedule(ddim(), 4).first(strength) == first


def test_the_pipelines_own_scheduler_is_left_alone():
    own = ddim("leading")
    Schedule(own, 4, "trailing")
    assert own.config.timestep_spacing == "leading" and own.num_inference_steps is None
