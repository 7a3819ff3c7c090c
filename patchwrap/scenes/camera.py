"""The pinhole camera of a scene and its intrinsics; never knows what is in front of it.

World axes: x right, y forward, z up, in metres. Camera axes follow the usual vision convention:
x right, y down, z forward.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from patchwrap.intrinsics import Intrinsics
from patchwrap.scenes.placement import Number

Window = tuple[Number, Number, Number, Number]
WHOLE: Window = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from.

    Attributes:
        position: world coordinates in metres.
        yaw: heading in radians, 0 looks along +y, positive turns left.
        pitch: radians above the horizon.
        roll: radians, positive turns the camera clockwise.
        fov: horizontal field of view of the *whole* image, in radians.
        near: nearest distance drawn, in metres.
    """

    position: tuple[Number, Number, Number]
    yaw: Number = 0.0
    pitch: Number = 0.0
    roll: Number = 0.0
    fov: Number = 1.0
    near: Number = 0.1
    far: Number = 4000.0

    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Rows are the camera's x (right), y (down) and z (forward) axes in world coordinates."""
        cy, sy, cp, sp = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        forward = np.array([-sy * cp, cy * cp, sp])
        right = np.array([cy, sy, 0.0])
        down = np.cross(forward, right)
        cr, sr = np.cos(self.roll), np.sin(self.roll)
        return np.stack([cr * right + sr * down, cr * down - sr * right, forward])

    def view(self) -> Float[np.ndarray, "4 4"]:
        """World to camera, homogeneous."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation()
        matrix[:3, 3] = -matrix[:3, :3] @ np.asarray(self.position)
        return matrix

    def intrinsics(self, size: tuple[int, int], window: Window = WHOLE) -> Intrinsics:
        """Pinhole parameters of a window rendered at ``size`` pixels.

        Args:
            size: ``(height, width)`` of the rendered pixels.
            window: ``(top, left, height, width)`` as fractions of the whole image.
        """
        top, left, part_height, part_width = window
        whole_height, whole_width = size[0] / part_height, size[1] / part_width
        focal = 0.5 * whole_width / np.tan(0.5 * self.fov)
        cx, cy = (0.5 - left) * whole_width, (0.5 - top) * whole_height
        return Intrinsics(float(focal), float(focal), float(cx), float(cy))

    def projection(self, size: tuple[int, int], window: Window = WHOLE) -> Float[np.ndarray, "4 4"]:
        """Camera coordinates to OpenGL clip coordinates, off-axis when the window is (image y down)."""
        k, (height, width) = self.intrinsics(size, window), size
        n, f = self.near, self.far
        return np.array(
            [
                [2 * k.fx / width, 0, 2 * k.cx / width - 1, 0],
                [0, 2 * k.fy / height, 2 * k.cy / height - 1, 0],
                [0, 0, (f + n) / (f - n), -2 * f * n / (f - n)],
                [0, 0, 1, 0],
            ]
        )
