"""Held-out pictures with exact depth: scenes from fixed seeds that no network is trained on, cached on disk."""

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from patchwrap import scenes
from patchwrap.datasets.lazy_sample import LazySample
from patchwrap.datasets.pairs import Pairs
from patchwrap.errors import OptionError
from patchwrap.io import replacing, write_npy
from patchwrap.scenes import PLACES, Renderer, build_scene, known_kinds
from patchwrap.size import parse_size
from patchwrap.spec import Progress
from patchwrap.tiling import Size

FIRST_SEED = 9_000_000
COUNT = 12
SIZE = (1080, 1920)
_SPEC = re.compile(r"generated(:(?P<count>[1-9]\d*))?(@(?P<size>\d+x\d+))?(:(?P<kinds>[a-z]+(\+[a-z]+)*))?")


@dataclass(frozen=True)
class Spec:
    """A request for generated scenes.

    Args:
        count: number of scenes.
        size: ``(height, width)`` in pixels.
        kinds: of the scenes, in turn; empty for ``PLACES``.
    """

    count: int = COUNT
    size: Size = SIZE
    kinds: tuple[str, ...] = ()

    def __str__(self) -> str:
        kinds = ":" + "+".join(self.kinds) if self.kinds else ""
        return f"generated:{self.count}@{self.size[1]}x{self.size[0]}{kinds}"


def parse_spec(text: str, most: int | None = None) -> Spec | None:
    """Read ``generated``, ``generated:24@3840x2160`` or ``generated:24@3840x2160:playground+workshop``.

    Args:
        text: of a command line.
        most: largest number of scenes, and their number where the text has none.

    Returns:
        The request; None for text that does not begin with ``generated``.

    Raises:
        OptionError: if the text begins so but is malformed, or names an unknown kind.
    """
    match = _SPEC.fullmatch(text)
    if match:
        size = parse_size(match["size"]) if match["size"] else SIZE
        count = min((int(number) for number in (match["count"], most) if number), default=COUNT)
        return Spec(count, size, known_kinds(match["kinds"].split("+")) if match["kinds"] else ())
    if text.startswith(("generated:", "generated@")):
        raise OptionError(
            f"data {text!r} is not known. Write generated:COUNT@WIDTHxHEIGHT, as in generated:24@3840x2160, "
            "or generated:COUNT@WIDTHxHEIGHT:KIND+KIND."
        )
    return None


def cache_folder() -> Path:
    """Folder of the held-out scenes in this platform's cache."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "patchwrap" / "heldout"


def generated_samples(
    count: int, size: Size, cache: Path, progress: Progress, first: int = 0, kinds: Sequence[str] = ()
) -> list[LazySample]:
    """Return held-out scenes; those that are missing in the cache are rendered.

    Args:
        count: number of scenes.
        size: ``(height, width)`` in pixels.
        cache: folder in which each version of the generator has a folder of its own.
        progress: called after each scene that had to be rendered.
        first: number of the first scene.
        kinds: of the scenes, in turn; ``PLACES`` if empty.

    Raises:
        ScenesUnavailableError: if scenes are missing and there is no OpenGL.
    """
    folder = cache / f"{size[1]}x{size[0]}-{generator_digest()}"
    kinds = kinds or PLACES
    jobs = [(FIRST_SEED + number, kinds[number % len(kinds)]) for number in range(first, first + count)]
    missing = [job for job in jobs if not _depth(folder, *job).exists()]
    for done, _ in enumerate(_rendered(folder, missing, size), start=count - len(missing) + 1):
        progress(done, count)
    return Pairs(folder).only(_depth(folder, *job).stem for job in jobs).lazy_samples


def generator_digest() -> str:
    """Digest of the generator's sources, since other code may draw other scenes."""
    digest = hashlib.sha256()
    root = Path(scenes.__file__).parent
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".glsl", ".frag", ".vert"):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:10]


def _depth(folder: Path, seed: int, kind: str) -> Path:
    return folder / f"{seed}_{kind}.npy"


def _rendered(folder: Path, missing: Sequence[tuple[int, str]], size: Size) -> Iterator[Path]:
    if not missing:
        return
    with Renderer() as renderer:
        for seed, kind in missing:
            frame, depth = renderer.render(build_scene(seed, kind), size), _depth(folder, seed, kind)
            with replacing(depth.with_suffix(".jpg")) as stream:
                Image.fromarray(frame.image).save(stream, "JPEG", quality=95, subsampling=0)
            # Depth is written last, so that a pair is complete once its depth exists.
            write_npy(depth, frame.depth)
            yield depth
