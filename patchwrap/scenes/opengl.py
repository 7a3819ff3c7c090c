"""Imports that must precede OpenGL; otherwise the process may crash."""

from contextlib import suppress


def before_opengl() -> None:
    """Import triton, if it is installed, before an OpenGL context is opened.

    torch imports triton late and for some models only. Both triton and Mesa's software renderer contain LLVM, and a
    process that loads Mesa's first crashes with a segmentation fault when it imports triton.
    """
    with suppress(Exception):  # if triton is broken, torch reports it where it needs it
        import triton  # noqa: F401
