"""What decides a result is told apart, what does not is not."""

import torch

from patchwrap import wrap_callable
from patchwrap.bench.combination import Matrix
from patchwrap.bench.fingerprint import behaviour, fingerprint
from patchwrap.bench.report import Row


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


def test_the_last_digits_do_not_count():
    noisy = rows(lambda images: bright(images) * (1 + 1e-6 * torch.rand(1)))
    assert behaviour(noisy[0]) == behaviour(rows(bright)[0])


def test_a_backend_that_refuses_the_small_picture_has_a_print():
    def refuse(images):
        raise KeyError("no")

    assert behaviour(rows(refuse)[0]) == ["KeyError"]
