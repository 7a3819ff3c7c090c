"""The procedural materials by number; their look is in ``shaders/materials.glsl``."""

from enum import IntEnum

import numpy as np


class Material(IntEnum):
    """One shader program each, since llvmpipe runs both sides of every branch."""

    PAINT = 0
    PLASTER = 1
    BRICK = 2
    PLANKS = 3
    WOOD = 4
    BARK = 5
    ASPHALT = 6
    GRASS = 7
    FABRIC = 8
    TILES = 9
    METAL = 10
    ROOF = 11
    LEAF = 12
    GLASS = 13
    GLOW = 14
    CONCRETE = 15
    STONE = 16
    PICTURE = 17
    RUG = 18
    PAVING = 19
    RIBBED = 20
    CERAMIC = 21
    LABEL = 22
    FRUIT = 23
    WATER = 24
    FUR = 25
    PRINT = 26


def one_of(rng: np.random.Generator, *options: Material) -> Material:
    """One of several materials; name one twice to make it twice as likely."""
    return options[rng.integers(len(options))]
