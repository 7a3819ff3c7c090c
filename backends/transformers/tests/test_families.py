from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES

from patchwrap_transformers.families import FAMILIES, HALF, IMAGENET


def test_dpt_of_dinov2_was_published_with_imagenets_colours(tiny):
    configs = {name: AutoConfig.from_pretrained(tiny(name)) for name in ("dpt", "dpt_dinov2", "dpt_beit")}
    named = {name: FAMILIES["dpt"].normalisation(config) for name, config in configs.items()}
    assert named == {"dpt": HALF, "dpt_dinov2": IMAGENET, "dpt_beit": HALF}


def test_every_family_of_the_installed_release_is_known():
    assert set(FAMILIES) == set(MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES)


def test_the_exact_modules_are_there(backend):
    names = [name for name in backend.family.exact if not name.startswith("fov_model")]
    assert all(backend.network.get_submodule(name) for name in names)
