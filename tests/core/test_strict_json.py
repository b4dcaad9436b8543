"""One JSON text, one reading."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.strict_json import (
    MAX_DEPTH,
    MAX_INTEGER,
    MIN_INTEGER,
    JsonFault,
    StrictJsonError,
    differences,
    pointer_of,
    strict_json,
)
from bekal.core.text import is_readable

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(MIN_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((depth(each) for each in inner), default=0)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    if depth(value) <= MAX_DEPTH:
        assert strict_json(json.dumps(value).encode()) == value
        assert strict_json(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        value = strict_json(raw)
    except StrictJsonError as error:
        assert is_readable(error.value)
    else:
        assert value == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", JsonFault.NOT_JSON),
        (b"{'a': 1}", JsonFault.NOT_JSON),
        (b"1 2", JsonFault.NOT_JSON),
        (b"[1,]", JsonFault.NOT_JSON),
        (b"\xef\xbb\xbf1", JsonFault.NOT_JSON),
        (b"\xff", JsonFault.NOT_UTF8),
        (b'"\xed\xa0\x80"', JsonFault.NOT_UTF8),
        (b"NaN", JsonFault.NOT_A_NUMBER),
        (b"[-Infinity]", JsonFault.NOT_A_NUMBER),
        (b"1e400", JsonFault.NUMBER_OUT_OF_RANGE),
        (b"9223372036854775808", JsonFault.NUMBER_OUT_OF_RANGE),
        (b"-9223372036854775809", JsonFault.NUMBER_OUT_OF_RANGE),
        (b"1" * 1_000_000, JsonFault.NUMBER_OUT_OF_RANGE),
        (b"0." + b"1" * 1_000_000, JsonFault.NUMBER_OUT_OF_RANGE),
        (b'{"a":{"b":1,"b":2}}', JsonFault.DUPLICATE_NAME),
        (b'{"a":1,"\\u0061":2}', JsonFault.DUPLICATE_NAME),
        (b"[" * 100_000, JsonFault.TOO_DEEP),
        (b'{"a":' * 100_000, JsonFault.TOO_DEEP),
        (b"[" * 17 + b"]" * 17, JsonFault.TOO_DEEP),
        (b'"\\ud800"', JsonFault.UNREADABLE_TEXT),
        (b'["a\\u0000"]', JsonFault.UNREADABLE_TEXT),
        (b'{"\\udfff": 1}', JsonFault.UNREADABLE_TEXT),
    ],
)
def test_what_has_two_readings_or_none_is_refused(raw: bytes, fault: JsonFault) -> None:
    with pytest.raises(StrictJsonError) as refused:
        strict_json(raw)
    assert refused.value.fault == fault


def test_brackets_in_text_have_no_depth() -> None:
    assert strict_json(json.dumps("[" * 1000 + '\\"{').encode()) == "[" * 1000 + '\\"{'
    assert strict_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None


def test_an_unreadable_text_says_where_it_stands() -> None:
    with pytest.raises(StrictJsonError) as refused:
        strict_json(b'{"lines":[{"a/b":"\\u0000"}]}')
    assert refused.value.pointer == "/lines/0/a~1b" == pointer_of("lines", 0, "a/b")


@pytest.mark.parametrize(
    ("first", "other", "differing"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a": 1, "b": 2}, {"a": 2, "c": 2}, ["/a", "/b", "/c"]),
        ({"l": [{"x": 1}, {"x": 2}]}, {"l": [{"x": 1}, {"x": 3}]}, ["/l/1/x"]),
        ({"l": [1]}, {"l": [1, 2]}, ["/l"]),
        (1, "1", [""]),
    ],
)
def test_differences_are_named_where_they_are(first: Any, other: Any, differing: list[str]) -> None:
    assert list(differences(first, other)) == differing


@given(VALUES, VALUES)
def test_no_difference_is_equality(first: Any, other: Any) -> None:
    same = json.dumps(first, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (list(differences(first, other)) == []) == same
