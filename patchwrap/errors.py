"""Every error patchwrap raises on purpose, one tree, each leaf also a builtin.

    PatchwrapError
    ├── ImageError (ValueError)              an input picture cannot be used
    ├── ConventionError (ValueError)         the meaning of depth values does not fit
    ├── TilingError (ValueError)             a plan cannot be cut as asked
    ├── OptionError (ValueError)             an option has an impossible value
    ├── BackendNotFoundError (LookupError)   no backend of that name is installed
    ├── BackendContractError (TypeError)     a backend broke its promise
    ├── PluginError (RuntimeError)           a plugin could not be loaded
    ├── CheckpointError (ValueError)         network weights cannot be loaded
    ├── OutputError (OSError)                a result cannot be written
    ├── ExportError (RuntimeError)           a network cannot be written as ONNX
    ├── TrainingError (RuntimeError)         a training cannot go on
    ├── MissingExtraError (ImportError)      an optional dependency cannot be imported
    └── ScenesUnavailableError (RuntimeError) the scene renderer has no OpenGL

A message says what was given, what is needed, whose fault it is and what to do.
"""


class PatchwrapError(Exception):
    """Root of all errors that patchwrap raises on purpose."""


class ImageError(PatchwrapError, ValueError):
    """When an input picture is missing, broken or of an unusable shape."""


class ConventionError(PatchwrapError, ValueError):
    """When a depth convention is unknown or two conventions cannot be fused."""


class TilingError(PatchwrapError, ValueError):
    """When a tile plan is unknown or cannot be cut from an image."""


class OptionError(PatchwrapError, ValueError):
    """When an option's value is outside what it may be."""


class BackendNotFoundError(PatchwrapError, LookupError):
    """When no installed plugin registers the backend asked for."""


class BackendContractError(PatchwrapError, TypeError):
    """When a backend returns or declares something its contract forbids."""


class PluginError(PatchwrapError, RuntimeError):
    """When a plugin cannot be imported or registers something impossible."""


class CheckpointError(PatchwrapError, ValueError):
    """When a checkpoint is missing, damaged or of another network."""


class OutputError(PatchwrapError, OSError):
    """When a result cannot be written where it was asked for."""


class ExportError(PatchwrapError, RuntimeError):
    """When a network cannot be written as ONNX, or what was written would differ from it."""


class TrainingError(PatchwrapError, RuntimeError):
    """When a training cannot go on."""


class MissingExtraError(PatchwrapError, ImportError):
    """When what is asked for needs an extra that is not installed, or not whole."""


class ScenesUnavailableError(PatchwrapError, RuntimeError):
    """When the scene renderer finds no OpenGL to draw with."""


_MEMORY_WORDS = ("out of memory", "allocate memory", "not enough memory", "alloc_failed", "bad_alloc", "bad allocation")


def one_line(error: BaseException, limit: int | None = None) -> str:
    """Return an error's message as one line, or the name of its class if it has no message.

    Args:
        error: any error.
        limit: cut the message to this many characters.
    """
    return " ".join(str(error).split())[:limit] or type(error).__name__


def named(error: BaseException) -> str:
    """Return the name of an error's class and its message, if it has one, as one line."""
    name, message = type(error).__name__, one_line(error)
    return name if message == name else f"{name}: {message}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on any device; torch and onnxruntime have several ways to say so."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS)
