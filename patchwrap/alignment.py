"""Align tiles to the coarse map and to each other. All maps are in the fusion space.

Phase one fits scale, shift and a plane of each tile to the coarse map, robustly and at the coarse map's sampling. If
that fails it falls back to scale and shift, then to shift only, then to the coarse map. Phase two (``overlaps``) moves
all tiles jointly so that their overlaps agree.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from patchwrap.observation import Correction, Grid, Level, Observation, agreement
from patchwrap.overlaps import joint_steps
from patchwrap.robust import correlation, map_spread, median, robust_fit, robust_spread
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Map

TILT_PRIOR = 0.5
"""Prior standard deviation of a tile's tilt (rise from the centre to a side), in spreads of the coarse map."""
LOG_SCALE_PRIOR = 0.05
"""Prior standard deviation of the scale around 1 in log depth. Narrow, because regression of a noisy tile onto a
blurred map is biased towards a smaller scale, which would shrink the tile's detail."""
LOG_AGREEMENT = 0.3
"""Difference from the coarse map, in log depth, at which a tile's agreement is one half: 35 %. Not in spreads of the
coarse map: if that is too flat, correct tiles would count as disagreeing."""
AGREEMENT = 0.5
"""The same if scale is unknown, in spreads of the coarse map."""
LEAST_CORRELATION = 0.5
"""Least correlation of tile and coarse map at which a fit with a scale is accepted."""
LARGEST_SHIFT_RMS = 0.25
"""Largest deviation from the coarse map of a tile that is only shifted, in spreads of the coarse map."""
MOST_CELLS = 1500
"""About this many cells of a tile are used in a fit."""
EDGE = 0.1
"""Step of the coarse map between neighbours, in spreads, at which a cell's weight is halved."""


class Alignment:
    """Two-phase alignment of tiles to a coarse map and to each other.

    Args:
        coarse: the coarse map in the fusion space, finite, at its own sampling.
        canvas: ``(height, width)`` of the grid that the tiles were cut from.
        scale_known: whether tiles and coarse map share their scale (log depth); the fitted scale is then
            kept near 1.

    Example:
        >>> import torch
        >>> coarse = torch.linspace(0, 1, 32).expand(32, 32)
        >>> alignment = Alignment(coarse, (32, 32))
        >>> alignment.observe(Tile(0, 0, 32, 32), 3 + 2 * coarse)
        >>> round(alignment.solve()[0].scale, 3)
        0.5
    """

    def __init__(self, coarse: CoarseMap, canvas: Size, scale_known: bool = False) -> None:
        self.coarse = coarse.double().numpy()
        self.canvas = canvas
        self.scale_known = scale_known
        self.spread = max(map_spread(self.coarse), 1e-12)
        self._weights = _edge_weights(self.coarse, self.spread)
        self._seen: list[Observation] = []

    @property
    def half(self) -> float:
        """The difference from the coarse map at which a tile's agreement is one half."""
        return LOG_AGREEMENT if self.scale_known else AGREEMENT * self.spread

    def observe(self, tile: Tile, values: Map) -> None:
        """Fit one tile to the coarse map.

        Args:
            tile: its position on the canvas.
            values: its map in the fusion space, NaN where invalid.
        """
        seen = Observation.of(tile, values, self.canvas, (self.coarse.shape[0], self.coarse.shape[1]))
        if seen.usable and not self._flat(seen):
            seen.correction = self._fit(seen)
        self._seen.append(seen)

    def solve(self) -> list[Correction]:
        """Return every tile's correction, in the order of observation."""
        self._fall_back_to_shift()
        trusted = [seen for seen in self._seen if seen.correction.trust > 0]
        for seen, step in zip(trusted, joint_steps(trusted, self.coarse, self.spread)):
            c, (shift, tilt_v, tilt_u) = seen.correction, map(float, step)
            seen.correction = replace(c, shift=c.shift + shift, tilt_v=c.tilt_v + tilt_v, tilt_u=c.tilt_u + tilt_u)
            difference = seen.corrected() - self.coarse[seen.cells]
            seen.correction = replace(seen.correction, agreement=agreement(difference, self.half))
        return [seen.correction for seen in self._seen]

    @property
    def observations(self) -> list[Observation]:
        """The tiles at the coarse map's sampling, in the order of observation."""
        return self._seen

    def _flat(self, seen: Observation) -> bool:
        """Whether a tile of unknown scale is too constant to determine a scale."""
        values = seen.thumb[np.isfinite(seen.thumb)]
        return not self.scale_known and float(values.std()) < 1e-4 * max(float(np.abs(values).max()), 1e-12)

    def _fit(self, seen: Observation) -> Correction:
        for level in ("plane", "scale"):
            fit = self._fit_level(level, seen)
            if fit.trust > 0:
                return fit
        return seen.correction

    def _fit_level(self, level: Level, seen: Observation) -> Correction:
        weights = np.where(np.isfinite(seen.thumb), self._weights[seen.cells], 0.0).ravel()
        used = np.flatnonzero(weights)
        # Cells are highly correlated: a fit to about a thousand of them is as good, and several times faster.
        used = used[:: max(1, len(used) // MOST_CELLS)]
        x, target, weights = seen.thumb.ravel()[used], self.coarse[seen.cells].ravel()[used], weights[used]
        centre, unit, own = median(x), self._unit(self.spread), self._unit(map_spread(x))
        x, target = (x - centre) / own, target / unit
        one, v, u = seen.basis()[used].T
        design = np.stack([one, x, v, u][: 4 if level == "plane" else 2], axis=1)
        guess, deviation = self._prior(x, target)
        unknowns = design.shape[1]
        solution, weights = robust_fit(design, target, weights, guess[:unknowns], deviation[:unknowns])
        residual = design @ solution - target
        rms = unit * float(np.sqrt(weights @ residual**2 / weights.sum()))
        # Correlation without the tilt, which alone might explain the coarse map.
        likeness = correlation(x, solution[1] * x - residual, weights)
        shift, scale, tilt_v, tilt_u = map(float, unit * np.pad(solution, (0, 4 - len(solution))))
        trust = self._trust(rms) if self._credible(scale, likeness, rms) else 0.0
        return Correction(scale / own, shift - scale / own * centre, tilt_v, tilt_u, trust, level)

    def _unit(self, spread: float) -> float:
        """Unit of the fit: 1 if the scale is known, otherwise the spread, so that the result does not depend on it."""
        return 1.0 if self.scale_known else max(spread, 1e-12)

    def _prior(
        self, x: Float[ndarray, "cells"], target: Float[ndarray, "cells"]
    ) -> tuple[Float[ndarray, "4"], Float[ndarray, "4"]]:
        """Prior mean and standard deviation of shift, scale and the two tilts."""
        free, tilt = np.inf, TILT_PRIOR * self.spread / self._unit(self.spread)
        if self.scale_known:
            return np.array([median(target), 1.0, 0.0, 0.0]), np.array([free, LOG_SCALE_PRIOR, tilt, tilt])
        scale = map_spread(target) / max(map_spread(x), 1e-12)
        return np.array([median(target), scale, 0.0, 0.0]), np.array([free, free, tilt, tilt])

    def _credible(self, scale: float, likeness: float, rms: float) -> bool:
        # A tile of a flat wall is not correlated with the coarse map; if the scale is known, a small residual suffices.
        fits = self.scale_known and rms < 0.1 * self.spread
        return scale > 0.05 * self.scale_known and (likeness >= LEAST_CORRELATION or fits)

    def _trust(self, rms: float) -> float:
        return float(1 / (1 + (rms / (0.5 * self.spread)) ** 2))

    def _fall_back_to_shift(self) -> None:
        """Give a tile that failed the typical scale of the others and a shift, if that fits."""
        scales = [seen.correction.scale for seen in self._seen if seen.correction.trust > 0]
        if not scales and not self.scale_known:
            return
        typical = float(np.median(scales)) if scales else 1.0
        for seen in self._seen:
            if seen.correction.trust == 0 and seen.usable:
                seen.correction = self._shift_only(seen, typical)

    def _shift_only(self, seen: Observation, scale: float) -> Correction:
        difference = self.coarse[seen.cells] - scale * seen.thumb
        shift, rms = float(np.nanmedian(difference)), robust_spread(difference)
        if rms > LARGEST_SHIFT_RMS * self.spread:
            return seen.correction
        return Correction(scale, shift, trust=self._trust(rms), level="shift")


def _edge_weights(coarse: Grid, spread: float) -> Grid:
    """Weights that are low at the coarse map's edges, where tiles differ from it because it is blurred."""
    steps = np.zeros_like(coarse)
    for axis in (0, 1):
        jump = np.abs(np.diff(coarse, axis=axis))
        for side in ((0, 1), (1, 0)):
            pad = [(0, 0), (0, 0)]
            pad[axis] = side
            steps = np.maximum(steps, np.pad(jump, pad))
    return 1 / (1 + (steps / (EDGE * spread)) ** 2)
