"""What a caller hands in, checked once: every refusal names the array, the position and the mend."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .ragged import FloatArray, IntArray, owners

MOST_CODE = 2**31 - 1


def whole_numbers(name: str, values: ArrayLike, dimensions: int = 1) -> IntArray:
    """`values` as int64 with the given number of dimensions; ValueError for any other type or shape."""
    array = as_array(name, values)
    if (
        array.size == 0
        and array.ndim == dimensions
        and array.dtype == np.float64
        and not isinstance(values, np.ndarray)
    ):
        array = array.astype(np.int64)  # an empty Python list carries no type of its own
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must hold whole numbers, not {array.dtype}{_first_other(array)}: convert it with "
            ".astype(np.int64) first."
        )
    if array.ndim != dimensions:
        raise ValueError(f"{name} must have {dimensions} dimension(s), it has {array.ndim}: reshape it.")
    above = array > np.iinfo(np.int64).max
    if above.any():
        raise ValueError(f"{name}[{_place(above)}] is {array[above][0]}: use numbers below 2**63.")
    return array.astype(np.int64)


def real_numbers(name: str, values: ArrayLike) -> FloatArray:
    """`values` as float64; ValueError for anything that is no number (infinite ones and NaN are left to the caller)."""
    array = as_array(name, values)
    if array.size and array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold numbers, not {array.dtype}: convert it with .astype(float) first.")
    return array.astype(np.float64)


def as_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """`values` as numpy sees them; ValueError where they are no array or some of them are masked."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is no array: its rows differ in length, make them equal.") from None
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        place = _place(np.ma.getmaskarray(values))
        raise ValueError(f"{name}[{place}] is masked: fill it or leave its row out.")
    return array


def _first_other(array: NDArray[Any]) -> str:
    """In brackets, the first entry that is no whole number, of floats or Python objects."""
    if array.dtype.kind == "f":
        other = array != np.floor(array)
    elif array.dtype.kind == "O" and array.ndim:
        is_other = [not isinstance(each, (int, np.integer)) for each in array.flat]
        other = np.array(is_other, np.bool_).reshape(array.shape)
    else:
        return ""
    return f" (entry {_place(other)} is {array[other][0]!s:.40})" if other.any() else ""


def _place(marked: NDArray[np.bool_]) -> str:
    """Where the first True is, as an index is written."""
    return ", ".join(str(int(each)) for each in np.argwhere(marked)[0])


def first_position(bad: NDArray[np.bool_]) -> int:
    """Position of the first True."""
    return int(np.argmax(bad))


def checked_choices(ptr: ArrayLike, items: ArrayLike, trainings_count: int) -> tuple[IntArray, IntArray]:
    """`ptr` (people + 1) and `items` as int64, refused unless they describe distinct trainings per person."""
    starts = whole_numbers("ptr", ptr)
    chosen = whole_numbers("items", items)
    if len(starts) == 0 or starts[0] != 0:
        raise ValueError("ptr[0] must be 0: ptr holds people + 1 positions into items, the first of them 0.")
    falls = starts[1:] < starts[:-1]
    if falls.any():
        at = first_position(falls) + 1
        raise ValueError(f"ptr[{at}] is {starts[at]}, less than the {starts[at - 1]} before it: ptr must never fall.")
    if starts[-1] != len(chosen):
        raise ValueError(f"ptr[-1] is {starts[-1]} but items has {len(chosen)} entries: the two must be equal.")
    outside = (chosen < 0) | (chosen >= trainings_count)
    if outside.any():
        at = first_position(outside)
        raise ValueError(
            f"items[{at}] is {chosen[at]}, but there are {trainings_count} trainings: use 0 to {trainings_count - 1}."
        )
    _refuse_repeats(starts, chosen, trainings_count)
    return starts, chosen


def _refuse_repeats(ptr: IntArray, items: IntArray, trainings_count: int) -> None:
    key = owners(ptr) * max(trainings_count, 1) + items
    if rises(key):
        return
    order = np.argsort(key, kind="stable")
    repeated = key[order][1:] == key[order][:-1]
    if repeated.any():
        at = int(order[1:][repeated].min())
        person = int(np.searchsorted(ptr, at, side="right") - 1)
        raise ValueError(f"items[{at}] repeats training {items[at]} of person {person}: list each training once.")


def rises(values: IntArray) -> bool:
    """Whether each is greater than the one before."""
    return bool((values[1:] > values[:-1]).all())


def checked_profile(profile: ArrayLike, people_count: int, attributes_count: int | None = None) -> IntArray:
    """`profile` as int64 (people, attributes); a negative code means unknown."""
    codes = whole_numbers("profile", profile, dimensions=2)
    if people_count < 0:
        raise ValueError("ptr is empty: it holds people + 1 positions into items, the first of them 0.")
    if len(codes) != people_count:
        raise ValueError(
            f"profile has {len(codes)} rows but ptr describes {people_count} people: give one row a person."
        )
    if codes.max(initial=0) > MOST_CODE:
        at = int(np.flatnonzero(codes.max(axis=1) > MOST_CODE)[0])
        raise ValueError(f"profile[{at}] holds the code {codes[at].max()}: use codes up to {MOST_CODE}.")
    if attributes_count is not None and codes.shape[1] != attributes_count:
        raise ValueError(
            f"profile has {codes.shape[1]} columns but the fit had {attributes_count}: give the same columns, in order."
        )
    return codes


def checked_rupiah(name: str, values: ArrayLike, length: int | None = None) -> IntArray:
    """Whole rupiah, none negative, of the given length."""
    amounts = whole_numbers(name, values)
    if length is not None and len(amounts) != length:
        raise ValueError(f"{name} has {len(amounts)} entries where {length} are needed: give one amount each.")
    if (amounts < 0).any():
        at = first_position(amounts < 0)
        raise ValueError(f"{name}[{at}] is {amounts[at]}: an amount of rupiah is 0 or more.")
    return amounts


def checked_flags(name: str, values: ArrayLike, length: int) -> NDArray[np.bool_]:
    """A True/False array of the given length."""
    flags = as_array(name, values)
    if flags.dtype != np.bool_ or flags.shape != (length,):
        raise ValueError(f"{name} must be {length} True/False values, it is {flags.dtype} {flags.shape}.")
    return flags


def checked_count(name: str, value: Any, minimum: int = 1) -> int:
    """A plain whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"{name} is {value!r}: give a whole number of at least {minimum}.")
    return int(value)
