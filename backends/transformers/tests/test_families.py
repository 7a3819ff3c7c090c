from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES

from patchwrap_transformers.families import FAMILIES


def test_every_family_of_the_installed_release_is_known():
    assert set(FAMILIES) == set(MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES)


def test_the_exact_modules_are_there(backend):
    names = [name for name in backend.family.exact if not name.startswith("fov_model")]
    assert all(backend.network.get_submodule(name) for name in names)
