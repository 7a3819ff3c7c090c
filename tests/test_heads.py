"""The universal head: its invariances, its file, and its use by ``predict``."""

import json
import logging
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import patchwrap
from patchwrap.bench.consistency import tile_consistency
from patchwrap.bench.unit_map import own_unit_map
from patchwrap.cli import main
from patchwrap.convention import DepthConvention
from patchwrap.datasets.heldout import generated_samples
from patchwrap.errors import CheckpointError
from patchwrap.finetune import SimulatedBackend
from patchwrap.heads import Head, HeadCard, HeadNetwork, TrainedOn, load_head, save_head, storage
from patchwrap.metrics import align, depth_metrics
from patchwrap.testing import PaintedBackend, bare_view, painted_photo
from patchwrap.tile_view import CONTEXT

PHOTO = painted_photo(120, 200)


def rand(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def view(height=40, width=56, **parts):
    maps = {"confidence": rand(2, 1, height, width, seed=3), "disagreement": rand(2, 1, height, width, seed=4) - 0.5}
    maps |= {"context": rand(2, 4, *CONTEXT, seed=5), "centre": rand(2, seed=6), "spread": 0.5 + rand(2, seed=7)}
    bare = [rand(2, channels, height, width, seed=channels) for channels in (3, 1)]
    return bare_view(*bare, rand(2, 1, height, width, seed=2), **(maps | parts))


def trained(seed=0, **options):
    """A head with random weights in its last layer."""
    torch.manual_seed(seed)
    head = Head(HeadNetwork(**options))
    torch.nn.init.normal_(head.network.residual.weight, std=0.1)
    return head


def refine(head, shown):
    with torch.no_grad():
        return head.refine(shown)


def test_an_untrained_head_returns_the_consensus():
    shown = view()
    assert torch.equal(refine(Head(), shown), shown.aligned - shown.disagreement)


def test_begin_aligned_returns_the_aligned_tiles():
    shown = view()
    torch.testing.assert_close(refine(Head(HeadNetwork(begin="aligned")), shown), shown.aligned)


@pytest.mark.parametrize("convention", ["depth:scale", "inverse_depth:affine"])
def test_with_an_untrained_head_tiles_agree_to_the_last_digits_and_are_fused_as_well_as_without(convention):
    backend, single = PaintedBackend(convention, 0.3), patchwrap.predict(PHOTO, PaintedBackend(convention), tiles=False)
    plain, headed = (
        patchwrap.predict(PHOTO, PaintedBackend(convention, 0.3), head=head, plan="3x3") for head in (None, Head())
    )
    unit_map = own_unit_map(single.values, backend.convention)
    apart, together = (
        tile_consistency(partial(patchwrap.predict, PHOTO, backend, head=head), unit_map, backend.convention, False)
        for head in (None, Head())
    )
    assert together["ce_relative"] < 0.02 * apart["ce_relative"]
    truth = 1 / PHOTO.mean(-1)
    errors = [abs_rel(one.values, truth, backend.convention) for one in (plain, headed)]
    assert errors[1] < errors[0] + 1e-3


def abs_rel(values, truth, convention):
    valid = np.ones(truth.shape, bool)
    return depth_metrics(align(values, truth, valid, convention), truth, valid)["abs_rel"]


@pytest.mark.parametrize(("part", "difference"), [(0, "unit"), (1, "disagreement"), (2, "change")])
def test_the_three_parts_of_the_residual(part, difference):
    shown, head = view(), Head()
    with torch.no_grad():
        head.network.residual.bias[part] = 0.25
    agreed = shown.aligned - shown.disagreement
    known = {"unit": shown.spread[:, None, None, None], "disagreement": shown.disagreement}
    known["change"] = shown.coarse - agreed
    torch.testing.assert_close(refine(head, shown), agreed + 0.25 * known[difference])


def test_together_bends_tiles_less_towards_the_coarse_map_than_alone():
    def bent(tile, raw, aligned):
        """How far an aligned tile is from a scaled and tilted one."""
        places = torch.cartesian_prod(*(torch.linspace(-1, 1, n) for n in tile.size))
        columns = torch.cat([torch.ones(len(places), 1), places, raw.log().reshape(-1, 1)], 1).double()
        target = aligned.log().reshape(-1, 1).double()
        gaps.append(float((columns @ torch.linalg.lstsq(columns, target).solution - target).abs().max()))

    most, keeping = {}, Head()
    with torch.no_grad():
        keeping.network.residual.bias[1] = 1.0
    for name, head in {"none": None, "judges": keeping}.items():
        gaps = []
        patchwrap.predict(PHOTO, PaintedBackend("depth:scale", 0.3), head=head, plan="3x3", observer=bent)
        most[name] = max(gaps)
    assert most["judges"] < 0.1 * most["none"]


def test_it_has_half_a_million_to_three_million_parameters_and_convolutions_only():
    network = HeadNetwork()
    assert 5e5 <= sum(value.numel() for value in network.parameters()) <= 3e6
    kinds = {type(part).__name__ for part in network.modules() if not list(part.children())}
    assert kinds - {"ModuleList"} == {"Conv2d", "LeakyReLU"}


def test_neither_unit_nor_origin_of_the_maps_matters():
    head, shown = trained(), view()
    here = refine(head, shown)
    other = replace(
        shown,
        coarse=5 * shown.coarse + 3,
        aligned=5 * shown.aligned + 3,
        disagreement=5 * shown.disagreement,
        context=torch.cat([5 * shown.context[:, :2] + 3, shown.context[:, 2:]], 1),
        centre=5 * shown.centre + 3,
        spread=5 * shown.spread,
    )
    assert (here - shown.aligned).abs().max() > 0.05
    assert torch.allclose(refine(head, other), 5 * here + 3, atol=1e-3)


@pytest.mark.parametrize("part", ["images", "coarse", "confidence", "disagreement", "context"])
def test_everything_shown_is_seen(part):
    head, shown = trained(), view()
    changed = replace(shown, **{part: getattr(shown, part) * 0.5})
    assert not torch.allclose(refine(head, shown), refine(head, changed))


@pytest.mark.parametrize("size", [(17, 31), (32, 32), (40, 64)])
def test_any_size_will_do_and_tiles_do_not_see_their_batch(size):
    head, shown = trained(), view(*size)
    both = refine(head, shown)
    assert both.shape == (2, 1, *size)
    alone = type(shown)(*(getattr(shown, name)[:1] for name in list(vars(shown))[:8]))
    assert torch.allclose(refine(head, alone), both[:1], atol=1e-5)


def test_features_guide_where_they_are_offered():
    head = trained(guides=(3, 5))
    assert head.wants_features and not trained().wants_features
    guides = {"coarse_features": rand(2, 3, 20, 28), "fine_features": rand(2, 5, 10, 14)}
    without, guided = (refine(head, view(**parts)) for parts in ({}, guides))
    assert not torch.allclose(without, guided)
    assert torch.allclose(refine(head, view(fine_features=torch.zeros(2, 5, 1, 1))), without)


@pytest.mark.parametrize("guides", [(0, 0), (4, 6)])
def test_it_is_written_as_onnx(tmp_path, guides):
    exported = patchwrap.export(trained(guides=guides), tmp_path / "head.onnx")
    assert exported.difference < 1e-4 and exported.facts["output"] == "refined"


def test_a_head_comes_back_from_its_file(tmp_path):
    card = HeadCard((TrainedOn("painted", "PaintedBackend", "PaintedBackend", "depth:scale"),), True, {"steps": 3})
    head = Head(trained().network.half().float(), card, [torch.rand(2, 3)])
    path = save_head(head, tmp_path / "head.safetensors")
    again = load_head(path)
    assert again.card == card and torch.equal(again.decoder[0], head.decoder[0])
    assert torch.equal(refine(again, view()), refine(head, view()))
    assert json.loads((tmp_path / "head.json").read_text()) == json.loads(json.dumps(asdict(card)))


def test_a_head_of_the_usual_size_fits_in_four_megabytes(tmp_path):
    assert save_head(Head(), tmp_path / "head.safetensors").stat().st_size <= 4e6


def test_the_head_that_comes_with_the_package_has_a_name(tmp_path, monkeypatch, capsys, ramp):
    from PIL import Image

    head = Head(trained().network, card_for("depth:scale", universal=True))
    monkeypatch.setattr(storage, "SHIPPED", save_head(head, tmp_path / "shipped.safetensors"))
    found = [patchwrap.predict(PHOTO, PaintedBackend("depth:scale"), head=one, plan="2x2").values for one in (
        "universal", tmp_path / "shipped.safetensors", None,
    )]  # fmt: skip
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])
    Image.fromarray((255 * PHOTO).astype(np.uint8)).save(tmp_path / "photo.png")
    words = ["predict", str(tmp_path / "photo.png"), "--backend", "ramp", "--plan", "2x2", "-o", str(tmp_path / "out")]
    assert main([*words, "--head", "universal"]) == 0
    monkeypatch.setattr(storage, "SHIPPED", tmp_path / "gone.safetensors")
    assert main([*words, "--head", "universal", "--overwrite"]) != 0
    assert "No fusion head at" in capsys.readouterr().err


def test_the_head_that_comes_with_the_package_lets_tiles_of_a_backbone_agree_that_it_never_saw(tmp_path):
    [scene] = generated_samples(1, (270, 480), tmp_path, lambda *_: None)
    backend, photo = SimulatedBackend([scene], processing=(90, 160), seed=7), scene.read().photo
    unit_map = own_unit_map(patchwrap.predict(photo, backend, tiles=False).values, backend.convention)
    plain, mended = (
        tile_consistency(partial(patchwrap.predict, photo, backend, head=head), unit_map, backend.convention, False)
        for head in (None, "universal")
    )
    assert mended["ce_relative"] < 0.7 * plain["ce_relative"]
    assert load_head("universal").card.universal and storage.SHIPPED.stat().st_size <= 4e6


def test_what_is_no_head_is_one_clear_line(tmp_path):
    with pytest.raises(CheckpointError, match=r"No fusion head at .*, or 'universal'"):
        load_head(tmp_path / "none.safetensors")
    (tmp_path / "noise.safetensors").write_bytes(b"noise" * 10)
    with pytest.raises(CheckpointError, match="damaged or no safetensors"):
        load_head(tmp_path / "noise.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="is no fusion head"):
        load_head(tmp_path / "other.safetensors")
    header = {"patchwrap_head": json.dumps({"format": storage.FORMAT, "network": {"widths": [4, 8], "guides": [0, 0]}})}
    save_file({"a": torch.zeros(1)}, tmp_path / "wrong.safetensors", header)
    with pytest.raises(CheckpointError, match="does not hold the head its header describes"):
        load_head(tmp_path / "wrong.safetensors")


def card_for(convention, universal=False, kind="PaintedBackend"):
    return HeadCard((TrainedOn("painted", kind, kind, convention),), universal)


class Weighed(torch.nn.Module):
    """A backend whose checkpoints differ in their weights alone."""

    convention = DepthConvention("inverse_depth", "affine")
    processing = (48, 64)

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.layer = torch.nn.Conv2d(3, 100, 3)

    def predict(self, images):
        return self.layer(images).mean(1, keepdim=True)


@pytest.mark.parametrize("universal", [True, False])
def test_another_checkpoint_of_the_same_class_is_noticed(universal):
    small, again, large = Weighed(0), Weighed(0), Weighed(1)
    card = HeadCard((TrainedOn.of("weighed=small", small, small),), universal)
    card = HeadCard.from_dict(asdict(card))
    assert card.mismatch(again, again) is None
    why = "was trained for weighed=small, and this Weighed has other weights"
    assert card.mismatch(large, large) == (None if universal else why)
    assert card.mismatch(small, large) == (None if universal else why)
    # In half precision the weights of one checkpoint are other numbers: nothing is known.
    assert card.mismatch(large.half(), large) is None
    unknown = HeadCard((TrainedOn("weighed", "Weighed", "Weighed", "inverse_depth:affine"),))
    assert unknown.mismatch(again, again) is None


def test_a_mismatch_by_the_tile_backend_alone_names_it():
    class Tiles(Weighed):
        pass

    same, other = (HeadCard((TrainedOn.of("weighed", Weighed(0), tiles),)) for tiles in (Tiles(0), Weighed(0)))
    assert same.mismatch(Weighed(0), Tiles(0)) is None
    assert same.mismatch(Weighed(0), Tiles(1)) == "was trained for weighed, and this Weighed + Tiles has other weights"
    assert other.mismatch(Weighed(0), Tiles(0)) == "was trained for weighed, and not for Weighed + Tiles"


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (card_for("depth:scale"), None),
        (card_for("depth:metric"), "was trained for depth:metric, and these maps are depth:scale"),
        (card_for("depth:scale", kind="Other"), "was trained for painted, and not for PaintedBackend"),
        (card_for("depth:scale", universal=True, kind="Other"), None),
        (HeadCard(), None),
    ],
)
def test_a_head_for_something_else_warns_in_one_line(tmp_path, caplog, card, words):
    path = save_head(Head(card=card), tmp_path / "head.safetensors")
    with caplog.at_level(logging.WARNING, "patchwrap"):
        patchwrap.predict(PHOTO, PaintedBackend("depth:scale"), head=path, plan="2x2")
    assert caplog.messages == ([f"warning: the fusion head {words}"] if words else [])


class Scaled(torch.nn.Module):
    """A painted backend with one number to train."""

    convention = patchwrap.DepthConvention("depth", "scale")
    processing = (60, 100)

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(1))

    def predict(self, images):
        return self.factor / images.mean(1, keepdim=True)

    def trainable_parameters(self):
        return self.parameters()


def test_a_trained_decoder_comes_with_the_head_and_leaves_the_backend_alone():
    backend, seen = Scaled(), []
    head = Head(decoder=[torch.tensor([2.0])])
    patchwrap.predict(PHOTO, backend, head=head, plan="2x2", observer=lambda tile, raw, fused: seen.append(raw))
    first = patchwrap.predict(PHOTO, backend, tiles=False).values
    assert backend.factor == 1.0 and float(seen[0].median()) > 1.5 * float(np.median(first))


def test_a_decoder_of_another_backend_is_refused():
    with pytest.raises(CheckpointError, match="does not fit PaintedBackend"):
        patchwrap.predict(PHOTO, PaintedBackend(), head=Head(decoder=[torch.ones(3)]), plan="2x2")


def test_the_command_line_takes_a_head(tmp_path, ramp, capsys):
    from PIL import Image

    Image.fromarray((255 * PHOTO).astype(np.uint8)).save(tmp_path / "photo.png")
    path = save_head(Head(card=card_for("depth:metric")), tmp_path / "head.safetensors")
    words = ["predict", str(tmp_path / "photo.png"), "--backend", "ramp", "--plan", "2x2", "--format", "npy"]
    words += ["--detail", "0.5"]  # the default is lower if no network was trained on tiles
    assert main([*words, "-o", str(tmp_path / "a")]) == 0
    assert main([*words, "-o", str(tmp_path / "b"), "--head", str(path)]) == 0
    plain, headed = (np.load(tmp_path / name / "photo_depth.npy") for name in "ab")
    assert np.allclose(plain, headed, rtol=5e-3) and not np.array_equal(plain, headed)
    asked = json.loads((tmp_path / "b" / "photo_depth.json").read_text())["options"]["asked"]
    assert asked["head"] == str(path)
    with pytest.raises(SystemExit):
        main([*words, "-o", str(tmp_path / "c"), "--head", "photo.png"])
    error = capsys.readouterr().err
    assert "is no .safetensors file" in error and "--head universal" in error
