"""Arrays in and out of a file: npz without pickle, with a hash of the content."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
# What numpy and zipfile raise for bytes that are no arrays: numpy reads the head of an array as Python's words.
UNREADABLE = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
    *(ValueError, TypeError, AttributeError, LookupError, SyntaxError, TokenError, MemoryError),
)


def content_hash(arrays: Arrays) -> str:
    """SHA-256 (hex) over names, types, shapes and bytes of the arrays, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        _refuse_objects(name, arrays[name])
        array = np.ascontiguousarray(arrays[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name}\0{little.dtype.str}\0{np.shape(arrays[name])}\0".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()


def checked_arrays(arrays: Arrays, sha256: str) -> dict[str, NDArray[Any]]:
    """The arrays, or ValueError when their hash is not `sha256`."""
    found = content_hash(arrays)
    if found != sha256:
        raise ValueError(
            f"The arrays have the hash {found[:12]}..., the manifest says {sha256[:12]}...: "
            "they were changed or belong to another model; load the pair that was saved together."
        )
    return dict(arrays)


def to_bytes(arrays: Arrays) -> bytes:
    """The arrays as one npz file; equal arrays give equal bytes."""
    for name in sorted(arrays):
        _refuse_objects(name, arrays[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(arrays):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(arrays[name]), allow_pickle=False)
    return buffer.getvalue()


def _refuse_objects(name: str, array: NDArray[Any]) -> None:
    if np.asarray(array).dtype.hasobject:
        raise ValueError(f"The array {name} holds Python objects: store numbers or text only.")


def from_bytes(data: bytes, *, sha256: str | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of `to_bytes`; ValueError when the file is damaged, holds pickles or has another content hash."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except UNREADABLE as error:
        raise ValueError(f"The file holds no arrays that can be read ({error}): store the model anew.") from error
    return arrays if sha256 is None else checked_arrays(arrays, sha256)
