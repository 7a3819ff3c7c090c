import pytest
import torch

from patchwrap.errors import BackendContractError
from patchwrap.tile_runner import checked, run_in_batches


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
