import pytest
import torch

from patchwrap.errors import BackendContractError
from patchwrap.tile_runner import ask, checked, run_in_batches


def test_batches_halve_until_they_fit_and_nothing_is_lost():
    tried = []

    def run(batch):
        tried.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [2 * item for item in batch]

    done = [r for _, result in run_in_batches(list(range(9)), 8, run) for r in result]
    assert done == [2 * item for item in range(9)]
    assert tried == [8, 4, 2, 2, 2, 2, 1]


def test_a_batch_holds_one_kind_only():
    batches = [batch for batch, _ in run_in_batches("aaabbaaaa", 2, list, kind=str)]
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
        checked("Flat", maps, torch.zeros(1, 3, 8, 8))


class Sure:
    """Red is the depth, green the confidence."""

    convention = None
    processing = (8, 8)

    def predict(self, images):
        return images[:, :1]

    def predict_with_confidence(self, images):
        return images[:, :1], 1.5 * images[:, 1:2]


def test_confidence_comes_along():
    images = torch.rand(3, 3, 8, 8) / 1.5
    answer = ask(Sure(), images)
    assert torch.equal(answer.maps, images[:, :1]) and torch.equal(answer.confidence, 1.5 * images[:, 1:2])
    assert answer.features is None
    assert torch.equal(answer[1].confidence, answer.confidence[1:2]) and answer[2].features is None


def test_a_confidence_that_is_none_is_refused():
    with pytest.raises(BackendContractError, match=r"Sure.predict_with_confidence .* to 1.5; expected \[0, 1\]"):
        ask(Sure(), torch.ones(1, 3, 8, 8))


def test_confidence_of_another_shape_is_refused(monkeypatch):
    monkeypatch.setattr(Sure, "predict_with_confidence", lambda self, images: (images[:, :1], images[:, 0]))
    with pytest.raises(BackendContractError, match=r"Sure.predict_with_confidence returned"):
        ask(Sure(), torch.ones(1, 3, 8, 8))


def test_an_unknown_confidence_is_none():
    images = torch.full((1, 3, 8, 8), torch.nan)
    assert (ask(Sure(), images).confidence == 0).all()


class Both(Sure):
    def predict_with_features(self, images):
        return images[:, :1], images[:, :, ::2, ::2]


def test_a_head_wants_features_and_gets_them_instead_of_confidence():
    images = torch.zeros(1, 3, 8, 8)
    assert ask(Both(), images, with_features=True).confidence is None
    assert ask(Both(), images, with_features=True).features.shape == (1, 3, 4, 4)
    assert ask(Both(), images).features is None
