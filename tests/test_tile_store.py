import torch

from patchwrap.tile_store import TileStore


def test_what_goes_in_comes_out_in_any_order():
    draw = torch.Generator().manual_seed(0)
    tensors = [torch.randn(3, 4, generator=draw), torch.randn(2, 5, 6, generator=draw).half(), torch.zeros(1, 1)]
    with TileStore() as store:
        for tensor in tensors:
            store.append(tensor)
        assert len(store) == 3
        for index in (2, 0, 1):
            assert torch.equal(store[index], tensors[index]) and store[index].dtype == tensors[index].dtype


def test_a_view_is_stored_as_it_looks():
    with TileStore() as store:
        store.append(torch.arange(12.0).reshape(3, 4)[:, 1:3].T)
        assert store[0].tolist() == [[1, 5, 9], [2, 6, 10]]
