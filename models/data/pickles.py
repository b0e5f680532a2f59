"""Arrays out of pickles, mapped from the file, without running what else a pickle may hold.

A pickle is a program: reading one with :mod:`pickle` may run any code. The field's data sets are
pickles nevertheless, of many gigabytes. This reader knows containers, numbers, text, and the few
functions by which NumPy arrays and torch tensors are put together; any other name is refused, and
nothing the file names is ever called. Large arrays are not read but mapped where they lie in the
file, so that a data set of 8 GB costs no memory.
"""

from __future__ import annotations

import codecs
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import RecordingError

MAPPED_BYTES = 65536  # from this size on pickle writes bytes outside its frames, in one piece
NUMPY_CORES = ("numpy.core", "numpy._core")  # before and since NumPy 2
SIMPLE_KINDS = "biufSUO"  # truth values, numbers, text, objects
STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "<?",
}
MALFORMED = (
    pickle.UnpicklingError,
    struct.error,
    EOFError,
    ValueError,  # a UnicodeDecodeError is one
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
)


class Span(NamedTuple):
    """Where bytes lie in a file: number of the first, and how many."""

    start: int
    length: int


class _Bounded:
    """A file of which no more is read than there is, whatever length it announces."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size
        self.readline = file.readline

    def read(self, length: int) -> bytes:
        """Return so many bytes."""
        left = self._size - self._file.tell()
        if length > left:
            raise EOFError(f"{length} bytes announced, {left} are left")
        return self._file.read(length)


class _Type:
    """A NumPy type, made from its name and byte order alone.

    NumPy would also take size and flags from the file, and believe one that says that addresses
    are numbers.
    """

    def __init__(self, name: str, *_: Any) -> None:
        self.value = np.dtype(name)
        if self.value.kind not in SIMPLE_KINDS:
            raise pickle.UnpicklingError(f"an array of type {name}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order."""
        self.value = self.value.newbyteorder(state[1])


class _Array:
    """A NumPy array that is still being put together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value: Any = None

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Type, bool, Any]) -> None:
        """Take shape, type, order and content, as ``ndarray.__reduce__`` gives them."""
        _, shape, kind, fortran, content = state
        if isinstance(content, list):
            filled = np.empty(len(content), object)
            filled[:] = content
            self.value = filled.reshape(shape, order="F" if fortran else "C")
        else:
            self.value = _array(self.path, content, kind.value, shape, "F" if fortran else "C")


def read_pickle(
    file: IO[bytes], path: Path, storages: Mapping[str, Span] | None = None, *, trusted: bool
) -> Any:
    """Return what the pickle at the present position of a file holds.

    Parameters
    ----------
    file : binary file
        Opened from ``path``, seekable.
    path : Path
        From which arrays are mapped.
    storages : mapping of str to Span, or None
        Where the numbers of torch tensors lie, by key.
    trusted : bool
        False admits tensors, containers and plain values; True also NumPy arrays.

    Returns
    -------
    object
        Containers and plain values; arrays are read-only.

    Raises
    ------
    RecordingError
        If the pickle names anything else, or is cut short or malformed.
    """
    reader = _Reader(file, path, storages or {}, trusted=trusted)
    try:
        return _finished(reader.load(), {})
    except MALFORMED as error:
        raise RecordingError(
            f"{path} is no pickle that can be read ({type(error).__name__}: {error}): "
            "fetch the file again"
        ) from error


class _Reader(pickle._Unpickler):  # the C one can't leave large bytes where they are
    """An unpickler that calls nothing the file names."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    # What the base class has without declaring it.
    stack: list[Any]
    read: Callable[[int], bytes]
    append: Callable[[Any], None]
    load_build: Callable[[], None]
    _unframer: Any

    def __init__(
        self, file: IO[bytes], path: Path, storages: Mapping[str, Span], *, trusted: bool
    ) -> None:
        self._size = path.stat().st_size
        super().__init__(_Bounded(file, self._size))
        self._file, self._path, self._storages = file, path, storages
        self._known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): dict,
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            **{("torch", name): _storage_type(name) for name in STORAGES},
        }
        if trusted:
            self._known |= {
                ("numpy", "dtype"): _Type,
                ("numpy", "ndarray"): _never_called,
                ("_codecs", "encode"): _latin1,
            }
            for core in NUMPY_CORES:
                self._known |= {
                    (f"{core}.multiarray", "_reconstruct"): lambda *_: _Array(path),
                    (f"{core}.multiarray", "scalar"): _scalar,
                    (f"{core}.numeric", "_frombuffer"): self._frombuffer,
                }

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Return our stand-in for a name, or refuse it."""
        known = self._known.get((module_name, global_name))
        if known is None:
            numpy = module_name.partition(".")[0] in ("numpy", "_codecs")
            raise RecordingError(
                f"{self._path} names {module_name}.{global_name}, but plain values, tensors "
                "and, with --trust-pickle, NumPy arrays alone are read: "
                + ("say --trust-pickle" if numpy else "save the arrays without it")
            )
        return known

    def persistent_load(self, pid: Any) -> Any:
        """Return a tensor's storage: an array over its numbers."""
        _, dtype, key, _, count = pid
        span = self._storages[key]
        return _array(self._path, span, np.dtype(dtype()), (count,), "C")

    def _tensor(
        self,
        storage: NDArray[Any],
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        *_: Any,
    ) -> NDArray[Any]:
        count = int(np.prod(shape, dtype=np.int64))
        steps = [int(np.prod(shape[axis:], dtype=np.int64)) for axis in range(1, len(shape) + 1)]
        if any(n > 1 and a != b for n, a, b in zip(shape, strides, steps, strict=True)):
            raise RecordingError(
                f"{self._path} holds a tensor of shape {tuple(shape)} whose numbers are not in "
                "order: save it with .contiguous()"
            )
        return storage[offset : offset + count].reshape(shape)

    def _frombuffer(
        self, content: Any, kind: _Type, shape: tuple[int, ...], order: str, *_: Any
    ) -> NDArray[Any]:
        return _array(self._path, content, kind.value, shape, order)

    def _load_bytes(self, size_format: str) -> None:
        """Push the bytes that follow, or, of many, where they lie."""
        (length,) = struct.unpack(size_format, self.read(struct.calcsize(size_format)))
        if length < MAPPED_BYTES or self._unframer.current_frame is not None:
            self.append(self.read(length))
            return
        span = Span(self._file.tell(), length)
        if span.start + length > self._size:
            raise EOFError(f"{length} bytes announced, {self._size - span.start} are left")
        self._file.seek(length, 1)
        self.append(span)

    def _load_state(self) -> None:
        """Give a state to what is put together here, and to nothing else."""
        if not isinstance(self.stack[-2], _Array | _Type):
            raise pickle.UnpicklingError(f"a state for a {type(self.stack[-2]).__name__}")
        self.load_build()

    dispatch[pickle.BUILD[0]] = _load_state
    dispatch[pickle.BINBYTES[0]] = lambda self: self._load_bytes("<I")
    dispatch[pickle.BINBYTES8[0]] = lambda self: self._load_bytes("<Q")
    dispatch[pickle.BYTEARRAY8[0]] = lambda self: self._load_bytes("<Q")


def _array(
    path: Path, content: Any, dtype: np.dtype[Any], shape: tuple[int, ...], order: str
) -> NDArray[Any]:
    """Return an array over bytes in memory or in the file."""
    if dtype.hasobject:  # its bytes would be taken for addresses
        raise ValueError("bytes that stand for objects")
    size = content.length if isinstance(content, Span) else len(content)
    if size != int(np.prod(shape, dtype=np.int64)) * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} and type {dtype} has {size} bytes")
    if size == 0:
        return np.empty(shape, dtype)
    if isinstance(content, Span):
        flat: NDArray[Any] = np.memmap(path, dtype, "r", content.start, (size // dtype.itemsize,))
    else:
        flat = np.frombuffer(bytes(content), dtype)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _scalar(kind: _Type, content: bytes) -> Any:
    return np.frombuffer(content, kind.value)[0]


def _latin1(text: str, encoding: str) -> bytes:
    """Return bytes as protocol 2 wrote them."""
    return codecs.encode(text, {"latin1": "latin1", "latin-1": "latin1"}[encoding])


def _storage_type(name: str) -> Callable[[], str]:
    return lambda: STORAGES[name]


def _never_called(*_: Any) -> Any:
    raise pickle.UnpicklingError("an array type is called like a function")


def _finished(value: Any, done: dict[int, tuple[Any, Any]]) -> Any:
    """Return the value with its arrays in place of what they were put together in.

    What a file has in several places is finished once: a hundred bytes can say 2 to the power of
    twenty places. ``done`` keeps what was finished too, so that no other gets its id.
    """
    if not isinstance(value, _Array | dict | list | tuple | np.ndarray):
        return value
    if id(value) not in done:
        done[id(value)] = value, _rebuilt(value, done)
    return done[id(value)][1]


def _rebuilt(value: Any, done: dict[int, tuple[Any, Any]]) -> Any:
    """Return a container whose content is finished."""
    if isinstance(value, _Array):
        return _finished(value.value, done)
    if isinstance(value, dict):
        return {key: _finished(item, done) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_finished(item, done) for item in value])
    if value.dtype == object:
        return _finished(value.item() if value.ndim == 0 else value.tolist(), done)
    return value
