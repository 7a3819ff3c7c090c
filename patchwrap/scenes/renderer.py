"""Draws scenes with OpenGL (EGL; llvmpipe where there is no GPU); knows nothing of what a scene shows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from patchwrap.errors import OptionError, ScenesUnavailableError
from patchwrap.scenes.bands import Band, margin, occlusion_stride
from patchwrap.scenes.camera import WHOLE, Window
from patchwrap.scenes.culling import visible
from patchwrap.scenes.frame import Frame
from patchwrap.scenes.materials import Material
from patchwrap.scenes.mesh import Mesh
from patchwrap.scenes.opengl import before_opengl
from patchwrap.scenes.placement import Number, Row
from patchwrap.scenes.programs import Programs, assign
from patchwrap.scenes.scene import Part, Scene
from patchwrap.scenes.shadow import LAMP_FIELD, light_matrix

SHADOW_SIZE = 1536
METER = 96


class Renderer:
    """Owns one GL context; a context manager, reusable for any number of scenes.

    Raises:
        ScenesUnavailableError: if moderngl or EGL is missing.
    """

    def __init__(self) -> None:
        self._context = open_context()
        # Collected objects wait for `gc`: Python may collect them while the context of another renderer is
        # current, where their numbers belong to other objects.
        self._context.gc_mode = "context_gc"
        self._programs = Programs(self._context)
        self._meshes: dict = {}
        self._scene: Scene | None = None
        self._shadow = self._context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self._shadow.compare_func = "<="
        self._shadow.repeat_x = self._shadow.repeat_y = False
        self._gains: dict = {}

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the context back."""
        self._meshes.clear()
        self._gains.clear()
        self._scene = None
        self._context.release()

    def render(
        self, scene: Scene, size: tuple[int, int], *, window: Window = WHOLE, supersample: int = 2
    ) -> Frame:
        """Draw a scene, or a window of it.

        Args:
            scene: what to draw.
            size: ``(height, width)`` of the returned pixels.
            window: ``(top, left, height, width)`` as fractions of the whole image.
            supersample: colour samples along each side of a pixel; depth has one at the centre.

        Returns:
            Picture, depth in metres and intrinsics of the window.

        Raises:
            OptionError: if this machine's OpenGL draws no picture as wide.
        """
        with self._context:
            self._check_width(size[1], supersample)
            image, depth = self._draw_bands(scene, size, window, supersample)
        return Frame(image, depth, scene.camera.intrinsics(size, window), scene.seed, scene.kind)

    def _longest(self, supersample: int = 1) -> int:
        """Most pixels along a side of what is drawn at once."""
        return self._context.info["GL_MAX_TEXTURE_SIZE"] // supersample

    def _check_width(self, width: int, supersample: int) -> None:
        widest = self._longest(supersample)
        if width > widest:
            raise OptionError(f"scenes are drawn up to {widest} pixels wide here; {width} were asked for.")

    def _draw_bands(
        self, scene: Scene, size: tuple[int, int], window: Window, supersample: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Picture and depth, drawn in bands of rows so that memory stays bounded."""
        self._prepare(scene)
        gain = self._gain(scene, (size[1] / window[3]) / (size[0] / window[2]))
        image = np.empty((*size, 3), np.uint8)
        depth = np.empty(size, np.float32)
        for band in Band(0, size[0], size).parts(1, self._longest() - 2 * margin(size[1])):
            wide = band.widened()
            around = _Pass(self, scene, wide.shape, wide.window(window))
            depth[band.rows] = around.depth()[band.first - wide.first :][: band.shape[0]]
            light = around.ambient_light()
            for part in band.parts(supersample, self._longest(supersample)):
                pass_ = _Pass(self, scene, part.shape, part.window(window))
                image[part.rows] = pass_.developed(supersample, gain, light._replace(below=wide.last - part.last))
                self._context.gc()
        depth[depth <= 0] = np.inf
        return image, depth

    def _prepare(self, scene: Scene) -> None:
        """Draw the shadow map once for a scene."""
        if self._scene is scene:
            return
        self._scene, self._gains = scene, {}
        self._meshes.clear()
        matrix = light_matrix(scene.lighting)
        buffer = self._context.framebuffer(depth_attachment=self._shadow)
        buffer.use()
        buffer.clear(depth=1.0)
        self._context.enable_only(self._context.DEPTH_TEST)
        self._draw(visible(scene.parts, matrix), lambda _: self._programs.silhouette(), matrix)

    def _gain(self, scene: Scene, aspect: float) -> tuple[float, float, float]:
        """Exposure and white balance, metered on a thumbnail of the whole image so that windows agree."""
        key = round(aspect, 3)
        if key not in self._gains:
            size = (min(max(8, round(METER / aspect)), self._longest()), METER)
            pass_ = _Pass(self, scene, size, WHOLE, smallest=0.7 / METER)
            pass_.depth()
            self._gains[key] = exposure(pass_.linear(pass_.ambient_light()), scene)
        return self._gains[key]

    def _draw(
        self,
        parts: list[Part],
        program_of: Callable[[Material], Any],
        matrix: np.ndarray,
        depth_row: Row = (0, 0, 0, 0),
    ) -> None:
        """Draw instances; ``program_of`` maps a material to its program."""
        clip = tuple(matrix.T.ravel().tolist())
        for part in parts:
            program = program_of(part.material)
            assign(program, clip_from_world=clip, depth_row=tuple(float(v) for v in depth_row))
            self._array(part, program).render(instances=len(part.tints))

    def _array(self, part: Part, program: Any) -> Any:
        """A vertex array of a part for a program."""
        shaded = "in_tint" in program
        corners, indices = self._mesh(part.mesh)
        data = np.concatenate([part.transforms.reshape(-1, 12), part.tints], axis=1)
        copies = self._context.buffer(np.ascontiguousarray(data, "f4").tobytes())
        names = ("in_row0", "in_row1", "in_row2")
        if shaded:
            has_normal = "in_normal" in program
            local = ("3f 3f", "in_position", "in_normal") if has_normal else ("3f 12x", "in_position")
            content = [(corners, *local), (copies, "4f 4f 4f 4f/i", *names, "in_tint")]
        else:
            content = [(corners, "3f 12x", "in_position"), (copies, "4f 4f 4f 16x/i", *names)]
        return self._context.vertex_array(program, content, indices)

    def _mesh(self, mesh: Mesh) -> Any:
        """Vertex and index buffers of a mesh, kept while its scene is."""
        if id(mesh) not in self._meshes:
            corners = np.concatenate([mesh.positions, mesh.normals], axis=1)
            buffers = self._context.buffer(corners.tobytes()), self._context.buffer(mesh.triangles.tobytes())
            self._meshes[id(mesh)] = buffers
        return self._meshes[id(mesh)]


class _AmbientLight(NamedTuple):
    """How much of it reaches the pixels of a band, and of the rows around it.

    Attributes:
        texture: from 0 to 1, covering ``size`` pixels.
        below: how many of its rows lie below the band.
    """

    texture: Any
    size: tuple[int, int]
    below: int = 0

    def uniforms(self, factor: int) -> dict:
        """Where a sample of the band finds its light."""
        height, width = self.size
        return {
            "occlusion_scale": (1 / (width * factor), 1 / (height * factor)),
            "occlusion_below": float(self.below * factor),
        }


class _Pass:
    """One window of one scene at one size."""

    def __init__(
        self, owner: Renderer, scene: Scene, size: tuple[int, int], window: Window, smallest: Number = 0.0
    ) -> None:
        self._owner, self._scene, self._size, self._window = owner, scene, size, window
        self._context, self._programs = owner._context, owner._programs
        view = scene.camera.view()
        self._matrix = scene.camera.projection(size, window) @ view
        # OpenGL's y points up while the image's points down.
        self._matrix[1] *= -1
        self._row = view[2]
        self._parts = visible(scene.parts, self._matrix, smallest)
        self._depth: Any = None

    def depth(self) -> np.ndarray:
        """Z at pixel centres, 0 where nothing is."""
        height, width = self._size
        self._depth = self._context.texture((width, height), 1, dtype="f4")
        buffer = self._context.framebuffer([self._depth], self._context.depth_renderbuffer((width, height)))
        buffer.use()
        buffer.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)
        self._context.enable_only(self._context.DEPTH_TEST)
        self._owner._draw(self._parts, lambda _: self._programs.depth(), self._matrix, self._row)
        return _read(buffer, self._size, 1, "f4")[::-1, :, 0]

    def linear(self, light: _AmbientLight) -> np.ndarray:
        """Scene-referred colour without supersampling."""
        return _read(self._shaded(1, light), self._size, 3, "f4")[::-1]

    def developed(self, factor: int, gain: tuple[float, float, float], light: _AmbientLight) -> np.ndarray:
        """SRGB bytes."""
        height, width = self._size
        source = self._shaded(factor, light).color_attachments[0]
        buffer = self._context.framebuffer([self._context.texture((width, height), 4)])
        air, k = self._scene.atmosphere, self._scene.camera.intrinsics(self._size, self._window)
        self._fill(
            buffer, "develop", {"source": source}, factor=factor, gain=gain, contrast=air.contrast,
            vignette=air.vignette, pinhole=(k.fx, k.fy, k.cx, k.cy), height=float(height),
        )  # fmt: skip
        return _read(buffer, self._size, 3, "f1")[::-1]

    def _shaded(self, factor: int, light: _AmbientLight) -> Any:
        """A framebuffer with linear colour, ``factor`` samples along each side of a pixel."""
        height, width = self._size[0] * factor, self._size[1] * factor
        buffer = self._context.framebuffer(
            [self._context.texture((width, height), 4, dtype="f2")],
            self._context.depth_renderbuffer((width, height)),
        )
        buffer.use()
        buffer.clear(depth=1.0)
        light.texture.use(1)
        self._owner._shadow.use(0)
        values = self._uniforms(factor) | light.uniforms(factor)
        self._context.enable_only(self._context.DEPTH_TEST)
        self._context.depth_func = "<"
        self._owner._draw(self._parts, lambda _: self._programs.silhouette(), self._matrix)
        self._context.depth_func = "<="
        for material in sorted({part.material for part in self._parts}):
            program = self._programs.shading(material)
            assign(program, **values)
            chosen = [part for part in self._parts if part.material == material]
            self._owner._draw(chosen, self._programs.shading, self._matrix, self._row)
        self._sky()
        self._context.depth_func = "<"
        return buffer

    def _sky(self) -> None:
        """Fill the background, at the far end of the depth buffer: where something is, nothing is computed."""
        air, camera = self._scene.atmosphere, self._scene.camera
        k = camera.intrinsics(self._size, self._window)
        right, down, forward = camera.rotation()
        corner = forward - right * k.cx / k.fx - down * k.cy / k.fy
        program = self._programs.sky()
        assign(
            program, **self._air(), clouds=air.clouds, cloud_seed=air.cloud_seed, corner=tuple(corner),
            across=tuple(right * self._size[1] / k.fx), down=tuple(down * self._size[0] / k.fy),
        )  # fmt: skip
        self._context.vertex_array(program, []).render(vertices=3)

    def _air(self) -> dict:
        air, light = self._scene.atmosphere, self._scene.lighting
        return {
            "zenith": air.zenith, "horizon": air.horizon, "sun_direction": light.direction,
            "sun_colour": light.key if light.lamp is None else (0.0, 0.0, 0.0),
        }  # fmt: skip

    def _uniforms(self, factor: int) -> dict:
        """What every shading program needs."""
        light, air, camera = self._scene.lighting, self._scene.atmosphere, self._scene.camera
        focal = camera.intrinsics(self._size, self._window).fx * factor
        lamps = list(light.lamps[:3])
        positions = [(*lamp.position, lamp.reach) for lamp in lamps] + [(0.0, 0.0, 0.0, 1.0)] * (
            3 - len(lamps)
        )
        colours = [lamp.colour for lamp in lamps] + [(0.0, 0.0, 0.0)] * (3 - len(lamps))
        sun = light.lamp is None
        texel = 2 * light.reach / SHADOW_SIZE if sun else 2 * np.tan(LAMP_FIELD / 2) / SHADOW_SIZE
        return self._air() | {
            "eye": camera.position, "pixel": 1.0 / focal, "above": light.above, "below": light.below,
            "haze": air.haze, "density": air.density, "snow": air.snow, "key_colour": light.key, "shadow": 0, "occlusion": 1,
            "key_position": (*light.direction, 0.0) if sun else (*light.lamp, 1.0),
            "shadow_from_world": tuple(light_matrix(light).T.ravel().tolist()), "shadow_texel": float(texel),
            "lamp_position": positions, "lamp_colour": colours,
        }  # fmt: skip

    def ambient_light(self) -> _AmbientLight:
        """Ambient light that reaches each pixel, smoothed, at a bounded size; call ``depth`` before."""
        height, width = self._size
        stride = occlusion_stride(width)
        size = (max(1, width // stride), max(1, height // stride))
        k = self._scene.camera.intrinsics(self._size, self._window)
        rough, smooth = self._context.texture(size, 1), self._context.texture(size, 1)
        rough.repeat_x = rough.repeat_y = smooth.repeat_x = smooth.repeat_y = False
        self._depth.filter = (self._context.NEAREST, self._context.NEAREST)
        self._fill(
            self._context.framebuffer([rough]), "occlusion", {"depth": self._depth}, stride=stride,
            pinhole=(k.fx, k.fy, k.cx, k.cy), radius=self._scene.lighting.contact,
        )  # fmt: skip
        target = self._context.framebuffer([smooth])
        self._fill(target, "smooth", {"source": rough, "depth": self._depth}, stride=stride)
        return _AmbientLight(smooth, self._size)

    def _fill(self, buffer: Any, name: str, textures: dict, **values: Any) -> None:
        """Run a full-screen program into a framebuffer."""
        program = self._programs.screen(name)
        buffer.use()
        for unit, (key, texture) in enumerate(textures.items(), start=2):
            texture.use(unit)
            values[key] = unit
        assign(program, **values)
        self._context.enable_only(self._context.NOTHING)
        self._context.vertex_array(program, []).render(vertices=3)


def open_context() -> Any:
    """A moderngl context without a window.

    Raises:
        ScenesUnavailableError: with what to install.
    """
    before_opengl()
    try:
        import moderngl

        return moderngl.create_context(standalone=True, backend="egl", require=330)  # type: ignore[arg-type]
    except Exception as error:
        raise ScenesUnavailableError(
            f"No OpenGL context for patchwrap.scenes ({error}). "
            'The scenes extra needs `pip install "patchwrap[scenes]"` and, on Debian or Ubuntu, '
            "`apt-get install libegl1 libgl1-mesa-dri libgles2`."
        ) from error


def exposure(linear: np.ndarray, scene: Scene) -> tuple[float, float, float]:
    """Gains that bring the log-average to middle grey and spare the highlights (Reinhard et al. 2002)."""
    luminance = linear.reshape(-1, 3).astype(float) @ [0.2126, 0.7152, 0.0722]
    average = np.exp(np.log(luminance + 1e-3).mean())
    bright = np.percentile(luminance, 95) + 1e-3
    gain = 2.0**scene.atmosphere.exposure * (0.22 / average) ** 0.75 * (1.1 / bright) ** 0.25
    red, green, blue = scene.atmosphere.balance
    return float(gain * red), float(gain * green), float(gain * blue)


def _read(buffer: Any, size: tuple[int, int], components: int, dtype: str) -> np.ndarray:
    """Pixels of a framebuffer, first row at the bottom."""
    data = buffer.read(components=components, dtype=dtype, alignment=1)
    kind = np.uint8 if dtype == "f1" else np.float32
    return np.frombuffer(data, kind).reshape(*size, components)
