"""Colour tables and painting: numbers in, sRGB out, whatever the numbers mean."""

import difflib

import cmap
import numpy as np
from jaxtyping import Bool, Shaped, UInt8
from numpy import ndarray

from patchwrap.errors import OptionError
from patchwrap.types import Picture

TABLE_SIZE = 1024
_PERCENTILES = (1, 99)


def color_table(name: str) -> UInt8[ndarray, "1024 3"]:
    """Return a colour map's table from far to near, near being the warm end.

    Colour maps disagree about which end is warm (Spectral starts red, turbo ends red), so the table is
    turned until near is the redder end, or the brighter one where neither is. A name that ends in
    ``_r`` asks for the opposite.

    Args:
        name: any name that the ``cmap`` package knows, such as Spectral, turbo, inferno or gray.

    Returns:
        sRGB, ``(1024, 3)``; the last row is the nearest.

    Raises:
        OptionError: if there is no colour map of that name, or ``name`` is not a word.
    """
    if not isinstance(name, str):
        raise OptionError(f"a colour map is given by its name, such as 'Spectral', not {name!r}")
    plain = name.removesuffix("_r")
    try:
        table = cmap.Colormap(plain).lut(TABLE_SIZE)[:, :3]
    except (ValueError, TypeError) as error:
        raise OptionError(_unknown(name)) from error
    warmth = table[:, 0] - table[:, 2] + 1e-3 * table.sum(axis=1)
    if (warmth[0] > warmth[-1]) != name.endswith("_r"):
        table = table[::-1]
    return np.rint(table * 255).astype(np.uint8)


def paint(
    values: Shaped[ndarray, "height width"],
    valid: Bool[ndarray, "height width"],
    limits: tuple[float, float],
    table: UInt8[ndarray, "entries 3"],
) -> Picture:
    """Look every value up in a colour table.

    Args:
        values: what is painted, ``(height, width)``.
        valid: where it is; invalid pixels become black.
        limits: the values of the first and the last colour; beyond them colours stay.
        table: sRGB, ``(entries, 3)``.

    Returns:
        sRGB, ``(height, width, 3)``.
    """
    low, high = limits
    share = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    index = np.clip(np.nan_to_num(share, posinf=1.0, neginf=0.0), 0, 1) * (len(table) - 1)
    return np.where(valid[..., None], table[np.rint(index).astype(np.int32)], np.uint8(0))


def color_limits(nearness: Shaped[ndarray, "..."]) -> tuple[float, float]:
    """The 1st and 99th percentile of the finite values, where colours begin and end; zeros if there are none."""
    known = nearness[np.isfinite(nearness)]
    if not known.size:
        return 0.0, 0.0
    low, high = np.percentile(known, _PERCENTILES)
    return float(low), float(high)


def _unknown(name: str) -> str:
    short = sorted({key.rpartition(":")[2] for key in cmap.Catalog().unique_keys()})
    close = difflib.get_close_matches(name, short, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"no colour map named {name!r}.{hint} Try Spectral, turbo, inferno, viridis or gray."
