"""Published checkpoints: short name, hub name, convention, licence. Imports no torch, downloads nothing."""

from patchwrap import Checkpoint

DISPARITY, METRES = "inverse_depth:affine", "depth:metric"
APACHE, NON_COMMERCIAL, MIT = "Apache-2.0", "CC-BY-NC-4.0", "MIT"

PUBLISHED = [
    Checkpoint(name, source, convention, licence)
    for name, source, convention, licence in (
        ("depth-anything-v2-small", "depth-anything/Depth-Anything-V2-Small-hf", DISPARITY, APACHE),
        ("depth-anything-v2-base", "depth-anything/Depth-Anything-V2-Base-hf", DISPARITY, NON_COMMERCIAL),
        ("depth-anything-v2-large", "depth-anything/Depth-Anything-V2-Large-hf", DISPARITY, NON_COMMERCIAL),
        *(
            (f"depth-anything-v2-{place}-{size}", f"{metric}-{place.title()}-{size.title()}-hf", METRES, licence)
            for metric in ("depth-anything/Depth-Anything-V2-Metric",)
            for place in ("indoor", "outdoor")
            for size, licence in (("small", APACHE), ("base", NON_COMMERCIAL), ("large", NON_COMMERCIAL))
        ),
        *(
            (f"depth-anything-{size}", f"LiheYoung/depth-anything-{size}-hf", DISPARITY, APACHE)
            for size in ("small", "base", "large")
        ),
        ("prompt-depth-anything-small", "depth-anything/prompt-depth-anything-vits-hf", "depth:affine", APACHE),
        ("prompt-depth-anything-large", "depth-anything/prompt-depth-anything-vitl-hf", "depth:affine", APACHE),
        ("dpt-large", "Intel/dpt-large", DISPARITY, APACHE),
        ("dpt-hybrid-midas", "Intel/dpt-hybrid-midas", DISPARITY, APACHE),
        *(
            (name, f"Intel/{name}", DISPARITY, MIT)
            for name in (
                *("dpt-beit-base-384", "dpt-beit-large-384", "dpt-beit-large-512"),
                *("dpt-swinv2-tiny-256", "dpt-swinv2-base-384", "dpt-swinv2-large-384"),
            )
        ),
        *(
            (f"dpt-dinov2-{size}-{data}", f"facebook/dpt-dinov2-{size}-{data}", METRES, APACHE)
            for data in ("nyu", "kitti")
            for size in ("small", "base", "large", "giant")
        ),
        ("glpn-nyu", "vinvino02/glpn-nyu", METRES, APACHE),
        ("glpn-kitti", "vinvino02/glpn-kitti", METRES, APACHE),
        ("zoedepth-nyu", "Intel/zoedepth-nyu", METRES, MIT),
        ("zoedepth-kitti", "Intel/zoedepth-kitti", METRES, MIT),
        ("zoedepth-nyu-kitti", "Intel/zoedepth-nyu-kitti", METRES, MIT),
        ("depth-pro", "apple/DepthPro-hf", METRES, "LicenseRef-Apple-AMLR"),
        ("tipsv2-base", "google/tipsv2-b14-dpt", METRES, APACHE),
        ("canopy-height-v2", "facebook/dinov3-vitl16-chmv2-dpt-head", "height:metric", "LicenseRef-DINOv3"),
    )
]
"""Licences and conventions as their publishers state them on the hub and in their repositories."""

SOURCES = {checkpoint.name: checkpoint.source for checkpoint in PUBLISHED}
"""Hub name by short name."""

CONVENTIONS = {checkpoint.source: checkpoint.convention for checkpoint in PUBLISHED}
"""Convention by hub name."""
