"""How fast are the tiles of a pretrained transformer, against a bare loop, and what does half precision change?

Tiles per second of patchwrap (from decoded photo to DepthMap) and of a loop over the same network and tiles that
crops, resizes and predicts and does nothing else, in one process; one after the other and in changing order, so that
what slows the machine down slows both, and the ratio is the median over such pairs. Then the maps of half precision
against float32: speed, and how far apart they are. The network is Depth Anything V2's small one with random
weights, unless a checkpoint is named: speed needs no training.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from rich.console import Console
from torch import Tensor

import bare
import patchwrap
from patchwrap.device import usable_device
from report import Result, Table, clocked, parser

AIM_RATIO, AIM_DIFFERENCE = 0.95, 0.01
PHOTO = Path(__file__).parents[1] / "examples" / "street_photo.jpg"
SMALL = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "mlp_ratio": 4}
"""The encoder of Depth Anything V2 Small, 24.8 M parameters with its decoder."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.repeats, options.processing, options.plan, options.dtypes = 1, 126, "2x2", ["float32", "bfloat16"]
    picture = patchwrap.read_image(options.image).pixels
    backend = wrapped(options)
    times, maps = measure(picture, backend, options)
    data = {"seconds": times, "tiles": next(iter(maps.values())).options["tile_count"]}
    data["difference"] = {name: difference(maps["float32"], depth) for name, depth in maps.items()}
    height, width = picture.shape[:2]
    sides = backend.processing
    shown = {
        "checkpoint": Path(options.checkpoint).name if options.checkpoint else "random weights",
        "size": f"{width}x{height}",
        "plan": options.plan,
        "processing": f"{sides[1]}x{sides[0]}",
        "tile_batch_size": options.tile_batch_size,
        "compile": options.compile,
        "repeats": options.repeats,
    }
    tables = {"transformers_speed": speed_table(data), "transformers_precision": precision_table(data)}
    result = Result.now("transformers_speed", shown, tables, data, options.device)
    result.tell(options.results)


def wrapped(options: argparse.Namespace) -> Any:
    """The backend that is measured."""
    checkpoint = options.checkpoint or random_network(options.seed)
    chosen = {"convention": options.convention, "processing": options.processing, "compile": options.compile}
    return patchwrap.load_backend("transformers", checkpoint, **chosen)


def random_network(seed: int) -> Any:
    """Depth Anything V2 Small with random weights and a map that is nowhere near zero."""
    import transformers

    torch.manual_seed(seed)
    encoder = transformers.Dinov2Config(
        **SMALL, image_size=518, patch_size=14, out_indices=[3, 6, 9, 12], reshape_hidden_states=False
    )
    network = transformers.DepthAnythingForDepthEstimation(transformers.DepthAnythingConfig(backbone_config=encoder))
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1 and not name.startswith("backbone."):
            # As wide as trained ones: the library's own start leaves the map flat.
            torch.nn.init.normal_(parameter, std=1.4 * parameter[0].numel() ** -0.5)
    last = network.head.conv3
    with torch.no_grad():
        spread = network.eval()(torch.randn(1, 3, 126, 126)).predicted_depth.std()
        last.weight *= 0.3 / spread.clamp_min(1e-6)
        last.bias.fill_(2.0)
    return network


def measure(
    picture: UInt8[np.ndarray, "height width 3"], backend: Any, options: argparse.Namespace
) -> tuple[dict[str, dict[str, list[float]]], dict[str, patchwrap.DepthMap]]:
    """Seconds of both ways by number type, in pairs, after one unmeasured pair; and patchwrap's last maps."""
    settings = {"plan": options.plan, "tile_batch_size": options.tile_batch_size, "device": options.device}
    times: dict[str, dict[str, list[float]]] = {}
    maps = {}
    with Console(stderr=True).status("") as status:
        for dtype in options.dtypes:
            ways: dict[str, Callable[[], Any]] = {
                "patchwrap": lambda dtype=dtype: patchwrap.predict(picture, backend, dtype=dtype, **settings),
                "bare": lambda dtype=dtype: bare_loop(picture, backend, dtype, options),
            }
            times[dtype] = {name: [] for name in ways}
            for repeat in range(options.repeats + 1):
                for name in sorted(ways, reverse=repeat % 2 == 0):
                    status.update(f"{dtype}, round {repeat} of {options.repeats}: {name}")
                    made, seconds = clocked(ways[name])
                    maps[dtype] = made if name == "patchwrap" else maps[dtype]
                    # The first round warms caches and kernels, and compiles.
                    times[dtype][name] += [seconds] if repeat else []
    return times, maps


def bare_loop(
    picture: UInt8[np.ndarray, "height width 3"], backend: Any, dtype: str, options: argparse.Namespace
) -> list[Float[Tensor, "_ _"]]:
    """Predict the whole picture and every tile with nothing but the network, see ``bare.py``; return the tiles."""
    device = usable_device(options.device)
    number = getattr(torch, dtype)
    backend.to(device, number)
    network = torch.compile(backend.network) if options.compile else backend.network

    def predict(images: Tensor) -> Tensor:
        return network(backend.preprocessing(images).to(number)).predicted_depth.float()[:, None]

    facts = {name: getattr(backend, name) for name in ("convention", "processing", "multiple")}
    plain = SimpleNamespace(predict=predict, **facts)
    return bare.bare_loop(picture, plain, options.plan, options.tile_batch_size, device)


def difference(full: patchwrap.DepthMap, other: patchwrap.DepthMap) -> float:
    """AbsRel of one map against another, where that is more than a hundredth of its median."""
    counted = full.values > 0.01 * np.median(full.values)
    return float(np.mean(np.abs(other.values / full.values - 1)[counted]))


def speed_table(data: dict[str, Any]) -> Table:
    """Tiles per second."""
    rows = []
    for dtype, ways in data["seconds"].items():
        bare, ours = (data["tiles"] / median(ways[name]) for name in ("bare", "patchwrap"))
        ratio = median(least / own for least, own in zip(ways["bare"], ways["patchwrap"]))
        rows.append([dtype, f"{bare:.2f}", f"{ours:.2f}", f"{ratio:.3f} (aim {AIM_RATIO:.2f})"])
    return Table("Tiles per second", ["", "bare loop", "patchwrap", "ratio (median of pairs)"], rows)


def precision_table(data: dict[str, Any]) -> Table:
    """What each number type gains in speed and changes in the fused map."""
    full = median(data["seconds"]["float32"]["patchwrap"])
    rows = [
        [
            dtype,
            f"{full / median(ways['patchwrap']):.2f}x",
            f"{data['difference'][dtype]:.2%} (aim {AIM_DIFFERENCE:.0%})",
        ]
        for dtype, ways in data["seconds"].items()
        if dtype != "float32"
    ]
    return Table("Against float32", ["", "speed", "AbsRel between the maps"], rows)


def _parser() -> argparse.ArgumentParser:
    half = ["bfloat16", "float16"] if torch.cuda.is_available() else ["bfloat16"]
    made = parser(__doc__, "a small network size, once")
    made.add_argument("--checkpoint", help="short name, hub name or folder, instead of random weights")
    made.add_argument("--convention", help="of the checkpoint, if it cannot tell")
    made.add_argument("--image", type=Path, default=PHOTO, help="a photo")
    made.add_argument("--plan", default="2x2", help="of which 2x2 has nine tiles (default: %(default)s)")
    made.add_argument("--processing", help="WIDTHxHEIGHT the network sees; by default its own size")
    made.add_argument("--tile-batch-size", type=int, default=4)
    made.add_argument("--repeats", type=int, default=4, help="pairs of each number type (default: %(default)s)")
    made.add_argument("--device", default="auto")
    made.add_argument("--compile", action="store_true", help="with torch.compile, both ways")
    made.add_argument("--seed", type=int, default=0, help="of the random weights")
    made.set_defaults(dtypes=["float32", *half])
    return made


if __name__ == "__main__":
    main()
