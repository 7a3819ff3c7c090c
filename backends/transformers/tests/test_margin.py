import torch
import transformers as hf

from patchwrap_transformers.margin import add_margin, margins, remove_margin


def test_the_margin_is_the_published_processors():
    processor = hf.ZoeDepthImageProcessor(do_resize=False, do_normalize=False)
    padded = processor(torch.zeros(3, 384, 512), return_tensors="pt", do_rescale=False)["pixel_values"]
    down, across = margins((384, 512))
    assert tuple(padded.shape[2:]) == (384 + 2 * down, 512 + 2 * across)


def test_removing_undoes_adding():
    y, x = torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 128), indexing="ij")
    pictures = torch.stack([y, x, y * x])[None]
    again = remove_margin(add_margin(pictures)[:, :1], (96, 128))
    inner = (..., slice(8, -8), slice(8, -8))
    assert (again - pictures[:, :1])[inner].abs().max() < 0.02
