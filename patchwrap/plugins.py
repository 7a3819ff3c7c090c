"""Find the installed plugins and their backends; imports backends lazily and survives broken ones.

Pluggy's own entry-point loop stops at the first plugin that cannot be imported, so this module has its own: a broken
plugin is recorded with its error and all others are loaded.
"""

import difflib
import importlib
import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Any, Literal

import pluggy

from patchwrap import hookspecs
from patchwrap.convention import DepthConvention
from patchwrap.errors import BackendNotFoundError, ConventionError, PluginError, named
from patchwrap.hookspecs import Checkpoint
from patchwrap.outputs import exists

ENTRY_POINT_GROUP = "patchwrap"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

_log = logging.getLogger("patchwrap")


@dataclass(frozen=True)
class BackendRecord:
    """What a plugin registered about one backend; the backend itself is not imported yet.

    Args:
        name: what users type after ``--backend``.
        target: ``"module:attribute"`` of the factory.
        convention: of the maps it predicts; None if that depends on the checkpoint.
        licence: SPDX identifier of code and weights.
        summary: one line for the listing.
        plugin: name of the plugin that registered it.
        distribution: installed distribution that the plugin belongs to; None if it was registered by hand.
        version: that distribution's version.
        checkpoints: published checkpoints that it loads by a short name.
    """

    name: str
    target: str
    convention: DepthConvention | None
    licence: str
    summary: str
    plugin: str
    distribution: str | None = None
    version: str | None = None
    checkpoints: tuple[Checkpoint, ...] = ()


@dataclass(frozen=True)
class PluginRecord:
    """One plugin as ``patchwrap plugins`` lists it.

    A broken plugin may still have backends: those that it registered correctly stay usable.
    """

    name: str
    state: Literal["loaded", "disabled", "broken"]
    target: str | None = None
    distribution: str | None = None
    version: str | None = None
    error: str | None = None
    backends: tuple[str, ...] = ()


class PluginManager(pluggy.PluginManager):
    """Pluggy's manager, with a record of every plugin and backend found.

    Args:
        strict: raise PluginError at the first error instead of recording it.
    """

    def __init__(self, strict: bool = False) -> None:
        super().__init__("patchwrap")
        self.add_hookspecs(hookspecs)
        self.strict = strict
        self.plugins: list[PluginRecord] = []
        self.backends: dict[str, BackendRecord] = {}
        self._warned = False

    def add_plugin(self, plugin: object, name: str) -> PluginRecord:
        """Register an already imported plugin by hand, without an entry point.

        Args:
            plugin: module or object with a ``@patchwrap.hookimpl`` function.
            name: its name in listings.

        Returns:
            Its record; ``error`` says what was wrong.
        """
        return self._load(PluginRecord(name, "loaded"), lambda: plugin)

    def add_entry_point(self, entry: metadata.EntryPoint) -> PluginRecord:
        """Import and register the plugin of an entry point, unless an environment variable disables it."""
        record = _record_of(entry)
        if not _is_enabled(entry.name):
            record = replace(record, state="disabled")
            self.plugins.append(record)
            return record
        return self._load(record, entry.load)

    def broken(self) -> dict[str, str]:
        """Name and error of every broken plugin."""
        return {record.name: record.error for record in self.plugins if record.error}

    def warn_of_broken(self) -> None:
        """Log one warning line per broken plugin; later calls do nothing."""
        if not self._warned:
            for name, error in self.broken().items():
                _log.warning("warning: plugin %r is broken: %s", name, error)
        self._warned = True

    def _load(self, record: PluginRecord, importer: Callable[[], object]) -> PluginRecord:
        faults: list[str] = []
        known = set(self.backends)
        # Plugins are third-party code: whatever one raises, even SystemExit, must not affect the others.
        try:
            self._check_free(record)
            plugin = importer()
            self.register(plugin, record.name)
            self._check_hooks()
            self._collect(record, plugin, faults)
        except (Exception, SystemExit) as error:
            faults.append(named(error))
            self._forget(record.name)
            if self.strict:
                raise PluginError(f"Plugin {record.name!r} is broken: {faults[-1]}") from error
        names = tuple(name for name in self.backends if name not in known)
        if faults:
            record = replace(record, state="broken", error="; ".join(faults))
        self.plugins.append(replace(record, backends=names))
        return self.plugins[-1]

    def _check_hooks(self) -> None:
        try:
            self.check_pending()
        except pluggy.PluginValidationError as error:
            known = hookspecs.patchwrap_register_backends.__name__
            raise PluginError(f"{error}; the hook's name is {known}") from error

    def _check_free(self, record: PluginRecord) -> None:
        if self.has_plugin(record.name):
            earlier = next(one for one in self.plugins if one.name == record.name)
            raise PluginError(
                f"plugin name {record.name!r} is taken: {_origin(earlier)} came before {_origin(record)}. Uninstall "
                "one of them"
            )

    def _forget(self, name: str) -> None:
        # A hook with a wrong name stays pending and would be reported as an error of the next plugin.
        plugin = self.get_plugin(name)
        if plugin is not None and name not in {record.name for record in self.plugins}:
            self.unregister(plugin)

    def _collect(self, owner: PluginRecord, plugin: object, faults: list[str]) -> None:
        """Call this plugin's hook alone, so that an error in another plugin does not lose its backends."""
        callers = self.get_hookcallers(plugin) or []
        if not callers:
            raise PluginError("it implements no patchwrap hook; put @patchwrap.hookimpl on its function")

        def register(
            name: str,
            target: str,
            *,
            convention: str | None,
            licence: str,
            summary: str,
            checkpoints: object = (),
        ) -> None:
            try:
                record = _checked(name, target, convention, licence, summary, owner)
                self._add_backend(replace(record, checkpoints=_checked_checkpoints(name, checkpoints)))
            except PluginError as error:
                if self.strict:
                    raise
                faults.append(str(error))

        others = [other for other in self.get_plugins() if other is not plugin]
        self.subset_hook_caller("patchwrap_register_backends", others)(register=register)

    def _add_backend(self, record: BackendRecord) -> None:
        earlier = self.backends.get(record.name)
        if earlier is not None and earlier.plugin == record.plugin:
            raise PluginError(f"backend name {record.name!r} is registered twice by this plugin; give one another name")
        if earlier is not None:
            raise PluginError(
                f"backend name {record.name!r} is taken: plugin {earlier.plugin!r} ({_origin(earlier)}) came "
                f"before plugin {record.plugin!r} ({_origin(record)}). Uninstall one or set PATCHWRAP_DISABLE"
            )
        self.backends[record.name] = record


def create_plugin_manager(load_external: bool = True) -> PluginManager:
    """Make a fresh manager; ``get_plugin_manager`` is the shared one.

    ``PATCHWRAP_PLUGINS=a,b`` loads only those plugins (none if empty), ``PATCHWRAP_DISABLE=a`` all but those, and
    ``PATCHWRAP_STRICT_PLUGINS=1`` raises at the first broken one.

    Args:
        load_external: load installed plugins; False returns an empty manager, for tests.

    Raises:
        PluginError: in strict mode, when a plugin is broken.
    """
    manager = PluginManager(strict=os.environ.get("PATCHWRAP_STRICT_PLUGINS", "") not in ("", "0"))
    if not load_external:
        return manager
    for entry in _entry_points():
        manager.add_entry_point(entry)
    _record_absentees(manager)
    return manager


@cache
def get_plugin_manager() -> PluginManager:
    """Return the manager that the whole process shares, made at first use."""
    return create_plugin_manager()


def registered_backends() -> dict[str, BackendRecord]:
    """Return every usable backend by name, sorted; imports none of them."""
    return dict(sorted(get_plugin_manager().backends.items()))


def find_backend(name: str) -> BackendRecord:
    """Return a backend's record; logs broken plugins once.

    Args:
        name: as registered, without ``=CHECKPOINT``.

    Raises:
        BackendNotFoundError: if no plugin registers that name.
    """
    manager = get_plugin_manager()
    manager.warn_of_broken()
    if name in manager.backends:
        return manager.backends[name]
    raise BackendNotFoundError(_not_found(name, manager))


def resolve(name: str) -> Callable[..., Any]:
    """Import a backend's factory.

    Args:
        name: as registered, without ``=CHECKPOINT``.

    Returns:
        The registered target, to be called as ``factory(checkpoint, **options)``.

    Raises:
        BackendNotFoundError: if no plugin registers that name.
        PluginError: if the target cannot be imported or is not callable.
    """
    record = find_backend(name)
    module, _, path = record.target.partition(":")
    try:
        factory: Any = importlib.import_module(module)
        for attribute in path.split("."):
            factory = getattr(factory, attribute)
    except (Exception, SystemExit) as error:
        raise PluginError(_not_importable(record, named(error))) from error
    if not callable(factory):
        raise PluginError(_not_importable(record, f"a {type(factory).__name__} is not callable"))
    return factory


def not_loadable(name: str, error: BaseException) -> str:
    """The message for a registered backend whose factory failed: which plugin, why and what to do.

    Args:
        name: as registered.
        error: what its factory raised.
    """
    record, cause = find_backend(name), named(error).rstrip(".")
    return (
        f"Backend {name!r} of plugin {record.plugin!r} ({_origin(record)}) cannot be loaded: {cause}. "
        "Check the checkpoint and what that distribution needs, or tell its author."
    )


def _entry_points() -> list[metadata.EntryPoint]:
    """The installed plugins, each once."""
    once: dict[tuple[str, str], metadata.EntryPoint] = {}
    # Sorted, since otherwise the order of sys.path would decide which of two plugins of one name is loaded.
    for entry in sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=_sort_key):
        same = entry.name, entry.value
        if same not in once or _is_leftover(once[same]):
            once[same] = entry
    return list(once.values())


def _is_leftover(entry: metadata.EntryPoint) -> bool:
    """Whether its distribution was replaced: an interrupted pip leaves a renamed copy of the metadata behind."""
    try:
        return entry.dist is not None and metadata.version(entry.dist.name) != entry.dist.version
    except (metadata.PackageNotFoundError, ValueError):  # ValueError: its metadata has no name
        return True


def _record_of(entry: metadata.EntryPoint) -> PluginRecord:
    name, version = (entry.dist.name, entry.dist.version) if entry.dist else (None, None)
    return PluginRecord(entry.name, "loaded", entry.value, name, version)


def _sort_key(entry: metadata.EntryPoint) -> tuple[str, str, str]:
    return entry.name, (entry.dist and entry.dist.name) or "", entry.value


def _listed(variable: str) -> list[str] | None:
    text = os.environ.get(variable)
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _is_enabled(name: str) -> bool:
    wanted = _listed("PATCHWRAP_PLUGINS")
    return (wanted is None or name in wanted) and name not in (_listed("PATCHWRAP_DISABLE") or [])


def _record_absentees(manager: PluginManager) -> None:
    found = {record.name for record in manager.plugins}
    for name in _listed("PATCHWRAP_PLUGINS") or []:
        if name not in found:
            fault = "PATCHWRAP_PLUGINS names it, but no installed distribution has a plugin of that name"
            if manager.strict:
                raise PluginError(f"Plugin {name!r} is broken: {fault}")
            manager.plugins.append(PluginRecord(name, "broken", error=fault))


def _checked(
    name: str, target: str, convention: str | None, licence: str, summary: str, owner: PluginRecord
) -> BackendRecord:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"backend name {name!r} is not made of letters, digits, '.', '_' and '-' alone")
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        raise PluginError(f"target {target!r} of backend {name!r} is not of the form 'module:attribute'")
    _check_lines(name, licence=licence, summary=summary, **({} if convention is None else {"convention": convention}))
    return BackendRecord(
        name,
        target,
        None if convention is None else _parsed(convention, f"backend {name!r}"),
        licence,
        summary,
        owner.name,
        owner.distribution,
        owner.version,
    )


def _checked_checkpoints(backend: str, checkpoints: object) -> tuple[Checkpoint, ...]:
    if not isinstance(checkpoints, Sequence):
        raise PluginError(f"checkpoints of backend {backend!r} is {checkpoints!r}; expected a list of Checkpoint")
    for checkpoint in checkpoints:
        if not isinstance(checkpoint, Checkpoint):
            raise PluginError(f"checkpoint {checkpoint!r} of backend {backend!r} is not a patchwrap.Checkpoint")
        _check_lines(backend, **vars(checkpoint))
        if not _NAME.fullmatch(checkpoint.name):
            raise PluginError(f"checkpoint name {checkpoint.name!r} of backend {backend!r} is not a short name")
        _parsed(checkpoint.convention, f"checkpoint {checkpoint.name!r} of backend {backend!r}")
    names = [checkpoint.name for checkpoint in checkpoints]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise PluginError(f"backend {backend!r} has several checkpoints named {repeated[0]!r}; expected one")
    return tuple(checkpoints)


def _parsed(convention: str, owner: str) -> DepthConvention:
    try:
        return DepthConvention.parse(convention)
    except ConventionError as error:
        raise PluginError(f"convention of {owner}: {error}") from error


def _check_lines(backend: str, **texts: object) -> None:
    for word, text in texts.items():
        if not isinstance(text, str) or not text.strip() or "\n" in text:
            raise PluginError(f"{word} {text!r} of backend {backend!r} is not one line of text")


def _origin(record: BackendRecord | PluginRecord) -> str:
    return f"{record.distribution} {record.version}" if record.distribution else "registered by hand"


def _not_found(name: str, manager: PluginManager) -> str:
    faulty = ", ".join(manager.broken())
    broken = f" Broken plugins: {faulty} (see patchwrap plugins)." if faulty else ""
    installed = ", ".join(sorted(manager.backends)) or "none"
    return f"No backend named {name!r}. {_advice(name, manager)} Installed: {installed}.{broken}"


def _advice(name: str, manager: PluginManager) -> str:
    """What was probably meant: a backend, a checkpoint's short name or place, or what is not installed."""
    if "/" in name or ":" in name or exists(name):
        return "A checkpoint is given as NAME=CHECKPOINT, such as transformers=FOLDER."
    backends = manager.backends.values()
    meant = {one.name: f"{backend.name}={one.name}" for backend in backends for one in backend.checkpoints}
    meant |= {backend: backend for backend in manager.backends}
    if close := difflib.get_close_matches(name, meant, n=1):
        return f"Did you mean {meant[close[0]]!r}?"
    # No pip command is built from the name: a typo would then suggest installing an unknown package.
    return "Install its distribution; the README's backend table names them."


def _not_importable(record: BackendRecord, cause: str) -> str:
    return (
        f"Backend {record.name!r} of plugin {record.plugin!r} ({_origin(record)}) cannot be imported from "
        f"{record.target!r}: {cause}. Reinstall that distribution with its requirements, or tell its author."
    )
