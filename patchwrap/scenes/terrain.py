"""Height fields and scattered rocks; never plants anything."""

import numpy as np
from jaxtyping import Float

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number, Values
from patchwrap.scenes.scene import Builder


class Terrain:
    """Rolling hills as a sum of waves, with mountains far away.

    Args:
        rng: source of the waves.
        relief: height of the hills in metres.
        mountains: height of the far range in metres.

    Attributes:
        shore: height of the water's surface; minus infinity where there is none.
    """

    def __init__(self, rng: np.random.Generator, relief: Number, mountains: Number) -> None:
        lengths = np.geomspace(9, 420, 14)
        angles = rng.uniform(0, 2 * np.pi, 14)
        self._waves = np.stack([np.cos(angles), np.sin(angles)]) * 2 * np.pi / lengths
        self._phases = rng.uniform(0, 2 * np.pi, 14)
        self._heights = relief * (lengths / 420) ** 1.05
        self._mountains = mountains
        self.shore = -np.inf
        self._ridges = rng.uniform(0, 2 * np.pi, 6)

    def height(self, points: Float[np.ndarray, "count 2"]) -> Float[np.ndarray, "count"]:
        """Ground height in metres at points."""
        points = np.asarray(points, float)
        radius, angle = np.linalg.norm(points, axis=1), np.arctan2(points[:, 1], points[:, 0])
        hills = np.sin(points @ self._waves + self._phases) @ self._heights
        crest = sum(
            np.sin(angle * k + p) / k for k, p in zip((3, 5, 8, 13, 21, 34), self._ridges, strict=True)
        )
        far = np.clip((radius - 350) / 900, 0, 1) ** 2 * self._mountains
        rough = 1 + 0.22 * np.sin(radius * 0.021 + 3 * angle) + 0.1 * np.sin(radius * 0.06 + 11 * angle)
        return hills * np.clip(radius / 60 + 0.25, 0, 1) + far * np.clip(0.55 + crest, 0.05, 2) * rough

    def build(self, b: Builder, colour: Values, around: Values = (0.0, 0.0)) -> None:
        """A polar sheet, finest near ``around``."""
        radius = np.concatenate([[0.0], np.geomspace(0.6, 1600, 72)])
        angle = np.linspace(0, 2 * np.pi, 145)
        x = np.asarray(around)[0] + radius[:, None] * np.cos(angle)
        y = np.asarray(around)[1] + radius[:, None] * np.sin(angle)
        z = self.height(np.stack([x.ravel(), y.ravel()], axis=-1)).reshape(x.shape)
        b.add(shapes.surface(np.stack([x, y, z], axis=-1)), Material.GRASS, np.eye(4), colour)

    def strip(
        self,
        b: Builder,
        line: np.ndarray,
        width: Number,
        material: Material,
        colour: Values,
        lift: Number = 0.06,
    ) -> None:
        """A path along ``(count, 2)`` points, laid on the ground."""
        along = np.gradient(line, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        across = np.stack([-along[:, 1], along[:, 0]], axis=-1)
        offsets = np.linspace(-0.5, 0.5, 7) * width
        flat = line[:, None] + across[:, None] * offsets[None, :, None]
        z = (
            self.height(flat.reshape(-1, 2)).reshape(flat.shape[:2])
            + lift
            - 0.1 * (np.abs(offsets) > 0.45 * width)
        )
        b.add(shapes.surface(np.concatenate([flat, z[..., None]], axis=-1)), material, np.eye(4), colour)


def rock_mesh(rng: np.random.Generator) -> shapes.Mesh:
    """A lumpy ball of radius about 1."""
    ball = shapes.sphere(10, 14)
    points = ball.positions.astype(float)
    bumps = np.zeros(len(points))
    for scale in (1.5, 2.5, 4.0, 7.0):
        bumps = bumps + np.sin(points @ rng.normal(0, scale, 3) + rng.uniform(0, 6)) / scale
    points = points * (1 + 0.28 * bumps[:, None])
    grid = points.reshape(11, 15, 3)
    grid[:, -1] = grid[:, 0]
    normals = np.cross(np.gradient(grid, axis=1), np.gradient(grid, axis=0)).reshape(-1, 3)
    normals *= np.sign((normals * points).sum(axis=1, keepdims=True))
    return shapes.make(points, normals + points * 0.05, ball.triangles)


@family("rock")
def rocks(b: Builder, rng: np.random.Generator, at: Float[np.ndarray, "count 3"], sizes: Values) -> None:
    """Half-buried rocks."""
    sizes = np.broadcast_to(sizes, len(at))
    scales = sizes[:, None] * rng.uniform(0.6, 1.2, (len(at), 3)) * [1, 1, 0.75]
    matrices = placement.placed(at, scales, rng.uniform(0, 6.3, len(at)))
    colours = palette.vary(rng, palette.pick(rng, palette.STONES), len(at))
    b.add(rock_mesh(rng), Material.STONE, matrices, colours)
