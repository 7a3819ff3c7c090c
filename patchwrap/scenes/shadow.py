"""The matrix of the light that casts shadows; never renders."""

import numpy as np
from jaxtyping import Float

from patchwrap.scenes.light import Lighting

LAMP_FIELD = np.radians(150.0)


def light_matrix(lighting: Lighting) -> Float[np.ndarray, "4 4"]:
    """World to clip coordinates of the sun (orthographic) or of a lamp that looks down (perspective)."""
    return lamp_matrix(lighting) if lighting.lamp is not None else sun_matrix(lighting)


def sun_matrix(lighting: Lighting) -> Float[np.ndarray, "4 4"]:
    """An orthographic box around the shadowed region, deep enough for tall things outside it."""
    forward = -np.asarray(lighting.direction)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(right, forward), forward])
    reach, deep = lighting.reach, 4 * lighting.reach
    matrix = np.eye(4)
    matrix[:3, :3] = axes / np.array([[reach], [reach], [deep]])
    matrix[:3, 3] = -matrix[:3, :3] @ np.asarray(lighting.centre)
    return matrix


def lamp_matrix(lighting: Lighting) -> Float[np.ndarray, "4 4"]:
    """A wide perspective view straight down."""
    near, far, scale = 0.06, 60.0, 1 / np.tan(LAMP_FIELD / 2)
    view = np.eye(4)
    view[:3, :3] = [[1, 0, 0], [0, 1, 0], [0, 0, -1]]
    view[:3, 3] = -view[:3, :3] @ np.asarray(lighting.lamp)
    clip = np.zeros((4, 4))
    clip[0, 0] = clip[1, 1] = scale
    clip[2, 2:] = (far + near) / (far - near), -2 * far * near / (far - near)
    clip[3, 2] = 1
    return clip @ view
