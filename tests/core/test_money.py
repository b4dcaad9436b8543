"""The one money parser, the one formatter, exact allocation."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.money import (
    MAX_RUPIAH,
    MoneyError,
    MoneyErrorCode,
    allocate,
    format_rupiah,
    parse_price_text,
    parse_rupiah,
)

amounts = st.integers(0, MAX_RUPIAH)


@given(amounts)
def test_digits_come_back_as_the_same_amount(amount: int) -> None:
    assert parse_rupiah(str(amount)) == amount


@given(st.text(max_size=30))
def test_a_text_is_its_own_canonical_digits_or_refused(text: str) -> None:
    try:
        amount = parse_rupiah(text)
    except MoneyError as error:
        assert text in str(error) or error.code is MoneyErrorCode.EMPTY
        return
    assert str(amount) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" 1", "not_digits"),
        ("1 ", "not_digits"),
        ("1\n", "not_digits"),
        ("+1", "not_digits"),
        ("-1", "not_digits"),
        ("1_000", "not_digits"),
        ("1.000", "not_digits"),
        ("1,5", "not_digits"),
        ("1e3", "not_digits"),
        ("1E+1000000", "not_digits"),
        ("0x10", "not_digits"),
        ("١٢٣", "not_digits"),
        ("１２", "not_digits"),
        ("²", "not_digits"),
        ("1\x00", "not_digits"),
        ("\ud800", "not_digits"),
        ("NaN", "not_digits"),
        ("007", "leading_zero"),
        ("00", "leading_zero"),
        ("1" * 16, "too_long"),
        ("9" * 1_000_000, "too_long"),
        (5, "not_digits"),
        (None, "not_digits"),
        (1e400, "not_digits"),
        (True, "not_digits"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(MoneyError) as caught:
        parse_rupiah(text)
    assert caught.value.code == code
    assert len(str(caught.value)) < 300
    assert len(caught.value.value) <= 40


def test_bounds_are_inclusive_and_named_in_the_message() -> None:
    assert parse_rupiah("24000", minimum=24_000, maximum=24_000) == 24_000
    with pytest.raises(MoneyError, match=r'"23999" is below .* Rp24\.000\. Write Rp24\.000 or more') as caught:
        parse_rupiah("23999", minimum=24_000)
    assert caught.value.code is MoneyErrorCode.BELOW_MINIMUM
    with pytest.raises(MoneyError, match=r'"1000001" is above .* Rp1\.000\.000 or less') as caught:
        parse_rupiah("1000001", maximum=1_000_000)
    assert (caught.value.code, caught.value.maximum) == (MoneyErrorCode.ABOVE_MAXIMUM, 1_000_000)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("Gratis", 0),
        ("GRATIS", 0),
        ("Rp 89.700", 89_700),
        ("Rp89.700", 89_700),
        ("Rp 1.000.000", 1_000_000),
        ("Rp 0", 0),
        ("Rp 500", 500),
        ("Rp 425000", 425_000),
        ("Rp 1250.000", 1_250_000),
        ("  Rp 89.700 ", 89_700),
        ("", None),
        ("  ", None),
    ],
)
def test_published_prices(text: str, price: int | None) -> None:
    assert parse_price_text(text) == price


@pytest.mark.parametrize(
    "text",
    [
        "Rp",
        "89.700",
        "Rp 89.70",
        "Rp 89.7000",
        "Rp 1.2500.000",
        "Rp 89,700",
        "Rp 89.700,00",
        "Rp  89.700",
        "Rp -89.700",
        "Rp 089.700",
        "Rp 89.700.",
        "Rp .700",
        "rp 89.700",
        "IDR 89.700",
        "$ 5",
        "gratis!",
        "Rp ٨٩.٧٠٠",
        "Rp 89.700 / Rp 99.000",
        None,
        89_700,
    ],
)
def test_what_has_two_readings_or_none_is_no_price(text: str) -> None:
    with pytest.raises(MoneyError, match="is not a price") as caught:
        parse_price_text(text)
    assert caught.value.code is MoneyErrorCode.NOT_A_PRICE


def test_a_price_too_long_to_be_money_is_refused() -> None:
    with pytest.raises(MoneyError) as caught:
        parse_price_text("Rp " + "9" * 16)
    assert caught.value.code is MoneyErrorCode.TOO_LONG


@given(amounts)
def test_a_printed_amount_reads_back(amount: int) -> None:
    assert parse_price_text(format_rupiah(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "Rp0"), (50, "Rp50"), (-50, "-Rp50"), (999, "Rp999"), (3_550_000, "Rp3.550.000"), (-1_000, "-Rp1.000")],
)
def test_printed(amount: int, text: str) -> None:
    assert format_rupiah(amount) == text


@pytest.mark.parametrize("amount", [True, 1.0, "1", None])
def test_only_whole_rupiah_are_printed(amount: int) -> None:
    with pytest.raises(TypeError, match="whole int"):
        format_rupiah(amount)


@given(st.integers(0, MAX_RUPIAH), st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any))
def test_allocation_is_exact_and_within_one_rupiah_of_the_share(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(total * weight, sum(weights))
        assert abs(part - exact) < 1
        assert weight > 0 or part == 0


@given(st.integers(0, 10**9), st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any))
def test_a_larger_weight_never_gets_less(total: int, weights: list[int]) -> None:
    by_weight = sorted(zip(weights, allocate(total, weights), strict=True))
    assert [part for _, part in by_weight] == sorted(part for _, part in by_weight)


def test_the_rupiah_left_goes_to_the_largest_remainder_then_to_the_earlier() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [15, 25, 60]) == [2, 2, 6]
    assert allocate(0, [0, 0]) == [0, 0]
    assert allocate(0, []) == []


@pytest.mark.parametrize(
    ("total", "weights", "fault"),
    [
        (1, [], ValueError),
        (1, [0], ValueError),
        (-1, [1], ValueError),
        (1, [2, -1], ValueError),
        (1.0, [1], TypeError),
        (1, [0.5], TypeError),
        (1, [True], TypeError),
    ],
)
def test_what_cannot_be_split_is_refused(total: int, weights: list[int], fault: type[Exception]) -> None:
    with pytest.raises(fault):
        allocate(total, weights)
