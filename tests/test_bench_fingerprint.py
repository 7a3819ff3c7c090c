"""What decides a result is told apart, what does not is not."""

import torch

from patchwrap import wrap_callable
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


def test_the_last_digits_do_not_count():
    noisy = rows(lambda images: bright(images) * (1 + 1e-6 * torch.rand(1)))
    assert behaviour(noisy[0]) == behaviour(rows(bright)[0])


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
