import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import patchwrap
from patchwrap.errors import BackendContractError, BackendNotFoundError, ConventionError, ExportError
from patchwrap.testing import PaintedBackend, check_backend, painted_photo

IMAGES = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


class Named(torch.nn.Module):
    """Has a decoder called head and something called fine, as networks do."""

    processing, convention = (60, 100), patchwrap.DepthConvention("inverse_depth", "affine")

    def __init__(self, fine=None):
        super().__init__()
        self.head, self.fine = torch.nn.Conv2d(3, 1, 1), fine

    def predict(self, images):
        return images.mean(1, keepdim=True)


class Painted(torch.nn.Module):
    def forward(self, images):
        return images.mean(1)


@pytest.mark.parametrize(
    "function",
    [
        lambda images: images.mean(1, keepdim=True),
        lambda images: images.mean(1),
        lambda images: images.mean(1).numpy(),
        lambda images: images.mean(1).double(),
        lambda images: list(images.mean(1)),
        lambda images: [image.mean(0)[None].numpy() for image in images],
        lambda images: images.flip(3).mean(1).numpy()[..., ::-1],
        lambda images: images.mean(1).numpy().astype(">f4"),
    ],
)
def test_a_function_may_return_tensors_or_arrays_with_or_without_channel(function):
    backend = patchwrap.wrap_callable(function, "inverse_depth:affine", (32, 48))
    assert torch.allclose(backend.predict(IMAGES), IMAGES.mean(1, keepdim=True))


def test_smaller_maps_are_brought_to_the_images_size():
    backend = patchwrap.wrap_callable(lambda images: images.mean(1)[:, ::2, ::2], "depth:metric", (32, 48))
    assert backend.predict(IMAGES).shape == (2, 1, 32, 48)


def test_holes_written_as_zero_do_not_mix_with_the_depths_around_them():
    def holed(images):
        maps = torch.full((len(images), 8, 12), 10.0)
        maps[:, :4, :6] = 0
        return maps

    values = patchwrap.wrap_callable(holed, "depth:metric", (32, 48)).predict(IMAGES)
    assert values.isnan().any() and (values[values.isfinite()] == 10).all()


@pytest.mark.parametrize(
    "function", [lambda images: images, lambda images: images.mean(1)[0], lambda images: np.zeros(3)]
)
def test_anything_but_one_map_an_image_is_refused(function):
    with pytest.raises(BackendContractError, match="one map per image"):
        patchwrap.wrap_callable(function, "depth:metric", (32, 48)).predict(IMAGES)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ({"depth": 1}, "returned a dict.*outputs.predicted_depth.*wrap a module whose forward does so"),
        (None, "returned a NoneType"),
        ((torch.ones(2, 8, 8), torch.ones(1)), "returned a tuple"),
        ([torch.ones(8, 8), torch.ones(9, 9)], "returned no maps"),
        (np.array([["a"]]), "returned no maps"),
        (np.ma.array([["a"]]), "returned no maps"),
        ([[[1.0, 2.0]]], "^function returned a float; expected a tensor or array"),
    ],
)
def test_what_holds_no_maps_is_named(returned, words):
    def function(images):
        return returned

    with pytest.raises(BackendContractError, match=words):
        patchwrap.wrap_callable(function, "depth:metric", (32, 48)).predict(IMAGES)


def test_an_error_of_the_function_is_told_with_its_input_and_what_a_fixed_size_needs():
    def fixed(images):
        return images.reshape(-1, 3, 96, 96).mean(1)

    with pytest.raises(RuntimeError, match="invalid for input") as caught:
        patchwrap.wrap_callable(fixed, "depth:scale", (96, 96)).predict(IMAGES)
    [note] = caught.value.__notes__
    assert "(2, 3, 32, 48)" in note and "free_aspect=False" in note and "tile_batch_size=1" in note


@pytest.mark.parametrize("kind", [np.ma.asarray, list])
def test_what_a_numpy_mask_hides_is_invalid(kind):
    def masked(images):
        return kind(np.ma.masked_greater(images.mean(1).numpy(), 0.5))

    values = patchwrap.wrap_callable(masked, "inverse_depth:affine", (32, 48)).predict(IMAGES)
    assert torch.equal(values.isnan(), IMAGES.mean(1, keepdim=True) > 0.5)


def test_a_module_is_asked_in_evaluation_mode_and_in_its_own_number_type():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.BatchNorm2d(1)).half()
    backend = patchwrap.wrap_callable(network, "inverse_depth:affine", (32, 48))
    before = network[1].running_mean.clone()
    maps = [backend.predict(IMAGES), torch.cat([backend.predict(image[None]) for image in IMAGES])]
    torch.testing.assert_close(*maps, rtol=1e-2, atol=1e-3)
    assert not network.training and torch.equal(network[1].running_mean, before)


def test_a_wrapped_function_gains_detail_in_three_lines():
    backend = patchwrap.wrap_callable(lambda images: images.mean(1), "inverse_depth:affine", (60, 100))
    photo = painted_photo()
    fused = patchwrap.predict(photo, backend, plan="p49")
    assert np.abs(fused.values - photo[..., 0]).mean() < 0.2 * np.abs(fused.coarse - photo[..., 0]).mean()


def test_results_and_messages_call_a_wrapped_model_by_its_own_name(caplog):
    def brightness(images):
        return images.mean(1)

    coarse, fine = (patchwrap.wrap_callable(one, "inverse_depth:affine", (60, 100)) for one in (brightness, Painted()))
    fused = patchwrap.predict(painted_photo(60, 90), coarse=coarse, fine=fine, plan="2x2", head="auto")
    assert (fused.options["coarse"], fused.options["fine"]) == ("brightness", "Painted")
    assert "from brightness" in repr(fused) and "by another backend than brightness;" in caplog.text


def test_a_module_follows_to_device_and_number_type():
    """On the meta device nothing is computed: a module that stayed behind could not be asked there."""

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = torch.nn.Conv2d(3, 1, 1)

        def forward(self, images):
            mixed = self.mix(images)
            seen.append(mixed.dtype)
            return mixed.float().exp()

    seen = []
    backend = patchwrap.wrap_callable(Network(), "depth:metric", (32, 48))
    photo = painted_photo(60, 90)
    plain = patchwrap.predict(photo, backend, plan="2x2")
    short = patchwrap.predict(photo, backend, plan="2x2", dtype="bfloat16")
    assert set(seen) == {torch.float32, torch.bfloat16}
    np.testing.assert_allclose(short.values, plain.values, rtol=0.02)
    assert (patchwrap.predict(photo, backend, plan="2x2").values == plain.values).all()
    backend.to(torch.device("meta"), torch.float32)
    assert backend.function(IMAGES.to("meta")).device.type == "meta"


def test_a_module_that_was_trained_since_is_put_into_evaluation_mode_again():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.Dropout(), torch.nn.Sigmoid())
    backend = patchwrap.wrap_callable(network, "depth:metric", (32, 48))
    network.train()
    assert np.unique(patchwrap.predict(np.full((64, 96, 3), 90, np.uint8), backend).values).size == 1


def test_a_module_of_half_precision_keeps_it_whatever_number_type_is_asked_for():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.BatchNorm2d(1), torch.nn.Sigmoid()).half()
    backend = patchwrap.wrap_callable(network, "depth:metric", (32, 48))
    plain, short = (patchwrap.predict(painted_photo(60, 90), backend, dtype=name) for name in ("float32", "bfloat16"))
    assert (plain.values == short.values).all()


def test_a_module_of_half_precision_keeps_the_contract_and_is_not_written_as_onnx():
    backend = patchwrap.wrap_callable(torch.nn.Conv2d(3, 1, 1).bfloat16(), "inverse_depth:affine", (32, 48))
    check_backend(backend, sizes=((60, 90),))
    with pytest.raises(ExportError, match=r"Conv2d has bfloat16 weights; .* Wrap it after \.float\(\)"):
        backend.exportable((32, 48))


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Named, r"Named is a class; pass an instance: Named\(…\)"),
        ("native", "'native' is not a function"),
        (None, "None is not a function"),
    ],
)
def test_what_is_no_function_is_refused_at_once(thing, words):
    with pytest.raises(BackendContractError, match=words):
        inspect.unwrap(patchwrap.wrap_callable)(thing)  # without the tests' own check of types


def test_an_option_of_a_backend_may_be_called_name(install, tuned_source):
    install("tuned", tuned_source.replace("gain=1", "name=1").replace("gain", "name"))
    assert patchwrap.load_backend("tuned", name=3).name == 3


def test_a_backend_predicts_what_its_plugin_registers(install, tuned_source):
    install("tuned", tuned_source.replace("convention=None", 'convention="depth:metric"'))
    with pytest.raises(BackendContractError, match=r"tuned\.convention is depth:scale, but its plugin registers depth"):
        patchwrap.load_backend("tuned")
    assert str(patchwrap.load_backend("tuned", convention="depth:metric").convention) == "depth:metric"


def test_a_bare_callable_must_say_what_its_numbers_mean():
    with pytest.raises(ConventionError, match="wrap_callable"):
        patchwrap.wrap(torch.nn.Identity())
    of_transformers = torch.nn.Identity()
    of_transformers.config = SimpleNamespace(model_type="dpt")
    with pytest.raises(ConventionError, match=r'load_backend\("transformers", it\)'):
        patchwrap.wrap(of_transformers)


def test_a_function_that_is_taken_for_metric_says_so(caplog):
    def brightness(images):
        return images.mean(1)

    assert str(patchwrap.wrap_callable(brightness).convention) == "depth:metric"
    assert "what the numbers of brightness mean" in caplog.text and 'convention="depth:metric"' in caplog.text
    caplog.clear()
    assert str(patchwrap.wrap_callable(brightness, "depth:metric").convention) == "depth:metric" and not caplog.records


def test_backends_pass_through():
    backend = PaintedBackend()
    assert patchwrap.wrap(backend) is backend


@pytest.mark.parametrize("missing", ["convention", "processing", "predict"])
def test_what_an_object_lacks_is_named(missing):
    parts = {"convention": PaintedBackend().convention, "processing": (8, 8), "predict": lambda self, images: images}
    broken = type("Broken", (), {k: v for k, v in parts.items() if k != missing})()
    with pytest.raises(BackendContractError, match=f"Broken has no '{missing}'"):
        patchwrap.wrap(broken)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("convention", "depth:metric"), ("processing", (8.0, 8)), ("processing", 8), ("multiple", 0), ("multiple", 14.0)],
)
def test_impossible_declarations_are_named(attribute, value):
    backend = PaintedBackend()
    setattr(backend, attribute, value)
    with pytest.raises(BackendContractError, match=attribute):
        patchwrap.wrap(backend)


def test_a_fixed_size_must_be_one_the_model_takes():
    backend = PaintedBackend()
    backend.multiple, backend.free_aspect = 14, False
    with pytest.raises(BackendContractError, match="multiples of 14"):
        patchwrap.wrap(backend)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"processing": (0, 48)}, r"brightness\.processing is \(0, 48\)"),
        ({"multiple": 0}, r"brightness\.multiple is 0"),
        ({"multiple": 14, "free_aspect": False}, "brightness sees all pictures at .* multiples of 14"),
    ],
)
def test_a_functions_impossible_declarations_are_named_when_it_is_wrapped(facts, words):
    def brightness(images):
        return images.mean(1)

    with pytest.raises(BackendContractError, match=words):
        patchwrap.wrap_callable(brightness, "depth:metric", **facts)


def test_the_processing_of_a_function_may_be_a_list():
    backend = patchwrap.wrap_callable(lambda images: images.mean(1), "depth:metric", [32, 48])
    assert patchwrap.wrap(backend).processing == (32, 48)


@pytest.mark.parametrize("fine", [None, torch.nn.Conv2d(3, 1, 1), object()])
def test_what_is_only_called_fine_or_head_is_none(fine, caplog):
    fused = patchwrap.predict(painted_photo(), Named(fine), plan="2x2", head="auto")
    assert np.isfinite(fused.values).all() and fused.options["head"] is None
    assert "head 'auto' is not used: Named has no fusion head; give 'universal'" in caplog.text


def test_a_module_of_its_own_for_tiles_is_asked():
    fine = Named()
    fine.predict = lambda images: 1 / 0
    with pytest.raises(ZeroDivisionError):
        patchwrap.predict(painted_photo(), Named(fine), plan="2x2")
    fine.processing = 7
    with pytest.raises(BackendContractError, match=r"Named\.fine\.processing is 7"):
        patchwrap.predict(painted_photo(), Named(fine), plan="2x2")


def test_a_class_is_not_its_instance():
    with pytest.raises(BackendContractError, match="PaintedBackend is a class; pass an instance"):
        patchwrap.predict(painted_photo(), PaintedBackend)


def test_an_unknown_name_lists_what_is_there():
    with pytest.raises(BackendNotFoundError, match="zoe"):
        patchwrap.load_backend("zoe")


def test_the_fake_keeps_the_contract():
    check_backend(PaintedBackend("depth:metric"))


def test_the_contract_suite_catches_what_it_should():
    constant = patchwrap.wrap_callable(lambda images: torch.ones(len(images), 8, 8), "depth:metric", (32, 48))
    with pytest.raises(BackendContractError, match="constant"):
        check_backend(constant)
    leaky = patchwrap.wrap_callable(lambda images: images.mean(1) / images.mean(), "depth:metric", (32, 48))
    leaky.predict = lambda images: leaky.function(images * (1 + len(images)))[:, None] * len(images)
    with pytest.raises(BackendContractError, match="batch neighbours"):
        check_backend(leaky)
    with pytest.raises(BackendContractError, match="fails after to"):
        check_backend(Rounded())
    with pytest.raises(BackendContractError, match="list as features"):
        check_backend(Featured())
    bright = PaintedBackend()
    bright.predict_with_confidence = lambda images: (images.mean(1, keepdim=True), 5 + images[:, :1])
    with pytest.raises(BackendContractError, match="confidence from 5"):
        check_backend(bright)
    divided = PaintedBackend()
    divided.fine = PaintedBackend()
    divided.fine.processing = (60.0, 100)
    with pytest.raises(BackendContractError, match="processing"):
        check_backend(divided)


class Rounded(Named):
    """Casts its weights and not its pictures."""

    def predict(self, images):
        return self.head(images)

    def to(self, device, dtype):
        return super().to(device, dtype)


class Featured(Named):
    """Its features are a list."""

    def predict_with_features(self, images):
        return self.predict(images), [images]
