"""v2 over a real socket against gunicorn as deployed: what arrives is what was signed, byte by byte."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from bekal.purchases.models import Purchase
from tests import factories
from tests.api.server import ELSEWHERE, Reply, Server
from tests.api.v2.calling import SECRET, caller

pytestmark = pytest.mark.usefixtures("programme_day")


def signed(
    key_id: str, method: str, target: str, body: bytes = b"", *, idempotency_key: str = "", **changed: str
) -> dict[str, str]:
    """The headers of a call, signed with nothing but what the contract page says."""
    stamp = str(int(time.time()))
    lines = ["v1", key_id, stamp, method, target, idempotency_key, hashlib.sha256(body).hexdigest()]
    right = hmac.new(SECRET.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    headers = {"Bekal-Key": key_id, "Bekal-Timestamp": stamp, "Bekal-Signature": f"v1={right}"}
    headers |= {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    headers |= {"Content-Type": "application/json"} if body else {}
    return headers | changed


def send(
    server: Server, headers: dict[str, str], method: str, target: str, body: bytes = b"", *, peer: str = "127.0.0.1"
) -> Reply:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return server.send("\r\n".join(lines).encode() + body, peer=peer)


def told(reply: Reply, status: int) -> Any:
    assert reply.status == status, reply.body
    return json.loads(reply.body)


@pytest.mark.parametrize("peer", ["127.0.0.1", ELSEWHERE])
def test_a_code_is_redeemed_once_and_its_retry_is_answered_alike(server: Server, peer: str) -> None:
    training = factories.training()
    code = factories.bought(factories.accepted()[0], training).redeem_code
    key_id, target = caller(training.institution).key_id, "/api/v2/redemptions"
    body = json.dumps({"redeem_code": code}).encode()
    headers = signed(key_id, "POST", target, body, idempotency_key="satu")
    first, again = (send(server, headers, "POST", target, body, peer=peer) for _ in range(2))
    assert told(first, 201) == told(again, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert Purchase.objects.get().redeemed_at is not None


@pytest.mark.parametrize(
    "query", ["limit=1", "training=a%20b&limit=2", "training=a+b", "training=%e2%82%ac", "training=%41", "limit=1&"]
)
def test_the_target_is_signed_as_it_was_sent(server: Server, query: str) -> None:
    key_id, target = caller().key_id, f"/api/v2/purchases?{query}"
    assert told(send(server, signed(key_id, "GET", target), "GET", target), 200)["items"] == []
    other = send(server, signed(key_id, "GET", target + "1"), "GET", target)
    assert told(other, 401)["code"] == "signature_wrong"


def test_names_with_underscores_are_no_headers_of_v2(server: Server) -> None:
    key_id, target = caller().key_id, "/api/v2/me"
    headers = {name.replace("-", "_"): value for name, value in signed(key_id, "GET", target).items()}
    assert told(send(server, headers, "GET", target), 401)["code"] == "signature_missing"


def test_any_spelling_of_a_header_arrives(server: Server) -> None:
    key_id, target = caller().key_id, "/api/v2/me"
    headers = {name.lower(): value for name, value in signed(key_id, "GET", target).items()}
    assert told(send(server, headers, "GET", target, peer=ELSEWHERE), 200)["world"] == "live"


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "DELETE", "TRACE", "QUERY"])
def test_no_method_is_a_fault(server: Server, method: str) -> None:
    key_id, target = caller().key_id, "/api/v2/me"
    reply = send(server, signed(key_id, method, target), method, target)
    assert reply.status == (200 if method == "GET" else 405)
    assert method == "GET" or reply.headers["allow"] == "GET"


def test_a_body_beyond_the_limit_is_refused(server: Server) -> None:
    key_id, target, body = caller().key_id, "/api/v2/redemptions", b" " * (1024 * 1024 + 1)
    reply = send(server, signed(key_id, "POST", target, body, idempotency_key="x"), "POST", target, body)
    assert told(reply, 413)["code"] == "body_too_large"


def test_whoever_still_sends_what_is_too_large_is_told(server: Server) -> None:
    """A client that is cut off in the middle of its body learns nothing but that the connection broke."""
    key_id, target, body = caller().key_id, "/api/v2/redemptions", b" " * (12 * 1024 * 1024)
    reply = send(server, signed(key_id, "POST", target, body, idempotency_key="x"), "POST", target, body)
    assert told(reply, 413)["code"] == "body_too_large"


def test_a_body_in_pieces_is_told_to_say_its_length(server: Server) -> None:
    key_id, target = caller().key_id, "/api/v2/attendance"
    body = b'{"lines": [{"purchase": 1, "sequence": 1}]}'
    headers = signed(key_id, "POST", target, body, idempotency_key="x")
    lines = [f"POST {target} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Transfer-Encoding: chunked", "Connection: close", "", ""]
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    assert told(server.send("\r\n".join(lines).encode() + pieces), 411)["code"] == "length_required"
