"""Tensors set aside in a temporary file between the pipeline's two passes, so that memory does not grow with tiles."""

import tempfile
from types import TracebackType

import torch
from jaxtyping import Float
from torch import Tensor


class TileStore:
    """A write-once list on disk; plain file reads and writes, since mapped pages would count as memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="patchwrap-")  # noqa: SIM115 (closed by __exit__)
        self._entries: list[tuple[int, torch.Size, torch.dtype]] = []

    def __enter__(self) -> "TileStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, values: Float[Tensor, "..."]) -> None:
        """Set one tensor aside in its own precision (bfloat16 as float32)."""
        array = (values.float() if values.dtype == torch.bfloat16 else values).cpu().contiguous().numpy()
        self._entries.append((self._file.seek(0, 2), torch.Size(array.shape), torch.from_numpy(array[:0]).dtype))
        self._file.write(array.data)

    def __getitem__(self, index: int) -> Float[Tensor, "..."]:
        offset, shape, dtype = self._entries[index]
        empty = torch.empty(shape, dtype=dtype)
        self._file.seek(offset)
        self._file.readinto(empty.numpy().data)
        return empty

    def __len__(self) -> int:
        return len(self._entries)
