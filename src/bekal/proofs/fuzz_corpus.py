"""What is sent to everything that reads: texts, amounts, JSON and headers that have broken readers; how JSON is bent.

`fuzz_documents.py` has XML and archives, `fuzz_tables.py` bends tables with all of it.
"""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

LONG = 70_000
AMOUNTS: tuple[str, ...] = (
    *(
        "1E+1000000",
        "1e400",
        "1e-400",
        "-1",
        "-0",
        "+1",
        "0",
        "00",
        "01",
        "0x10",
        "0b1",
        "1_000",
        "1 000",
        "1\u00a0000",
    ),
    *("1.000", "1,000", "1.5", "1,5", ".5", "5.", "NaN", "nan", "Infinity", "-inf", "Rp 1.000", "Rp1", "IDR 5", "$5"),
    *(
        " 1",
        "1 ",
        "1\n",
        "\t1",
        "1\0",
        "\u0661\u0662\u0663",
        "\u06f1\u06f2",
        "\uff11\uff12",
        "\u0e51",
        "\u00b2",
        "\u2460",
    ),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "2147483648", "999999999999999"),
    *(
        "1000000000000000",
        "9" * 400,
        "9" * 5_000,
        "1" + "0" * 400,
        "\u5341",
        "\u00bd",
        "1\u200b0",
        "\u200e1",
        "--1",
        "1-1",
    ),
)
TEXTS: tuple[str, ...] = (
    *(
        "",
        " ",
        "\n",
        "\0",
        "a\0b",
        "\ud800",
        "\udfff\ud800",
        "a\ud83d",
        "\ufffe",
        "\uffff",
        "\ufeffa",
        "\x1b[31m",
        "\x7f",
    ),
    *(
        "\u202ea",
        "\u200b",
        "e\u0301" * 50,
        "a" + "\u0301" * 3_000,
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\u0130\u0131",
        "\u00df",
    ),
    *(
        "'",
        '"',
        "\\",
        "`",
        "%",
        "%00",
        "%s%n",
        "%(x)s",
        "{}",
        "{0.__class__}",
        "{{ 7|add:7 }}",
        "{% now 'Y' %}",
        "${1}",
        "$$",
    ),
    *("' OR 1=1 --", "'; SELECT pg_sleep(30); --", "\\'; --", "<script>alert(1)</script>", "<!--", "]]>", "&amp;&#0;"),
    *(
        "../../../../etc/passwd",
        "..%2f..%2f",
        "C:\\con",
        "file:///etc/passwd",
        "http://169.254.169.254/",
        "//x",
        "javascript:1",
    ),
    *(
        "=1+1",
        "+1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "a,b;c|d",
        'a"b',
        "a\r\nb",
        "a\rSet-Cookie: x=1",
    ),
    *(
        "null",
        "None",
        "true",
        "undefined",
        "[]",
        "[object Object]",
        "0" * 40,
        "a" * 300,
        "a" * 301,
        "a" * LONG,
        " " * 5_000,
    ),
    *(
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "id",
        "ID",
        "\u0141\u00f3d\u017a",
        "\u4e2d\u6587",
        "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
        "(" * 3_000,
        "a!" * 2_000,
    ),
)
DATES: tuple[str, ...] = (
    *("2020-02-30", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2020-13-01", "20200401", "01/04/2020"),
    *(
        "2020-W01-1",
        "2020-04-16T25:00",
        "2020-04-16T10:00:00+99:99",
        "2020-04-16T10:00:00+07:00",
        "2020-04-16T10:00:00+17:00",
        "2020-04-16T10:00:00-23:59",
        "2100-01-01",
        "1899-12-31",
    ),
    *(
        "\u0662\u0660\u0662\u0660-\u0660\u0664-\u0661\u0666",
        "2020-04-16 ",
        "-2020-04-16",
        "2020-4-1",
        "43937",
        "now",
        "infinity",
        "today",
        "2020-06-30T23:59:60Z",
    ),
    *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2020-04", "202004", "2020-00", "0000-01", "99999-01"),
)
ANY: tuple[str, ...] = TEXTS + AMOUNTS + DATES

# JSON as text, because most of it is none that a library would write.
RAW_JSON: tuple[str, ...] = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1E+1000000", "1e-1000000", "9223372036854775808"),
    *("-9223372036854775809", "9223372036854775807", "18446744073709551616", "9" * 400, "9" * 5_000, "1." + "0" * 400),
    *("0", "-0", "-0.0", "1.0", "1.5", "-1", "01", "0x10", "+1", "1_000", ".5", "5.", "true", "false", "null", "nul"),
    *(
        '""',
        '" "',
        '"\\ud800"',
        '"\\udfff\\ud800"',
        '"\\u0000"',
        '"\\ud83d\\ude00"',
        '"\\x00"',
        '"\0"',
        '"\n"',
        '"',
        "'a'",
    ),
    *("[]", "{}", "[[]]", "[{}]", "[null]", '{"a":{}}', '{"":""}', '{"\\ud800":1}', '{"__proto__":1}', '{"a":1,"a":2}'),
    *("[" * 20 + "]" * 20, "[" * 5_000, '{"a":' * 5_000, '{"a":' * 20 + "1" + "}" * 20, "[1,]", "/* */1", "undefined"),
    *(json.dumps(text) for text in ("a" * LONG, *AMOUNTS, *DATES, *(text for text in TEXTS if len(text) < 100))),
)
BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "blank": b" \r\n\t",
    "NaN": b"NaN",
    "1e400": b"1e400",
    "twice": b'{"a":1,"a":2}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "100,000 pairs": b"[" + b"[]," * 100_000 + b"[]]",
    "a lone surrogate": b'{"a":"\\ud800"}',
    "NUL": b'{"a":"\\u0000"}',
    "raw NUL": b'{"a":"\0"}',
    "beyond 64 bits": b'{"a":9223372036854775808}',
    "a million digits": b"9" * 1_000_000,
    "a fraction of a million digits": b"0." + b"9" * 900_000,
    "an exponent of a million digits": b"1e" + b"9" * 900_000,
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "no UTF-8": b'{"a":"\xff\xfe"}',
    "overlong": b'{"a":"\xc0\xaf"}',
    "half a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "two texts": b"{}{}",
    "a form": b"a=1&b=2",
    "many escapes": b'"' + b"\\u0061" * 100_000 + b'"',
    "many quotes": b'"' * 100_000,
    "an unclosed quote": b'{"a":"' + b"\\" * 99_999,
    "many names": b"{" + b",".join(b'"%d":0' % n for n in range(50_000)) + b"}",
    "more than may be sent": b"[" + b" " * (1024 * 1024) + b"]",
}
HEADER_VALUES: tuple[str, ...] = (
    *(
        "",
        " ",
        ",",
        ";",
        "*",
        "a,b",
        "x" * 9_000,
        "\u00ff\u00fe",
        "\x01",
        "\t",
        "%00",
        '"',
        "=",
        "q=1;q=2",
        "0",
        "-1",
        "9" * 400,
    ),
    *(
        "1e400",
        "NaN",
        "\u00b2",
        "\u00bc",
        "1_000",
        "0x5F",
        " 1",
        "v1=",
        "v1=,v1=",
        "v1=" + "0" * 64,
        "v2=x",
        "../",
        "{}",
        "en;q=x",
    ),
    *(
        "id-" * 2_000,
        "text/html",
        "application/json; charset=utf-16",
        "application/json;charset=\u00ff",
        "*/*;q=9e9",
        "a/b/c",
    ),
    *(
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 500,
        "gzip",
        "chunked",
    ),
)


# Bending what is right


def bent_bytes(content: bytes, rng: random.Random) -> bytes:
    """Some bits flipped, or a part cut off, doubled or moved."""
    raw = bytearray(content)
    if not raw:
        return b"\0"
    start = rng.randrange(len(raw))
    match rng.randrange(4):
        case 0:
            return bytes(raw[:start])
        case 1:
            return bytes(raw[:start] + raw[start : start + 50] + raw[start:])
        case 2:
            return bytes(raw[:start] + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9))) + raw[start:])
    for _ in range(rng.randrange(1, 6)):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


def bent_json(example: Any, rng: random.Random) -> bytes:
    """The JSON of an example with one thing wrong: a value, a name, its structure, its bytes."""
    match rng.randrange(10):
        case 0:
            return rng.choice(list(BODIES.values()))
        case 1:
            return bent_bytes(json.dumps(example).encode(), rng)
        case 2 if isinstance(example, dict) and example:
            name = rng.choice(list(example))
            return json.dumps(example)[:-1].encode() + f", {json.dumps(name)}: {rng.choice(RAW_JSON)}}}".encode(*_AS)
        case 3 if isinstance(example, dict):
            return json.dumps(example | {rng.choice(TEXTS): rng.choice(TEXTS)}).encode()
        case 4 if isinstance(example, dict) and example:
            left_out = rng.choice(list(example))
            return json.dumps({name: value for name, value in example.items() if name != left_out}).encode()
        case 5:
            return json.dumps(_longer(example, rng.choice((0, 2, 500, 501)))).encode()
    places = list(_places(example))
    return _with(example, rng.choice(places), rng.choice(RAW_JSON)) if places else rng.choice(RAW_JSON).encode(*_AS)


_AS = ("utf-8", "surrogatepass")
_HERE = "\u2316 here \u2316"


def _places(value: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if steps:
        yield steps
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in inner:
        yield from _places(part, (*steps, step))


def _with(value: Any, steps: tuple[str | int, ...], raw: str) -> bytes:
    """The JSON of the value with `raw` where the steps lead."""

    def put(part: Any, left: tuple[str | int, ...]) -> Any:
        if not left:
            return _HERE
        if isinstance(part, dict):
            return {name: put(each, left[1:]) if name == left[0] else each for name, each in part.items()}
        return [put(each, left[1:]) if number == left[0] else each for number, each in enumerate(part)]

    return json.dumps(put(value, steps)).replace(json.dumps(_HERE), raw).encode(*_AS)


def _longer(value: Any, count: int) -> Any:
    """Every list in it so long."""
    if isinstance(value, dict):
        return {name: _longer(part, count) for name, part in value.items()}
    if isinstance(value, list):
        return [part for part in value[:1] for _ in range(count)]
    return value
