"""What must be loaded before OpenGL is, lest the process crash."""

from contextlib import suppress


def before_opengl() -> None:
    """Import triton, if there is one, before a scene is rendered.

    torch imports it late, for some models only, and brings an LLVM of its own. Mesa's software renderer has another
    one; a process that loads Mesa's first dies of a segmentation fault when triton follows.
    """
    with suppress(Exception):  # triton is of no use to us: whatever is wrong with it, torch will tell
        import triton  # noqa: F401
