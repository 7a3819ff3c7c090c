"""Builds the shader programs from ``shaders/*.glsl``, each when it is first needed; never draws."""

from importlib.resources import files
from typing import Any

from patchwrap.scenes.materials import Material

GLOSSY = {
    Material.PAINT: 0.12,
    Material.PLANKS: 0.35,
    Material.WOOD: 0.2,
    Material.TILES: 0.5,
    Material.METAL: 0.7,
    Material.GLASS: 1.0,
    Material.CERAMIC: 0.6,
    Material.LABEL: 0.6,
    Material.FRUIT: 0.35,
    Material.RIBBED: 0.25,
    Material.WATER: 1.0,
}


def source(name: str) -> str:
    """The text of a shader file."""
    return (files("patchwrap.scenes") / "shaders" / name).read_text(encoding="utf-8")


class Programs:
    """The programs of one GL context."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._built: dict = {}

    def depth(self) -> Any:
        """Writes z in metres."""
        return self._build("depth", ("mesh.vert",), ("depth.frag",))

    def silhouette(self) -> Any:
        """Writes nothing but the depth buffer."""
        return self._build("silhouette", ("mesh.vert",), ("empty.frag",))

    def sky(self) -> Any:
        """Fills the screen with sky."""
        return self._build("sky", ("screen.vert",), ("noise.glsl", "sky.glsl", "sky.frag"))

    def screen(self, name: str) -> Any:
        """A full-screen pass: ``occlusion``, ``smooth`` or ``develop``."""
        return self._build(name, ("screen.vert",), (f"{name}.frag",))

    def shading(self, material: Material) -> Any:
        """Colours one material."""
        defines: dict[str, float] = {"SHADED": 1, "MATERIAL": int(material)}
        defines.update({m.name: int(m) for m in Material})
        if material in GLOSSY:
            defines |= {"GLOSSY": 1, "MIRROR": GLOSSY[material]}
        pixel = ("noise.glsl", "sky.glsl", "materials.glsl", "shade.frag")
        return self._build(material, ("mesh.vert",), pixel, defines)

    def _build(
        self, key: Any, vertex: tuple[str, ...], pixel: tuple[str, ...], defines: dict | None = None
    ) -> Any:
        if key not in self._built:
            head = "#version 330\n" + "".join(f"#define {k} {v}\n" for k, v in (defines or {}).items())
            self._built[key] = self._context.program(
                vertex_shader=head + "".join(map(source, vertex)),
                fragment_shader=head + "".join(map(source, pixel)),
            )
        return self._built[key]


def assign(program: Any, **values: Any) -> None:
    """Set the uniforms that the compiler kept."""
    for name, value in values.items():
        if name in program:
            program[name].value = value
