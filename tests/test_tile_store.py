import tempfile

import pytest
import torch

from patchwrap.errors import OutputError
from patchwrap.tile_store import Prediction, TileStore
from patchwrap.tiling import Tile


def test_what_goes_in_comes_out_in_order():
    draw = torch.Generator().manual_seed(0)
    given = [
        Prediction(Tile(0, 0, 3, 4), torch.randn(3, 4, generator=draw)),
        Prediction(Tile(1, 2, 1, 1), torch.zeros(1, 1), torch.randn(1, 5, 6, 2, generator=draw).half()),
        Prediction(Tile(0, 9, 2, 2), torch.full((2, 2), torch.nan), confidence=torch.ones(2, 2).half()),
    ]
    with TileStore() as store:
        for prediction in given:
            store.append(prediction)
        assert len(store) == 3
        for _ in range(2):
            for expected, found in zip(given, store, strict=True):
                assert found.tile == expected.tile
                assert torch.equal(found.values.nan_to_num(7), expected.values.nan_to_num(7))
                assert (found.features is None) == (expected.features is None)
        assert [found.confidence is None for found in store] == [True, True, False]
        features = [found.features for found in store][1]
        assert torch.equal(features, given[1].features) and features.dtype == torch.float16


def test_a_prediction_may_be_added_while_others_are_read():
    with TileStore() as store:
        for value in (1.0, 2.0):
            store.append(Prediction(Tile(0, 0, 2, 3), torch.full((2, 3), value)))
        found = []
        for prediction in store:
            found.append(prediction.values.unique().tolist())
            if len(store) == 2:
                store.append(Prediction(Tile(0, 0, 3, 2), torch.full((3, 2), 3.0)))
    assert found == [[1], [2], [3]]


def test_a_view_is_stored_as_it_looks():
    with TileStore() as store:
        store.append(Prediction(Tile(0, 0, 2, 3), torch.arange(12.0).reshape(3, 4)[:, 1:3].T))
        assert [found.values.tolist() for found in store] == [[[1, 5, 9], [2, 6, 10]]]


def test_a_missing_temporary_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match=r"cannot set tiles aside .*gone'.*TMPDIR"):
        TileStore()


def test_a_full_disk_is_told(tmp_path):
    with TileStore() as store, open("/dev/full", "w+b", buffering=0) as full:  # noqa: PTH123 (a device)
        store._file.close()
        store._file = full
        with pytest.raises(OutputError, match=r"No space left on device.*TMPDIR"):
            store.append(Prediction(Tile(0, 0, 8, 8), torch.zeros(8, 8)))
