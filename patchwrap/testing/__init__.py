"""For tests of backends: ``check_backend`` checks the contract, ``PaintedBackend`` is a fake whose depth is known."""

from patchwrap.testing.contract import check_backend
from patchwrap.testing.painted import PaintedBackend, bare_view, painted_photo

__all__ = ["PaintedBackend", "bare_view", "check_backend", "painted_photo"]
