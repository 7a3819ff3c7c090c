from types import SimpleNamespace

import torch

from patchwrap.spec import HeadTraits, Traits, fine_of, head_of


def test_traits_are_what_a_backend_states_and_defaults_elsewhere():
    assert Traits.of(object()) == Traits()
    assert Traits.of(SimpleNamespace(multiple=14, knows_tiles=True)) == Traits(multiple=14, knows_tiles=True)


def test_a_heads_traits_are_defaults_without_a_head():
    assert HeadTraits.of(None) == HeadTraits(wants_features=True, drawn="alone", fuser="poisson", knows_tiles=False)
    assert HeadTraits.of(SimpleNamespace(drawn="never")).drawn == "never"


def test_a_layer_called_fine_or_head_is_neither():
    backend = SimpleNamespace(fine=torch.nn.Identity(), head=torch.nn.Identity())
    assert fine_of(backend) is None and head_of(backend) is None
