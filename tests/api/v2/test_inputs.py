"""The types that JSON has no word for: money and instants, with one reading each."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bekal.api.v2.inputs import Instant, Rupiah
from bekal.core.money import MAX_RUPIAH

rupiah: TypeAdapter[int] = TypeAdapter(Rupiah)
instant: TypeAdapter[datetime] = TypeAdapter(Instant)


@given(st.integers(0, MAX_RUPIAH))
def test_an_amount_is_a_number_or_its_digits(amount: int) -> None:
    assert rupiah.validate_python(amount) == rupiah.validate_python(str(amount)) == amount


@pytest.mark.parametrize(
    "value",
    [
        True,
        1.0,
        -1,
        MAX_RUPIAH + 1,
        "",
        "01",
        "+1",
        "1.000",
        "1_000",
        " 1",
        "1e3",
        "1E+1000000",
        "١",
        None,
        [],
        "9" * 99,
    ],
)
def test_what_is_no_amount_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="not rupiah"):
        rupiah.validate_python(value)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2020-11-19T10:00:00+07:00", datetime(2020, 11, 19, 3, tzinfo=UTC)),
        ("2020-11-19t03:00:00z", datetime(2020, 11, 19, 3, tzinfo=UTC)),
        ("2020-11-19T03:00:00.123456Z", datetime(2020, 11, 19, 3, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_an_instant_has_a_time_zone(text: str, at: datetime) -> None:
    assert instant.validate_python(text) == at


@pytest.mark.parametrize(
    "value",
    [
        *("2020-11-19", "2020-11-19T10:00:00", "2020-11-19 10:00:00Z", "2020-13-01T00:00:00Z", "2020-02-30T00:00:00Z"),
        *("1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "2020-11-19T24:00:00Z"),
        *("٢020-11-19T10:00:00Z", "2020-11-19T10:00:00+99:99", 1605754800, None, True, ""),
    ],
)
def test_what_is_no_instant_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="not an instant"):
        instant.validate_python(value)
