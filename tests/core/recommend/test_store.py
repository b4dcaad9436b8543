"""Model files: what goes in comes out, and nothing else does."""

import io
import zipfile

import numpy as np
import pytest

from bekal.core.recommend import content_hash, from_bytes, to_bytes

ARRAYS = {
    "b": np.arange(6, dtype=np.int32).reshape(2, 3),
    "a": np.array([1.5, -0.0], np.float32),
    "c": np.array("text"),
}


def test_round_trip():
    blob = to_bytes(ARRAYS)
    back = from_bytes(blob, sha256=content_hash(ARRAYS))
    assert sorted(back) == ["a", "b", "c"]
    for name, array in ARRAYS.items():
        assert back[name].dtype == array.dtype and np.array_equal(back[name], array)
    assert to_bytes(dict(reversed(ARRAYS.items()))) == blob


@pytest.mark.parametrize(
    "change",
    [
        {"a": np.array([1.5, 0.0], np.float32)},
        {"a": np.array([1.5, -0.0], np.float64)},
        {"b": ARRAYS["b"].reshape(3, 2)},
        {"d": np.zeros(0)},
    ],
)
def test_the_hash_sees_value_type_shape_and_name(change):
    changed = {**ARRAYS, **change}
    assert content_hash(changed) != content_hash(ARRAYS)
    with pytest.raises(ValueError, match="they were changed or belong to another model"):
        from_bytes(to_bytes(changed), sha256=content_hash(ARRAYS))


def test_the_hash_does_not_see_order_or_memory_layout():
    same = {"c": ARRAYS["c"], "a": ARRAYS["a"].astype(">f4"), "b": np.asfortranarray(ARRAYS["b"])}
    assert content_hash(same) == content_hash(ARRAYS)


def test_pickles_are_neither_written_nor_read():
    objects = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ValueError, match="The array x holds Python objects"):
        to_bytes({"x": objects})
    buffer = io.BytesIO()
    np.savez(buffer, x=objects)
    with pytest.raises(ValueError, match="holds no arrays that can be read"):
        from_bytes(buffer.getvalue())


@pytest.mark.parametrize("damage", [lambda blob: b"", lambda blob: b"no file", lambda blob: blob[: len(blob) // 2]])
def test_a_damaged_file_is_refused(damage):
    with pytest.raises(ValueError, match="holds no arrays that can be read"):
        from_bytes(damage(to_bytes(ARRAYS)))


def test_whatever_the_bytes_are_they_are_refused_with_a_sentence():
    array = io.BytesIO()
    np.lib.format.write_array(array, np.arange(6.0))
    for head in (b"{'descr': '<f8', 'shape': (6,", b"{'descr': (((", b"{'descr': '\n", b"{", b"[1]", b"x" * 60):
        inner = array.getvalue()[:10] + head.ljust(118) + array.getvalue()[128:]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.npy", inner)
        with pytest.raises(ValueError, match="holds no arrays that can be read"):
            from_bytes(buffer.getvalue())
