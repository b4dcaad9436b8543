"""What existing clients of v1 sign, in every language they are written in, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.partner_signature import (
    WINDOW_SECONDS,
    is_in_window,
    is_signed_v1,
    signed_bodies,
    timestamp_of,
    v1_signature,
)

PATH = "/api/v1/integration/payment/redeem-code/commit"
# The vector of the contract.
KEY, CLIENT, STAMP, BODY = b"my_sign_key", "myclient_code", "1516239022", b'{"redeem_code":"code"}'
RIGHT = "943c20a8e36b6243f576404b00fffdc86411ce1f"


def is_signed(body: bytes = BODY, signature: str = RIGHT, **changes: Any) -> bool:
    call: dict[str, Any] = {"key": KEY, "client_code": CLIENT, "timestamp": STAMP, "method": "POST", "paths": (PATH,)}
    return is_signed_v1(**call | {"body": body, "signature": signature} | changes)


def signature_over(written: bytes) -> str:
    return v1_signature(key=KEY, client_code=CLIENT, timestamp=STAMP, method="POST", path=PATH, body=written)


def test_the_vector_of_the_contract() -> None:
    assert signature_over(BODY) == RIGHT
    assert is_signed()
    assert is_signed(b'{ "redeem_code":\t"code"\r\n}', RIGHT)


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"another"},
        {"client_code": "myclient_codf"},
        {"timestamp": "1516239023"},
        {"method": "GET"},
        {"paths": (f"{PATH}/",)},
        {"paths": ()},
        {"body": b'{"redeem_code":"codf"}'},
        {"body": b""},
        {"signature": RIGHT.upper()},
        {"signature": RIGHT[:-1]},
        {"signature": f"{RIGHT} "},
        {"signature": ""},
        {"signature": "-" * 40},
        {"signature": "é" * 40},
    ],
)
def test_anything_else_is_not_signed(changes: dict[str, Any]) -> None:
    assert not is_signed(**changes)


# What is sent, and what clients of each language sign for it.
# fmt: off
WRITINGS = {
    "the official Python client: compact, sent with blanks": (b'{"code": "X", "n": 1}', b'{"code":"X","n":1}'),
    "Python, compact, escaped": ('{"a": "é"}'.encode(), b'{"a":"\\u00e9"}'),
    "Python, compact, as itself, sent escaped": (b'{"a": "\\u00e9"}', '{"a":"é"}'.encode()),
    "Go signs HTML escapes and sends none": (b'{"u":"?a=1&b=<2>"}', b'{"u":"?a=1\\u0026b=\\u003c2\\u003e"}'),
    "Go escapes line ends": ('{"a": "\u2028\u2029é"}'.encode(), '{"a":"\\u2028\\u2029é"}'.encode()),
    "PHP signs its slash escape and sends none": (b'{"u": "https://x.id/a.pdf"}', b'{"u":"https:\\/\\/x.id\\/a.pdf"}'),
    "PHP escapes beyond ASCII, too": ('{"u":"/é"}'.encode(), b'{"u":"\\/\\u00e9"}'),
    "PHP with unescaped Unicode": ('{"u":"/é\u2028"}'.encode(), '{"u":"\\/é\\u2028"}'.encode()),
    "Node as itself": (b'{"a": "\\u00e9\\ud83d\\ude00\\/"}', '{"a":"é😀/"}'.encode()),
    "numbers as written": (b'{"a": 1.0, "b": 1e2, "c": -0}', b'{"a":1.0,"b":1e2,"c":-0}'),
    "keys in the order received, each as often as it came": (b'{"b": 1, "a": 2, "b": 3}', b'{"b":1,"a":2,"b":3}'),
    "a text with blanks, quotes and braces stays": (b'{"a" : "x  \\" { y : [ "}', b'{"a":"x  \\" { y : [ "}'),
}
# fmt: on


@pytest.mark.parametrize(("sent", "signed"), WRITINGS.values(), ids=WRITINGS)
def test_each_writing_is_accepted(sent: bytes, signed: bytes) -> None:
    assert is_signed(sent, signature_over(signed))
    assert is_signed(sent, signature_over(sent))


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        (b'{"b": 1, "a": 2}', b'{"a":2,"b":1}'),
        (b'{"a": 1.0}', b'{"a":1}'),
        (b'{"a": 1e2}', b'{"a":100.0}'),
        (b'{"a": 1, "a": 2}', b'{"a":2}'),
        (b'{"a": "x y"}', b'{"a":"xy"}'),
        (b'{"a": "1"}', b'{"a":1}'),
    ],
)
def test_another_meaning_or_order_is_another_body(sent: bytes, signed: bytes) -> None:
    assert not is_signed(sent, signature_over(signed))


@pytest.mark.parametrize(
    "body", [b"", b"\xff{}", b'{"a": "unfinished', b'{"a":"\x00"}', b'"\\x"', b"[" * 60_000, b'{"a": "\\ud800"}']
)
def test_what_is_no_json_is_signed_as_it_is(body: bytes) -> None:
    assert is_signed(body, signature_over(body))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_whatever_python_writes_is_accepted_however_it_is_sent(value: object) -> None:
    for is_ascii in (True, False):
        signed = json.dumps(value, separators=(",", ":"), ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
        for sent in (json.dumps(value), json.dumps(value, indent=2)):
            assert signed in signed_bodies(sent.encode())


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error_and_the_raw_ones_come_first(body: bytes) -> None:
    assert signed_bodies(body)[0] == body


@pytest.mark.parametrize(
    "text", ["", " 1516239022", "1516239022 ", "+1516239022", "1_516", "15.0", "1e9", "٣", "-1", "9" * 13, "0x1"]
)
def test_a_timestamp_is_ascii_digits(text: str) -> None:
    assert timestamp_of(text) is None


def test_the_window_is_closed_at_both_ends() -> None:
    assert timestamp_of("1516239022") == 1516239022
    # Wherever in its second the server's clock stands.
    for part in (0, 0.001, 0.999):
        for away in (-WINDOW_SECONDS, 0, WINDOW_SECONDS):
            assert is_in_window(1516239022 + away, now_seconds=1516239022 + part)
        for away in (-WINDOW_SECONDS - 1, WINDOW_SECONDS + 1, 10**9):
            assert not is_in_window(1516239022 + away, now_seconds=1516239022 + part)
