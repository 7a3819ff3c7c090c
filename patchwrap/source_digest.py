"""A digest of source files that changes when a module, or anything of patchwrap that it imports, is edited."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent
"""Folder of the package ``patchwrap``."""


def source_digest(*modules: str) -> str:
    """Digest the source of modules and of every patchwrap module that they import, directly or indirectly.

    Used as part of cache keys: results that were stored by other code are not reused. The modules are found by parsing
    import statements, so that none has to be listed by hand.

    Args:
        modules: full names, such as ``patchwrap.second_pass``.

    Returns:
        Twelve hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, source in sorted(_sources(modules).items()):
        digest.update(name.encode() + source)
    return digest.hexdigest()[:12]


def _sources(modules: tuple[str, ...]) -> dict[str, bytes]:
    """Sources by module name, imported modules included."""
    found: dict[str, bytes] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if path is not None and name not in found:
            found[name] = path.read_bytes()
            waiting += _imported(found[name])
    return found


def _file(module: str) -> Path | None:
    """The file of a module; None for a name that is not a module below ``patchwrap``.

    The package itself is left out: it only names what may be imported lazily.
    """
    package, *below = module.split(".")
    if package != ROOT.name or not below:
        return None
    place = ROOT.joinpath(*below)
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


def _imported(source: bytes) -> Iterator[str]:
    """Names that a source imports; those of functions and classes are among them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
