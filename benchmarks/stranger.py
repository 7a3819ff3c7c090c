"""Does fusion help a network from elsewhere? Any ONNX depth network, wrapped in a few lines.

Reads folders with ``image.png`` and ``gt.npy`` (disparity, 0 is invalid) or with ``im0.png``,
``disp0.pfm`` and ``calib.txt`` (Middlebury 2014), or picture files without ground truth.
Depth is known up to a factor there: every map is scaled by the median ratio before it is measured.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32

import patchwrap
from patchwrap.bench.report import Report
from patchwrap.bench.tables import headline
from patchwrap.datasets import Middlebury2014, Sample
from patchwrap.io import read_image
from report import Result, Table, compared, parser


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    network = onnx_network(options.network)
    backend = patchwrap.wrap_callable(network, "depth:scale", tuple(options.processing), options.multiple)
    samples = [sample for path in options.inputs for sample in found(path)]
    out = options.results / "stranger"
    report = compared({options.network.name: backend}, samples, plans=[options.plan], out=out)
    summarize(report).tell(options.results, f", the whole report to {out}")


def summarize(report: Report) -> Result:
    """The table and its JSON."""
    name = report.options["backends"][0]
    table = Table(f"{name} on {len(report.images)} real scenes", *headline(report, report.tables["own"]))
    shown = {"network": name, "plan": report.options["plans"][0]}
    return Result.now("stranger", shown, {"stranger": table}, {"records": report.records})


def found(path: Path) -> list[Sample]:
    """The scenes of a path: a picture, a folder of one scene, or a folder of those."""
    if path.is_file():
        return [Sample(path.stem, read_image(path), None, source=path)]
    if (path / "gt.npy").exists():
        image = path / "image.png"
        return [Sample(path.name, read_image(image), from_disparity(np.load(path / "gt.npy")), source=image)]
    if (path / "disp0.pfm").exists():
        return list(Middlebury2014(path))
    return [sample for inner in sorted(path.iterdir()) if inner.is_dir() for sample in found(inner)]


def from_disparity(disparity: np.ndarray) -> Float32[np.ndarray, "height width"]:
    """Depth with median 5, inside the range in which measures count; NaN where disparity is unknown."""
    known = np.isfinite(disparity) & (disparity > 0)
    shifted = np.where(known, disparity, np.nan).astype(np.float32)
    return 5 * np.nanmedian(shifted) / shifted


def onnx_network(path: Path) -> Callable[[object], np.ndarray]:
    """A function from RGB in [0, 1] to the network's first output."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise SystemExit("This benchmark runs an ONNX network: pip install onnxruntime") from error
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images.cpu().numpy()})[0]


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("network", type=Path, help="ONNX file: RGB in [0, 1] in, depth out")
    made.add_argument("inputs", type=Path, nargs="+", help="folders, or pictures, see above")
    made.add_argument("--plan", default="auto")
    made.add_argument("--processing", type=int, nargs=2, default=(224, 288), metavar=("HEIGHT", "WIDTH"))
    made.add_argument("--multiple", type=int, default=32, help="sides of its input are multiples of this")
    return made


if __name__ == "__main__":
    main()
