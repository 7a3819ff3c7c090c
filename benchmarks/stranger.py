"""Does fusion help a network that somebody else made? Any ONNX depth network, wrapped in a few lines.

Reads folders with ``image.png`` and ``gt.npy`` (disparity, 0 is invalid) or with ``im0.png``,
``disp0.pfm`` and ``calib.txt`` (Middlebury 2014), or picture files without ground truth.
Depth is known up to a factor there: every map is scaled by the median ratio before it is measured.
"""

import argparse
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from rich.console import Console

import patchwrap
from patchwrap.bench.report import Report
from patchwrap.bench.runner import bench
from patchwrap.bench.sample import Sample
from patchwrap.bench.tables import headline
from report import RESULTS, Result, Table


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    network = onnx_network(options.network)
    backend = patchwrap.wrap_callable(network, "depth:scale", tuple(options.processing), options.multiple)
    samples = [sample for path in options.inputs for sample in found(path)]
    with Console(stderr=True).status("") as status:
        report = bench(
            {options.network.name: backend},
            samples,
            plans=[options.plan],
            out=options.results / "stranger",
            progress=lambda done, total, text: status.update(f"{done} of {total}: {text}"),
        )
    result = summarize(report)
    result.show()
    print(f"Written to {result.write(options.results)}, the whole report to {options.results / 'stranger'}")


def summarize(report: Report) -> Result:
    """The table and its JSON."""
    name = report.options["backends"][0]
    table = Table(f"{name} on {len(report.images)} real scenes", *headline(report, report.tables["own"]))
    shown = {"network": name, "plan": report.options["plans"][0]}
    return Result.now("stranger", shown, {"stranger": table}, {"records": report.records})


def found(path: Path) -> list[Sample]:
    """The scenes of a path: a picture, a folder of one scene, or a folder of those."""
    if path.is_file():
        return [Sample(path.stem, path)]
    if (path / "gt.npy").exists():
        depth = path / "gt.npy"
        return [Sample(path.name, path / "image.png", lambda: from_disparity(np.load(depth), 0.0), (depth,))]
    if (path / "disp0.pfm").exists():
        return [Sample(path.name, path / "im0.png", partial(middlebury, path), (path / "disp0.pfm",))]
    return [sample for inner in sorted(path.iterdir()) if inner.is_dir() for sample in found(inner)]


def middlebury(folder: Path) -> Float32[np.ndarray, "height width"]:
    """Depth of a Middlebury 2014 scene, up to a factor."""
    offset = float(re.search(r"doffs=(\S+)", (folder / "calib.txt").read_text())[1])
    return from_disparity(read_pfm(folder / "disp0.pfm"), offset)


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path, help="ONNX file: RGB in [0, 1] in, depth out")
    parser.add_argument("inputs", type=Path, nargs="+", help="folders, or pictures, see above")
    parser.add_argument("--plan", default="auto")
    parser.add_argument("--processing", type=int, nargs=2, default=(224, 288), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--multiple", type=int, default=32, help="sides of its input are multiples of this")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON and the report")
    return parser


if __name__ == "__main__":
    main()
