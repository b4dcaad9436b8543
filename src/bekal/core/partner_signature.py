"""Signatures of partners' calls: which bytes were signed, and whether they were signed with this key.

v1 (source: the contract that institutions' clients already speak): lower-case hex HMAC-SHA1 of the key over client
code, timestamp, method, path and body. Clients differ in how they write the body that they sign, which is often a
second writing of the one that they send. Every writing below is tried, always all of them, so that the time taken says
nothing about which one was near.
"""

import hmac
import json
import re
from hashlib import sha1

# Unix seconds in ASCII digits, without sign, blank or underscore: what `int` would take beside digits is refused.
_TIMESTAMP = re.compile(r"[0-9]{1,12}", flags=re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{40}", flags=re.ASCII)
# The parts of a JSON text: blanks between parts, strings with their quotes, everything else (numbers, signs, words).
_PART = re.compile(r'([ \t\r\n]+)|("(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")|([^" \t\r\n]+)')
_GO_ESCAPES = {ord("&"): "\\u0026", ord("<"): "\\u003c", ord(">"): "\\u003e"}
_LINE_ENDS = {0x2028: "\\u2028", 0x2029: "\\u2029"}
_PHP_SLASH = {ord("/"): "\\/"}
# How far from the server's clock a call may be signed, to either side, in seconds.
WINDOW_SECONDS = 300


def timestamp_of(text: str) -> int | None:
    """The Unix seconds that a header says; None where it is not 1 to 12 ASCII digits."""
    return int(text) if _TIMESTAMP.fullmatch(text) else None


def is_in_window(timestamp: int, *, now_seconds: float) -> bool:
    """Whether a call was signed at most 300 seconds before or after the server's clock: whole Unix seconds on both
    sides, so that 300 are 300 however late in its second the call arrives."""
    return abs(int(now_seconds) - timestamp) <= WINDOW_SECONDS


def v1_signature(*, key: bytes, client_code: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA1 over exactly this body; the header texts as they stand."""
    head = f"{client_code}{timestamp}{method}{path}".encode("utf-8", "surrogateescape")
    return hmac.new(key, head + body, sha1).hexdigest()


def is_signed_v1(
    *, key: bytes, client_code: str, timestamp: str, method: str, paths: tuple[str, ...], body: bytes, signature: str
) -> bool:
    """Whether the signature is this key's over one of the paths and one of the writings of the body.

    Constant time over the signature: what is compared, and how often, follows from the body alone. Capital hex digits
    are refused, so that a call has one signature only.
    """
    given = signature if _SIGNATURE.fullmatch(signature) else "-" * 40
    is_right = False
    for path in paths:
        for written in signed_bodies(body):
            right = v1_signature(
                key=key, client_code=client_code, timestamp=timestamp, method=method, path=path, body=written
            )
            is_right |= hmac.compare_digest(right, given)
    return is_right


def body_form(
    *, key: bytes, client_code: str, timestamp: str, method: str, paths: tuple[str, ...], body: bytes, signature: str
) -> str:
    """How the body of a call that is signed right was written for its signature: `raw` as it was sent, `compact`, `go`
    (HTML escapes), `php` (escaped slashes); empty where nothing fits. It tells the partner's own conformance page."""
    for written in signed_bodies(body):
        given = (
            v1_signature(key=key, client_code=client_code, timestamp=timestamp, method=method, path=path, body=written)
            for path in paths
        )
        if not any(hmac.compare_digest(right, signature) for right in given):
            continue
        if written == body:
            return "raw"
        if written.count(b"\\/") > body.count(b"\\/"):
            return "php"
        escapes = (b"\\u0026", b"\\u003c", b"\\u003e")
        return "go" if any(written.count(each) > body.count(each) for each in escapes) else "compact"
    return ""


def signed_bodies(body: bytes) -> tuple[bytes, ...]:
    """The bytes that a client may have signed for this body, the raw ones first; keys in the order received, numbers as
    they were written, each key as often as it came.

    Compact: without blanks; then with texts as the writers of Python, PHP, Node and Go write them: beyond ASCII as
    `\\uXXXX` or as itself, `/` as `\\/` (PHP), `&`, `<` and `>` as `\\u0026` and so on (Go), the line ends U+2028 and
    U+2029 escaped (both). What is not UTF-8 or not made of JSON's parts has its raw bytes only.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return (body,)
    parts = _parts(text)
    if parts is None:
        return (body,)
    words = [(part, _meaning(part) if part.startswith('"') else None) for part in parts]
    written = [text, "".join(parts)]
    for is_ascii, escapes in (
        (True, {}),
        (False, {}),
        (True, _PHP_SLASH),
        (False, _PHP_SLASH),
        (False, _PHP_SLASH | _LINE_ENDS),
        (False, _LINE_ENDS),
        (False, _GO_ESCAPES | _LINE_ENDS),
        (True, _GO_ESCAPES),
    ):
        written.append("".join(part if word is None else _quoted(word, is_ascii, escapes) for part, word in words))
    return tuple(dict.fromkeys(each.encode("utf-8", "surrogatepass") for each in written))


def _parts(text: str) -> list[str] | None:
    """The parts of a JSON text without the blanks between them; None where a string in it is none."""
    parts, end = [], 0
    for found in _PART.finditer(text):
        if found.start() != end:
            return None
        end = found.end()
        if found.lastindex != 1:
            parts.append(found[0])
    return parts if end == len(text) else None


def _meaning(part: str) -> str:
    return str(json.loads(part))


def _quoted(word: str, is_ascii: bool, escapes: dict[int, str]) -> str:
    return json.dumps(word, ensure_ascii=is_ascii).translate(escapes)
