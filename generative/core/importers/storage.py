"""Tensors as the PyTorch files hold them: a nested stream of small pickles, then raw little-endian numbers.

Only header pickles are interpreted, by the same inert machine, and the numbers are read with NumPy. torch.load is not
used: its `weights_only` mode has been broken twice (CVE-2025-32434, CVE-2026-24747).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np

from generative.core.importers.machine import Machine, Name, Refused, Tensor, checked_sizes, describe

MAGIC, STREAM_VERSION = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {
    "FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "BFloat16Storage": "bf16",
    "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "<b1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Storage:
    """A flat run of numbers."""

    values: np.ndarray


@dataclass(frozen=True, slots=True)
class _Announced:
    key: str
    dtype: str
    count: int


def _announce(identity) -> _Announced:
    """The persistent id ('storage', kind, key, device, count, view): one whole storage, not a view of another."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise Refused(f"a persistent id {describe(identity)}")
    kind, key, count = identity[1], identity[2], identity[4]
    if not isinstance(kind, Name) or not isinstance(key, str) or (len(identity) == 6 and identity[5] is not None):
        raise Refused("a storage that is a view or has no kind")
    (count,) = checked_sizes((count,), "length")
    return _Announced(key, STORAGES[kind.name], count)


def read_storage(raw) -> Storage:
    """Parse what `torch.storage._load_from_bytes` would be given: exactly one storage, exactly its bytes."""
    if not isinstance(raw, bytes):
        raise Refused(f"a tensor storage made from {describe(raw)}")
    stream = io.BytesIO(raw)
    if Machine({}).run(stream) != MAGIC or Machine({}).run(stream) != STREAM_VERSION:
        raise Refused("a tensor storage of another format")
    system = Machine({}).run(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Refused("a tensor storage that is not little-endian")
    names = {("torch", name): _refuse_call for name in STORAGES}
    announced = Machine(names, persistent=_announce).run(stream)
    if not isinstance(announced, _Announced) or Machine({}).run(stream) != [announced.key]:
        raise Refused("a tensor storage with other content than its one key")
    body = raw[stream.tell() :]
    itemsize = 2 if announced.dtype == "bf16" else np.dtype(announced.dtype).itemsize
    if len(body) != 8 + announced.count * itemsize or struct.unpack("<q", body[:8])[0] != announced.count:
        raise Refused(f"a tensor storage that announces {announced.count} numbers and holds {len(body) - 8} bytes")
    if announced.dtype == "bf16":
        wide = np.frombuffer(body, dtype="<u2", offset=8).astype(np.uint32) << 16
        return Storage(wide.view(np.float32))
    return Storage(np.frombuffer(body, dtype=announced.dtype, offset=8))


def _refuse_call(*_):
    raise Refused("a call of a torch storage")


def rebuild_tensor(storage, offset, size, stride, *_) -> Tensor:
    """A strided view of one storage, every element inside it, and no more elements than the storage has."""
    if not isinstance(storage, Storage):
        raise Refused(f"a tensor over {describe(storage)}")
    (offset,) = checked_sizes((offset,), "offset")
    size, stride = checked_sizes(size, "size"), checked_sizes(stride, "stride")
    if len(size) != len(stride):
        raise Refused("a tensor with an impossible stride")
    count, last = 1, offset
    for length, step in zip(size, stride, strict=True):
        count *= length
        last += (length - 1) * step
    if count and (last >= storage.values.size or count > storage.values.size):
        raise Refused(f"a tensor of size {size} and stride {stride} outside its {storage.values.size} numbers")
    if not count:
        return Tensor(np.zeros(size, storage.values.dtype))
    width = storage.values.itemsize
    view = np.lib.stride_tricks.as_strided(
        storage.values[offset:], shape=size, strides=[step * width for step in stride], writeable=False
    )
    return Tensor(view)


def rebuild_parameter(tensor, *_) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise Refused(f"a parameter made from {describe(tensor)}")
    return tensor
