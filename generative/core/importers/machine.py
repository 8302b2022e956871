"""A pickle machine that builds nothing but plain containers, numbers, text and arrays.

Python's own unpickler makes objects, calls what a file names and writes attributes. This one interprets the opcodes
itself: a global is only a name out of ALLOWED, a call is one of the few functions below, an attribute write exists
for the three inert records that need one (array, dtype, TensorFlow network) and is refused everywhere else. Whatever
else a file asks for is refused with the name of what was found.
"""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass, field

import numpy as np

from generative.core.errors import plain

MAX_OPCODES, MAX_CALLS = 2_000_000, 50_000  # published files have some ten thousand and some thousand
MAX_INTEGER_BYTES = 64
MAX_MEMO = 1 << 32  # beyond it, numbers could be chosen whose hashes are all the same
WORK_PER_BYTE, WORK_FREE = 3, 1 << 20  # what all calls of a file may go through: each byte a few times, whatever is called again
DTYPES = {f"{kind}{size}" for kind in "fiu" for size in (1, 2, 4, 8)} - {"f1"} | {"b1"}
KEYS = (str, bytes, int, type(None))
SIZED = (str, bytes, bytearray, tuple, list, dict, set)


class Refused(ValueError):
    """The file holds something that no published network needs; the message names it."""

    def __init__(self, found: str):
        super().__init__(plain(found))


@dataclass(frozen=True, slots=True)
class Name:
    """A global that the file mentions: two words, nothing imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Module:
    """A pickled PyTorch network part: its class name and its state; the source text it carries is dropped."""

    class_name: str
    state: dict


@dataclass(slots=True)
class TfNetwork:
    """A pickled TensorFlow network; its state arrives by the one BUILD it may receive."""

    state: dict | None = None


@dataclass(slots=True)
class Dtype:
    code: str


@dataclass(slots=True)
class Array:
    """A NumPy array announced by `_reconstruct` and filled by BUILD."""

    value: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    value: np.ndarray


@dataclass(frozen=True, slots=True)
class _Mark:
    pass


@dataclass(slots=True)
class Machine:
    """One run over one pickle. `allowed` maps names to functions of plain arguments; see `call` and `build`.

    A call costs what its arguments hold. Since a file can have the same thing called again by four bytes, all calls together may
    go through so much only as the file is long.
    """

    allowed: dict
    persistent: object = None
    stack: list = field(default_factory=list)
    memo: dict = field(default_factory=dict)
    protocol: int = 0
    work_left: int = 0
    calls: int = 0

    def run(self, stream: io.BytesIO):
        """Interpret one pickle and return what it leaves; damage and anything outside the list raise Refused."""
        count = 0
        self.work_left = WORK_FREE + WORK_PER_BYTE * stream.getbuffer().nbytes
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                count += 1
                if count > MAX_OPCODES:
                    raise Refused(f"more than {MAX_OPCODES} pickle operations")
                if opcode.name == "STOP":
                    return self._pop()
                self._step(opcode.name, argument)
        except (IndexError, KeyError, TypeError, ValueError, OverflowError, UnicodeError, AttributeError) as error:
            if isinstance(error, Refused):
                raise
            raise Refused(f"a damaged pickle ({type(error).__name__} after {count} operations)") from error
        raise Refused("a pickle without an end")

    def _step(self, name: str, argument) -> None:
        if name in _LITERALS:
            if isinstance(argument, int) and argument.bit_length() > 8 * MAX_INTEGER_BYTES:
                raise Refused(f"an integer of {argument.bit_length()} bits")
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif handler := _HANDLERS.get(name):
            handler(self, argument)
        else:
            raise Refused(f"the pickle operation {name}")

    def _pop(self):
        value = self.stack.pop()
        if isinstance(value, _Mark):
            raise Refused("a damaged pickle (misplaced mark)")
        return value

    def _pop_to_mark(self) -> list:
        items = []
        while not isinstance(value := self.stack.pop(), _Mark):
            items.append(value)
        return items[::-1]

    def _top(self, kind: type, verb: str):
        if not isinstance(self.stack[-1], kind):
            raise Refused(f"{verb} on {describe(self.stack[-1])}")
        return self.stack[-1]

    def _append(self, items: list) -> None:
        self._top(list, "an append").extend(items)

    def _set_items(self, items: list) -> None:
        target = self._top(dict, "an item write")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[checked_key(key)] = value

    def _add_items(self, items: list) -> None:
        self._top(set, "a set write").update(checked_key(item) for item in items)

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)][::-1]
        self.stack.append(tuple(items))

    def _global(self, module: str, name: str) -> None:
        if self.protocol < 3 and module == "__builtin__":  # how Python 3 spells builtins in the old protocols
            module = "builtins"
        if not isinstance(module, str) or not isinstance(name, str) or (module, name) not in self.allowed:
            raise Refused(f"the name {str(module)[:80]}.{str(name)[:80]}")
        self.stack.append(Name(module, name))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(module, name)

    def _call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Name):
            raise Refused(f"a call of {describe(function)}")
        if not isinstance(arguments, tuple):
            raise Refused(f"a call of {function} with {describe(arguments)}")
        self.work_left -= sum(len(part) for part in arguments if isinstance(part, SIZED))
        self.calls += 1
        if self.work_left < 0 or self.calls > MAX_CALLS:
            raise Refused(f"calls that go through the same things again and again, the last of {function}")
        self.stack.append(self.allowed[function.module, function.name](*arguments))

    def _build(self) -> None:
        state, target = self._pop(), self.stack[-1]
        if isinstance(target, TfNetwork) and target.state is None and isinstance(state, dict):
            target.state = state
        elif isinstance(target, Dtype):
            fill_dtype(target, state)
        elif isinstance(target, Array) and target.value is None:
            fill_array(target, state)
        else:
            raise Refused(f"an attribute write on {describe(target)}")

    def _persistent_id(self) -> None:
        identity = self._pop()
        if self.persistent is None:
            raise Refused(f"a persistent id {describe(identity)}")
        self.stack.append(self.persistent(identity))

    def _set_protocol(self, number: int) -> None:
        if not 0 <= number <= 5:
            raise Refused(f"pickle protocol {number}")
        self.protocol = number

    def _dict(self) -> None:
        items = self._pop_to_mark()
        self.stack.append({checked_key(k): v for k, v in zip(items[::2], items[1::2], strict=True)})

    def _save(self, index: int) -> None:
        if not 0 <= index < MAX_MEMO:
            raise Refused(f"a memo number of {index.bit_length()} bits")
        self.memo[index] = self.stack[-1]


_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_SET": set,
    "EMPTY_TUPLE": tuple,
    "MARK": _Mark,
}
_HANDLERS = {
    "PROTO": Machine._set_protocol,
    "FRAME": lambda m, _: None,
    "APPEND": lambda m, _: m._append([m._pop()]),
    "APPENDS": lambda m, _: m._append(m._pop_to_mark()),
    "SETITEM": lambda m, _: m._set_items([m._pop(), m._pop()][::-1]),
    "SETITEMS": lambda m, _: m._set_items(m._pop_to_mark()),
    "ADDITEMS": lambda m, _: m._add_items(m._pop_to_mark()),
    "TUPLE": lambda m, _: m.stack.append(tuple(m._pop_to_mark())),
    "TUPLE1": lambda m, _: m._tuple(1),
    "TUPLE2": lambda m, _: m._tuple(2),
    "TUPLE3": lambda m, _: m._tuple(3),
    "LIST": lambda m, _: m.stack.append(m._pop_to_mark()),
    "DICT": lambda m, _: m._dict(),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m._pop_to_mark(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "GLOBAL": lambda m, argument: m._global(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m._stack_global(),
    "REDUCE": lambda m, _: m._call(),
    "NEWOBJ": lambda m, _: m._call(),
    "BUILD": lambda m, _: m._build(),
    "PERSID": lambda m, argument: (m.stack.append(argument), m._persistent_id()),
    "BINPERSID": lambda m, _: m._persistent_id(),
    "MEMOIZE": lambda m, _: m._save(len(m.memo)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), Machine._save),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, index: m.stack.append(m.memo[index])),
}


def describe(value) -> str:
    """A short safe phrase for a message: never a deep repr."""
    if isinstance(value, Name):
        return f"the name {value}"
    if isinstance(value, str | bytes | int | float):
        return repr(value)[:80]
    return f"a {type(value).__name__}"


def checked_key(key):
    """Dictionary keys and set members are text and small numbers: hashing nested tuples can take for ever, and so can large numbers
    that were chosen for their hashes."""
    if not isinstance(key, KEYS) or (isinstance(key, int) and abs(key) >= MAX_MEMO):
        raise Refused(f"{describe(key)} as a dictionary key")
    return key


def fill_dtype(target: Dtype, state) -> None:
    """Only the byte order may be set, and only to little-endian or none; structured types are refused."""
    plain = isinstance(state, tuple) and len(state) >= 5 and state[1] in ("<", "|", "=")
    if not plain or any(part is not None for part in state[2:5]):
        raise Refused("a dtype that is not little-endian and plain")


def fill_array(target: Array, state) -> None:
    """The tuple that ndarray.__reduce__ writes: version, shape, dtype, Fortran order, raw bytes."""
    if not (isinstance(state, tuple) and len(state) == 5):
        raise Refused("an array with an unknown state")
    _, shape, dtype, fortran, raw = state
    if not isinstance(dtype, Dtype) or not isinstance(raw, bytes):
        raise Refused("an array of objects")
    target.value = shaped(raw, dtype, shape, "F" if fortran is True else "C")


def shaped(raw: bytes, dtype: Dtype, shape, order: str = "C") -> np.ndarray:
    """Raw bytes as an array; the number of bytes must be exactly what the shape needs."""
    shape = checked_sizes(shape, "shape")
    itemsize = np.dtype(dtype.code).itemsize
    needed = itemsize
    for size in shape:
        needed *= size
    if needed != len(raw):
        raise Refused(f"an array of shape {shape} with {len(raw)} bytes instead of {needed}")
    return np.frombuffer(raw, dtype="<" + dtype.code).reshape(shape, order=order)


def checked_sizes(sizes, what: str) -> tuple[int, ...]:
    """A tuple of at most 8 non-negative integers below 2^40."""
    plain = isinstance(sizes, tuple) and len(sizes) <= 8 and all(type(s) is int and 0 <= s < 2**40 for s in sizes)
    if not plain:
        raise Refused(f"a tensor with an impossible {what}")
    return sizes


def make_dtype(code, *_) -> Dtype:
    if not isinstance(code, str) or code.lstrip("<|=") not in DTYPES:
        raise Refused(f"the dtype {describe(code)}")
    return Dtype(code.lstrip("<|="))


def make_scalar(dtype, raw=None):
    """numpy.core.multiarray.scalar(dtype, bytes) as a plain number."""
    if not isinstance(dtype, Dtype) or not isinstance(raw, bytes):
        raise Refused("a scalar that is not a number")
    return shaped(raw, dtype, ()).item()


def make_bytes(text, encoding) -> bytes:
    """_codecs.encode, as protocol 2 spells bytes: latin-1 only."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused(f"the encoding {describe(encoding)}")
    return text.encode("latin-1")


def make_mapping(*pairs) -> dict:
    """OrderedDict and EasyDict: a dict, empty or from a list of pairs."""
    items = pairs[0] if pairs else []
    if len(pairs) > 1 or not isinstance(items, list):
        raise Refused("a dictionary made from something else than pairs")
    return {checked_key(key): value for key, value in items}


def make_set(items=()) -> set:
    if not isinstance(items, list | tuple):
        raise Refused(f"a set made from {describe(items)}")
    return {checked_key(item) for item in items}


def make_module(meta) -> Module:
    """The official PyTorch record {type, version, module_src, class_name, state}; `module_src` is never looked at."""
    if not isinstance(meta, dict) or meta.get("type") != "class" or meta.get("version") != 6:
        raise Refused("a persistent object that is not a class of version 6")
    if not isinstance(meta.get("class_name"), str) or not isinstance(meta.get("state"), dict):
        raise Refused("a persistent object without class name and state")
    return Module(meta["class_name"], meta["state"])


def make_network() -> TfNetwork:
    return TfNetwork()


def make_array(kind, shape, code) -> Array:
    """numpy's _reconstruct(ndarray, (0,), b'b'): an empty array that BUILD fills."""
    if not (isinstance(kind, Name) and str(kind) == "numpy.ndarray" and shape == (0,) and code in (b"b", "b")):
        raise Refused(f"an array made from {describe(kind)}")
    return Array()


def make_array_from_buffer(raw, dtype, shape, order="C") -> Array:
    """numpy's _frombuffer(buffer, dtype, shape, order), as protocol 5 spells arrays."""
    if not isinstance(raw, bytes | bytearray) or not isinstance(dtype, Dtype) or order not in ("C", "F"):
        raise Refused("an array made from something else than bytes")
    return Array(shaped(bytes(raw), dtype, shape, order))


def refuse_call(*_):
    raise Refused("a call of numpy.ndarray")
