import weakref

import pytest
import torch

from patchwrap.convention import DepthConvention
from patchwrap.errors import BackendContractError
from patchwrap.tile_runner import checked_maps, run_backend, run_in_batches

WORDS = ["CUDA out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"]


@pytest.mark.parametrize("words", WORDS)
def test_batches_halve_until_they_fit_and_nothing_is_lost(words):
    tried = []

    def run(batch):
        tried.append(len(batch))
        if len(batch) > 2:
            raise RuntimeError(words)
        return [2 * item for item in batch]

    done = [r for _, result in run_in_batches(list(range(9)), 8, run) for r in result]
    assert done == [2 * item for item in range(9)]
    assert tried == [8, 4, 2, 2, 2, 2, 1]


def test_a_batch_that_does_not_fit_is_gone_before_the_gpus_cache_is_emptied(monkeypatch):
    refused, alive = [], []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: alive.append(refused[-1]() is not None))

    def run(batch):
        activation = torch.zeros(len(batch))
        if len(batch) > 1:
            refused.append(weakref.ref(activation))
            raise MemoryError

    assert len(list(run_in_batches([1, 2, 3, 4], 4, run))) == 4
    assert alive == [False, False]


def test_all_items_of_a_batch_have_the_same_key():
    batches = [batch for batch, _ in run_in_batches("aaabbaaaa", 2, list, key=str)]
    assert ["".join(batch) for batch in batches] == ["aa", "a", "bb", "aa", "aa"]


def test_a_batch_of_one_that_does_not_fit_is_the_users_to_know():
    def run(batch):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(run_in_batches([1, 2], 4, run))


def test_other_errors_are_not_swallowed():
    def run(batch):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        list(run_in_batches([1, 2], 4, run))


@pytest.mark.parametrize(
    "maps",
    [torch.zeros(1, 8, 8), torch.zeros(1, 1, 4, 8), torch.zeros(1, 1, 8, 8, dtype=torch.int32), None],
)
def test_a_broken_promise_is_named(maps):
    with pytest.raises(BackendContractError, match=r"Flat.predict returned .* expected"):
        checked_maps("Flat.predict", maps, torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("part", [0, 1])
def test_what_a_backend_returns_is_copied(part, monkeypatch):
    returned = torch.ones(1, 1, 8, 8), torch.ones(1, 2, 4, 4)
    monkeypatch.setattr(Both, "predict_with_features", lambda self, images: returned)
    output = run_backend(Both(), torch.zeros(1, 3, 8, 8), with_features=True)
    returned[part].zero_()
    assert (output.maps == 1).all() and (output.features == 1).all()


class Sure:
    """Red is the depth, green the confidence."""

    convention = DepthConvention("inverse_depth", "affine")
    processing = (8, 8)

    def predict(self, images):
        return images[:, :1]

    def predict_with_confidence(self, images):
        return images[:, :1], 1.5 * images[:, 1:2]


def test_confidence_comes_along():
    images = torch.rand(3, 3, 8, 8) / 1.5
    output = run_backend(Sure(), images)
    assert torch.equal(output.maps, images[:, :1]) and torch.equal(output.confidence, 1.5 * images[:, 1:2])
    assert output.features is None
    assert torch.equal(output[1].confidence, output.confidence[1:2]) and output[2].features is None


def test_the_field_of_view_takes_the_place_of_the_confidence_where_it_is_asked_for(monkeypatch):
    images = torch.rand(2, 3, 8, 8) / 1.5
    returned = images[:, :1], torch.tensor([50.0, 70.0])
    monkeypatch.setattr(Sure, "predict_with_fov", lambda self, images: returned, raising=False)
    output = run_backend(Sure(), images, with_fov=True)
    assert output.fov.tolist() == [50, 70] and output[1].fov.tolist() == [70] and output.confidence is None
    assert run_backend(Sure(), images).fov is None and run_backend(Sure(), images).confidence is not None


@pytest.mark.parametrize("fov", [50.0, torch.tensor(50.0), torch.ones(2, 1), torch.tensor([50, 70]), None])
def test_a_field_of_view_is_one_number_per_image(fov, monkeypatch):
    monkeypatch.setattr(Sure, "predict_with_fov", lambda self, images: (images[:, :1], fov), raising=False)
    with pytest.raises(BackendContractError, match=r"Sure.predict_with_fov returned .* a float tensor of shape"):
        run_backend(Sure(), torch.ones(2, 3, 8, 8), with_fov=True)


def test_a_confidence_that_is_none_is_refused():
    with pytest.raises(BackendContractError, match=r"Sure.predict_with_confidence .* to 1.5; expected \[0, 1\]"):
        run_backend(Sure(), torch.ones(1, 3, 8, 8))


def test_maps_of_whole_numbers_are_named(monkeypatch):
    monkeypatch.setattr(Sure, "predict_with_confidence", lambda self, images: (images[:, :1].long(), images[:, :1]))
    with pytest.raises(BackendContractError, match=r"It is torch.int64: return it as float\(\)\.$"):
        run_backend(Sure(), torch.ones(1, 3, 8, 8))


def test_confidence_of_another_shape_is_refused(monkeypatch):
    monkeypatch.setattr(Sure, "predict_with_confidence", lambda self, images: (images[:, :1], images[:, 0]))
    with pytest.raises(BackendContractError, match=r"Sure.predict_with_confidence returned"):
        run_backend(Sure(), torch.ones(1, 3, 8, 8))


def test_maps_that_come_with_confidence_are_blamed_on_the_method_that_returned_them(monkeypatch):
    monkeypatch.setattr(Sure, "predict_with_confidence", lambda self, images: (images[:, 0], images[:, :1]))
    with pytest.raises(BackendContractError, match=r"Sure.predict_with_confidence returned .* Resize inside predict_w"):
        run_backend(Sure(), torch.ones(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "returned None"),
        (torch.ones(2, 1, 8, 8), "returned a Tensor"),
        ((torch.ones(2, 1, 8, 8),), r"returned a tuple of 1 \(Tensor\)"),
    ],
)
def test_what_is_not_a_pair_is_named(returned, words, monkeypatch):
    monkeypatch.setattr(Sure, "predict_with_confidence", lambda self, images: returned)
    with pytest.raises(BackendContractError, match=rf"Sure.predict_with_confidence {words}.*\(maps, confidence\)"):
        run_backend(Sure(), torch.ones(2, 3, 8, 8))


def test_an_unknown_confidence_is_none():
    images = torch.full((1, 3, 8, 8), torch.nan)
    assert (run_backend(Sure(), images).confidence == 0).all()


class Both(Sure):
    def predict_with_features(self, images):
        return images[:, :1], images[:, :, ::2, ::2]


def test_a_head_wants_features_and_gets_them_instead_of_confidence():
    images = torch.zeros(1, 3, 8, 8)
    assert run_backend(Both(), images, with_features=True).confidence is None
    assert run_backend(Both(), images, with_features=True).features.shape == (1, 3, 4, 4)
    assert run_backend(Both(), images).features is None
