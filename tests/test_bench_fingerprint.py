"""What decides a result is told apart, what does not is not."""

import pytest
import torch

from patchwrap import DepthConvention, wrap_callable
from patchwrap.bench.combination import Matrix
from patchwrap.bench.fingerprint import behaviour, fingerprint
from patchwrap.bench.report import Row
from patchwrap.heads import Head, HeadNetwork, save_head


def rows(function, **options):
    backend = wrap_callable(function, "depth:scale", (24, 32))
    return Matrix(["2x2"], ["blend"], ["none"], options).combinations(Row("x", "", "x"), backend, True)


def bright(images):
    return 1 + images.mean(1)


def test_weights_rows_options_and_facts_tell_apart():
    prints = [fingerprint(one, {}) for one in rows(bright)]
    assert prints == [fingerprint(one, {}) for one in rows(bright)]
    others = [
        *(fingerprint(one, {}) for one in rows(lambda images: bright(images) ** 1.1)),
        *(fingerprint(one, {"threads": 2}) for one in rows(bright)),
        *(fingerprint(one, {}) for one in rows(bright, seed=1)),
    ]
    assert len({*prints, *others}) == 20


@pytest.mark.parametrize("axis", [2, 3])
def test_detail_that_leaves_the_means_of_blocks_tells_apart(axis):
    def striped(images):
        position = torch.arange(images.shape[axis])
        signs = (1 - 2 * (position % 2)).reshape([-1 if n == axis else 1 for n in range(4)])
        return bright(images) * (1 + 0.1 * signs[:, 0])

    plain, other = behaviour(rows(bright)[0]), behaviour(rows(striped)[0])
    assert plain != other
    assert len(plain) == len(other) == 48


def test_parameters_tell_apart_even_where_the_probe_picture_is_refused():
    class Network(torch.nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(weight))

        def forward(self, images):
            raise KeyError("no")

    class Backend:
        processing, convention = (24, 32), DepthConvention("depth", "scale")

        def __init__(self, weight):
            self.network = Network(weight)

        def predict(self, images):
            return self.network(images)

    def prints(weight):
        matrix = Matrix(["2x2"], ["blend"], ["none"], baselines=())
        return [fingerprint(one, {}) for one in matrix.combinations(Row("x", "", "x"), Backend(weight), True)]

    assert prints(1.0) == prints(1.0)
    assert not set(prints(1.0)) & set(prints(2.0))


def test_the_last_digits_do_not_count():
    noisy = rows(lambda images: bright(images) * (1 + 1e-6 * torch.rand(1)))
    assert behaviour(noisy[0]) == behaviour(rows(bright)[0])


def test_noise_of_rounding_in_a_flat_map_does_not_count():
    noise = torch.Generator().manual_seed(0)
    noisy = rows(lambda images: 1 + 1e-6 * torch.rand(images[:, 0].shape, generator=noise))[0]
    assert behaviour(noisy) == behaviour(noisy)


def refuse(images):
    raise KeyError("no")


def test_a_backend_that_refuses_the_probe_picture_has_a_print():
    assert behaviour(rows(refuse)[0]) == ["KeyError"]


def test_another_head_in_the_same_file_is_another_row_even_then(tmp_path):
    path, prints = tmp_path / "head.safetensors", []
    for seed in (0, 1, 1):
        torch.manual_seed(seed)
        save_head(Head(HeadNetwork((4, 8, 16))), path)
        backend = wrap_callable(refuse, "depth:scale", (24, 32))
        made = Matrix(["2x2"], ["blend"], [str(path)], baselines=()).combinations(Row("x", "", "x"), backend, True)
        prints.append(fingerprint(made[-1], {}))
    assert prints[0] != prints[1] == prints[2]
