"""Procedural scenes with exact depth, to train and test on without any data set.

Importing this package does not load OpenGL; opening a ``Renderer`` does.
"""

from patchwrap.intrinsics import Intrinsics
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.frame import Frame
from patchwrap.scenes.kinds import FAMILIES, KINDS, PLACES, TRAINING_KINDS, build_scene, drawn_kind, known_kinds
from patchwrap.scenes.renderer import Renderer
from patchwrap.scenes.scene import Scene

__all__ = [
    "FAMILIES",
    "KINDS",
    "PLACES",
    "TRAINING_KINDS",
    "Camera",
    "Frame",
    "Intrinsics",
    "Renderer",
    "Scene",
    "build_scene",
    "drawn_kind",
    "known_kinds",
]
