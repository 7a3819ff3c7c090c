"""What is in a place, and how to put it there; numpy only, never draws."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import placement
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.light import Atmosphere, Lighting
from patchwrap.scenes.materials import Material
from patchwrap.scenes.mesh import Mesh
from patchwrap.scenes.placement import Number, Values


@dataclass(frozen=True, eq=False)
class Part:
    """Copies of one mesh in one material.

    Attributes:
        transforms: the first three rows of each copy's local-to-world matrix.
        tints: linear red, green, blue and a number in [0, 1) that varies the texture.
    """

    mesh: Mesh
    material: Material
    transforms: Float32[np.ndarray, "count 3 4"]
    tints: Float32[np.ndarray, "count 4"]

    def spheres(self) -> tuple[Float[np.ndarray, "count 3"], Float[np.ndarray, "count"]]:
        """Centres and radii of balls that contain the copies."""
        low, high = self.mesh.bounds
        linear = self.transforms[:, :, :3].astype(float)
        centres = linear @ ((low + high) / 2) + self.transforms[:, :, 3]
        return centres, np.linalg.norm(linear * ((high - low) / 2), axis=(1, 2))


@dataclass(frozen=True, eq=False)
class Scene:
    """A place with its camera and its light.

    Attributes:
        families: names of the kinds of objects in it, see ``families.family``.
    """

    seed: int
    kind: str
    parts: tuple[Part, ...]
    camera: Camera
    lighting: Lighting
    atmosphere: Atmosphere
    families: frozenset[str] = frozenset()


@dataclass
class Builder:
    """Collects copies of meshes; ``at`` gives a builder that works in a moved and turned frame."""

    matrix: Float[np.ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    heap: dict = field(default_factory=dict)
    families: set[str] = field(default_factory=set)

    def at(self, position: Values, yaw: Number = 0.0, scale: Number = 1.0) -> "Builder":
        """A builder whose origin and heading are these, writing to the same heap."""
        return Builder(self.matrix @ placement.placed([position], scale, yaw)[0], self.heap, self.families)

    def tilted(self, matrix: Float[np.ndarray, "4 4"]) -> "Builder":
        """A builder in any affine frame."""
        return Builder(self.matrix @ matrix, self.heap, self.families)

    def copies(self) -> int:
        """How often anything was added."""
        return sum(len(entry[2]) for entry in self.heap.values())

    def add(self, mesh: Mesh, material: Material, matrices: Values, colours: Values) -> None:
        """Add copies of a mesh.

        Args:
            mesh: what is copied.
            material: of all copies.
            matrices: ``(count, 4, 4)`` from the mesh to this builder's frame.
            colours: linear, ``(3,)`` or ``(count, 3)``.
        """
        matrices = np.asarray(matrices, float).reshape(-1, 4, 4)
        if len(matrices):
            colours = np.broadcast_to(np.asarray(colours, float), (len(matrices), 3))
            entry = self.heap.setdefault((id(mesh), material), (mesh, material, [], []))
            entry[2].append(self.matrix @ matrices)
            entry[3].append(colours)

    def boxes(
        self, centres: Values, sizes: Values, material: Material, colours: Values, yaw: Values = 0.0
    ) -> None:
        """Add boxes.

        Args:
            centres: ``(count, 3)`` metres in this builder's frame.
            sizes: ``(3,)`` or ``(count, 3)``, along x, y and z in metres.
            material: of all boxes.
            colours: linear RGB, ``(3,)`` or ``(count, 3)``.
            yaw: turn about the vertical in radians, one number or ``(count,)``.
        """
        centres = np.atleast_2d(np.asarray(centres, float))
        sizes = np.broadcast_to(np.asarray(sizes, float), centres.shape)
        self.add(shapes.box(), material, placement.placed(centres, sizes, yaw), colours)

    def beams(
        self,
        starts: Values,
        ends: Values,
        width: Values,
        material: Material,
        colours: Values,
        depth: Values | None = None,
    ) -> None:
        """Add bars of rectangular cross section, each from one point to another.

        Args:
            starts: ``(count, 3)`` metres, or ``(3,)`` for all bars.
            ends: likewise.
            width: of the cross section in metres, one number or ``(count,)``.
            material: of all bars.
            colours: linear RGB, ``(3,)`` or ``(count, 3)``.
            depth: other side of the cross section in metres; None for a square one.
        """
        matrices = placement.spanning(starts, ends, width, depth)
        matrices[:, :3, 3] += 0.5 * matrices[:, :3, 2]
        self.add(shapes.box(), material, matrices, colours)

    def rods(
        self,
        starts: Values,
        ends: Values,
        radius: Values,
        material: Material,
        colours: Values,
        sides: int = 6,
        top: Number = 1.0,
    ) -> None:
        """Add round bars without caps, each from one point to another.

        Args:
            starts: ``(count, 3)`` metres, or ``(3,)`` for all bars.
            ends: likewise.
            radius: at the start in metres, one number or ``(count,)``.
            material: of all bars.
            colours: linear RGB, ``(3,)`` or ``(count, 3)``.
            sides: of the polygon that approximates the circle.
            top: radius at the end over that at the start.
        """
        matrices = placement.spanning(starts, ends, radius)
        self.add(shapes.pipe(sides, top), material, matrices, colours)

    def cylinders(
        self,
        bases: Values,
        radii: Values,
        heights: Values,
        material: Material,
        colours: Values,
        sides: int = 14,
        top: Number = 1.0,
    ) -> None:
        """Add upright cylinders with caps.

        Args:
            bases: ``(count, 3)`` centres of their lower ends in metres.
            radii: at the lower end in metres, one number or ``(count,)``.
            heights: in metres, one number or ``(count,)``.
            material: of all cylinders.
            colours: linear RGB, ``(3,)`` or ``(count, 3)``.
            sides: of the polygon that approximates the circle.
            top: radius of the upper end over that of the lower.
        """
        bases = np.atleast_2d(np.asarray(bases, float))
        radii, heights = np.broadcast_to(radii, len(bases)), np.broadcast_to(heights, len(bases))
        scales = np.stack([radii, radii, heights], axis=-1)
        self.add(shapes.cylinder(sides, top), material, placement.placed(bases, scales), colours)

    def balls(self, centres: Values, radii: Values, material: Material, colours: Values) -> None:
        """Add spheres, or ellipsoids where radii are ``(count, 3)``; centres and radii in metres."""
        centres = np.atleast_2d(np.asarray(centres, float))
        radii = np.asarray(radii, float)
        radii = np.broadcast_to(
            radii[:, None] if radii.ndim == 1 and len(radii) != 3 else radii, centres.shape
        )
        self.add(shapes.sphere(), material, placement.placed(centres, radii), colours)

    def tube(
        self, points: Values, radius: Values, material: Material, colours: Values, sides: int = 6
    ) -> None:
        """Add a round bar along ``(points, 3)`` metres."""
        points = np.asarray(points, float)
        self.rods(points[:-1], points[1:], radius, material, colours, sides)

    def hoop(
        self,
        centre: Values,
        radius: Number,
        thick: Number,
        axis: int,
        material: Material,
        colours: Values,
        sides: int = 24,
    ) -> None:
        """Add a ring of round wire.

        Args:
            centre: ``(3,)`` metres.
            radius: of the ring in metres.
            thick: radius of the wire in metres.
            axis: that the ring goes around: 0 for x, 1 for y, 2 for z.
            material: of the ring.
            colours: linear RGB, ``(3,)`` or one for each side.
            sides: straight pieces of the ring.
        """
        angle = np.linspace(0, 2 * np.pi, sides + 1)
        ring = np.insert(np.stack([np.cos(angle), np.sin(angle)], axis=-1) * radius, axis, 0.0, axis=1)
        self.tube(np.asarray(centre, float) + ring, thick, material, colours, 5)

    def turned(
        self, profile: Values, material: Material, colour: Values, sides: int = 18, at: Values = (0.0, 0.0, 0.0)
    ) -> None:
        """Add a solid of revolution about a vertical.

        Args:
            profile: ``(points, 2)`` radius and height above ``at`` in metres, along the surface.
            material: of the solid.
            colour: linear RGB, ``(3,)``.
            sides: of the polygon that approximates each circle.
            at: ``(3,)`` metres, where the vertical starts.
        """
        self.add(shapes.lathe(profile, sides), material, placement.placed([at]), colour)

    def parts(self) -> tuple[Part, ...]:
        """Everything collected, with a texture number for each copy."""
        parts: list[Part] = []
        for mesh, material, matrices, colours in self.heap.values():
            transforms = np.concatenate(matrices)[:, :3].astype("f4")
            number = np.mod(np.arange(1, len(transforms) + 1) * 0.6180339887 + 0.137 * len(parts), 1.0)
            tints = np.column_stack([np.concatenate(colours), number]).astype("f4")
            parts.append(Part(mesh, material, transforms, tints))
        return tuple(parts)
