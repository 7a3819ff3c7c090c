"""Does fusion help a network that somebody else made? Any ONNX depth network, wrapped in a few lines.

Reads folders with ``image.png`` and ``gt.npy`` (disparity, 0 is invalid) or with ``im0.png``,
``disp0.pfm`` and ``calib.txt`` (Middlebury 2014), and picture files without ground truth.
Depth is known up to a factor there: every map is scaled by the median ratio before it is measured.
"""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from PIL import Image
from rich.console import Console

import patchwrap
from patchwrap import DepthMap
from patchwrap.metrics import align_median, boundary_scores, depth_metrics
from report import RESULTS, Result, Table

ROWS = {
    "coarse only": {"tiles": False},
    "naive tile average": {"fuser": "average"},
    "fused": {"fuser": "poisson"},
}
MEASURES = {
    "AbsRel ↓": "abs_rel",
    "RMSE ↓": "rmse",
    "RMSE log ↓": "rmse_log",
    "δ1 ↑": "delta1",
    "F1 4 px ↑": "boundary4",
    "F1 16 px ↑": "boundary16",
}


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON and, when asked, pictures."""
    options = _parser().parse_args(arguments)
    backend = patchwrap.wrap_callable(
        onnx_network(options.network), "depth:metric", tuple(options.processing), options.multiple
    )
    scenes = [scene for path in options.inputs for scene in found(path)]
    measured: dict[str, list[dict[str, float]]] = {row: [] for row in ROWS}
    with Console(stderr=True).status("") as status:
        for number, scene in enumerate(scenes, start=1):
            status.update(f"{scene.name}, {number} of {len(scenes)}")
            maps = {row: scene.predict(backend, options.plan, chosen) for row, chosen in ROWS.items()}
            for row, depth in maps.items():
                measured[row] += [] if scene.depth is None else [measure(depth.values, scene.depth)]
            if options.pictures:
                side_by_side(scene, maps, options.pictures)
    if any(measured.values()):
        report(measured, options)


def report(measured: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> None:
    """Print and write the means over scenes."""
    rows = []
    for row, scenes in measured.items():
        means = {key: float(np.mean([scene[key] for scene in scenes])) for key in MEASURES.values()}
        rows.append([row, *(f"{means[key]:.4f}" for key in MEASURES.values())])
    count = len(measured["fused"])
    table = Table(f"{options.network.name} on {count} real scenes", ["", *MEASURES], rows)
    shown = {"network": options.network.name, "plan": options.plan, "processing": list(options.processing)}
    result = Result.now("stranger", shown, {"stranger": table}, {"scenes": measured})
    result.show()
    print(f"Written to {result.write(options.results)}")


@dataclass(frozen=True)
class Scene:
    """A picture and, where known, its depth up to a factor (inf where unknown)."""

    name: str
    picture: Path
    depth: Float32[np.ndarray, "height width"] | None

    def predict(self, backend: patchwrap.Backend, plan: str, options: dict[str, object]) -> DepthMap:
        """Depth by one of the rows."""
        return patchwrap.predict(self.picture, backend, plan=plan, **options)


def found(path: Path) -> list[Scene]:
    """The scenes of a path: a picture, a folder of one scene, or a folder of those."""
    if path.is_file():
        return [Scene(path.stem, path, None)]
    if (path / "gt.npy").exists():
        return [Scene(path.name, path / "image.png", from_disparity(np.load(path / "gt.npy"), 0.0))]
    if (path / "disp0.pfm").exists():
        offset = float(re.search(r"doffs=(\S+)", (path / "calib.txt").read_text())[1])
        return [Scene(path.name, path / "im0.png", from_disparity(read_pfm(path / "disp0.pfm"), offset))]
    return [scene for inner in sorted(path.iterdir()) if inner.is_dir() for scene in found(inner)]


def from_disparity(disparity: np.ndarray, offset: float) -> Float32[np.ndarray, "height width"]:
    """Depth with median 5, inside the range in which measures count; inf where disparity is unknown."""
    known = np.isfinite(disparity) & (disparity > 0)
    shifted = np.where(known, disparity + offset, np.nan).astype(np.float32)
    depth = 5 * np.nanmedian(shifted) / shifted
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.inf))


def read_pfm(path: Path) -> Float32[np.ndarray, "height width"]:
    """A one-channel PFM file: three header lines, then rows from the bottom up."""
    with path.open("rb") as file:
        file.readline()
        width, height = map(int, file.readline().split())
        order = "<" if float(file.readline()) < 0 else ">"
        values = np.frombuffer(file.read(), f"{order}f4").reshape(height, width)
    return values[::-1].astype(np.float32)


def measure(values: np.ndarray, gt: np.ndarray) -> dict[str, float]:
    """Measures after scaling by the median."""
    aligned = align_median(values, gt)
    scores = boundary_scores(aligned, gt)
    boundaries = {f"boundary{window}": score.f1 for window, score in scores.items()}
    return depth_metrics(aligned, gt) | boundaries


def onnx_network(path: Path) -> Callable[[object], np.ndarray]:
    """A function from RGB in [0, 1] to the network's first output."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise SystemExit("This benchmark runs an ONNX network: pip install onnxruntime") from error
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images.cpu().numpy()})[0]


def side_by_side(scene: Scene, maps: dict[str, DepthMap], folder: Path) -> None:
    """Write photo, coarse, naive and fused in one picture, in the colours of each map's own range."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(scene.picture) as photo:
        parts = [np.asarray(photo.convert("RGB"))]
    parts += [depth.colorize() for depth in maps.values()]
    Image.fromarray(np.concatenate(parts, axis=1)).save(folder / f"{scene.name}.jpg", quality=92)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path, help="ONNX file: RGB in [0, 1] in, metres out")
    parser.add_argument("inputs", type=Path, nargs="+", help="folders and pictures, see above")
    parser.add_argument("--plan", default="auto")
    parser.add_argument("--processing", type=int, nargs=2, default=(224, 288), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--multiple", type=int, default=32, help="sides of its input are multiples of this")
    parser.add_argument("--pictures", type=Path, help="folder for pictures side by side")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    return parser


if __name__ == "__main__":
    main()
