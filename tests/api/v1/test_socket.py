"""v1 over a real socket against gunicorn as deployed, from peers that no default lists: what Django's own test client
cannot show, because it knows no names with underscores, no spelling and no repetition of headers."""

import json
import socket
import threading
import time
from itertools import permutations

import pytest

from bekal.partners.models import CallCounter, PartnerCall
from bekal.purchases.models import Purchase
from tests.api.server import ELSEWHERE, Client, Reply
from tests.api.v1.conftest import Registered

STATUS, COMMIT = "payment/redeem-code/status", "payment/redeem-code/commit"


@pytest.mark.parametrize("peer", ["127.0.0.1", ELSEWHERE])
@pytest.mark.parametrize("name", ["client_code", "Client_code", "CLIENT_CODE", "Client_Code"])
def test_the_name_with_its_underscore_arrives_in_any_spelling_from_anywhere(
    client_of_institution: Client, institution: Registered, peer: str, name: str
) -> None:
    _, redeem_code = institution.bought()
    reply = client_of_institution.call(STATUS, {"redeem_code": redeem_code}, peer=peer, name=name)
    assert (reply.status, reply.data["redeem_code"]) == (200, redeem_code)


def test_a_code_is_redeemed_once_and_its_signature_is_answered_alike_for_ever(
    client_of_institution: Client, institution: Registered
) -> None:
    purchase_id, redeem_code = institution.bought()
    body = json.dumps({"redeem_code": redeem_code}).encode()
    raw = client_of_institution.request(COMMIT, body)
    first, again = (client_of_institution.server.send(raw, peer=ELSEWHERE) for _ in range(2))
    assert first.data["course_code"] == institution.training.code
    assert (again.status, again.body) == (first.status, first.body)
    assert Purchase.objects.get(pk=purchase_id).redeemed_at is not None
    anew = client_of_institution.call(COMMIT, {"redeem_code": redeem_code})
    assert (anew.status, anew.refusal) == (409, "code_already_used")


@pytest.mark.parametrize("peer", ["127.0.0.1", ELSEWHERE])
def test_a_header_of_the_contract_comes_once_and_under_its_own_name(
    client_of_institution: Client, institution: Registered, peer: str
) -> None:
    _, redeem_code = institution.bought()
    body = json.dumps({"redeem_code": redeem_code}).encode()
    right = dict(
        line.split(": ", 1)
        for line in client_of_institution.request(STATUS, body).split(b"\r\n\r\n")[0].decode().split("\r\n")[3:-2]
    )
    three = list(right.items())
    other = ("client_code", "somebody-else")
    wrong = [
        [("client-code", right["client_code"]), *three[1:]],
        [("Client-Code", right["client_code"]), *three],
        [*three, ("client-code", right["client_code"])],
        [("client-code", "x"), *three],
        [*three, ("client-code", "")],
        [("client-code", ""), *three],
        *([*order] for order in permutations([other, *three])),
        *([*three, (name, value)] for name, value in three),
        *([(name, ""), *three] for name, _ in three),
        *([pair for pair in three if pair[0] != name] for name, _ in three),
    ]
    for headers in wrong:
        raw = client_of_institution.request(STATUS, body, headers=headers)
        reply = client_of_institution.server.send(raw, peer=peer)
        assert (reply.status, reply.envelope["success"]) == (401, False), headers
    assert not PartnerCall.objects.exists()
    assert (
        client_of_institution.server.send(client_of_institution.request(STATUS, body, headers=three), peer=peer).status
        == 200
    )


def test_other_names_with_underscores_never_arrive(client_of_institution: Client, institution: Registered) -> None:
    """SCRIPT_NAME would move every address; a timestamp under another name would be one more way to write it."""
    _, redeem_code = institution.bought()
    body = json.dumps({"redeem_code": redeem_code}).encode()
    raw = client_of_institution.request(STATUS, body)
    moved = raw.replace(b"\r\nHost:", b"\r\nSCRIPT_NAME: /api\r\nREMOTE_USER: root\r\nHost:", 1)
    for peer in ("127.0.0.1", ELSEWHERE):
        assert client_of_institution.server.send(moved, peer=peer).status == 200


def in_pieces(raw: bytes, *sizes: int) -> bytes:
    """The same call with its body in pieces of these sizes, the rest as the last one, and no length."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    pieces = []
    for size in (*sizes, len(body) - sum(sizes)):
        pieces.append(b"%x\r\n%s\r\n" % (size, body[:size]))
        body = body[size:]
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b"".join(pieces)]) + b"0\r\n\r\n"


def test_a_body_may_come_in_pieces(client_of_institution: Client, institution: Registered) -> None:
    """As Node's `request.write` and streams in Java, Go and Ruby send it."""
    _, redeem_code = institution.bought()
    send = client_of_institution.server.send
    raw = client_of_institution.request(STATUS, json.dumps({"redeem_code": redeem_code}).encode())
    assert send(in_pieces(raw)).data["redeem_code"] == redeem_code
    raw = client_of_institution.request(COMMIT, json.dumps({"redeem_code": redeem_code}).encode())
    assert send(in_pieces(raw, 1, 20)).data["status"] == 1
    long = client_of_institution.request(STATUS, json.dumps({"redeem_code": "x" * 3_000_000}).encode())
    assert send(in_pieces(long)).refusal == "body_too_large"
    whole = in_pieces(raw)
    for broken in (
        whole[:-30],
        whole.replace(b"\r\n0\r\n\r\n", b"0\r\n\r\n"),
        whole.replace(b"chunked\r\n\r\n", b"chunked\r\n\r\nx"),
    ):
        reply = send(broken)
        assert (reply.status, reply.refusal) == (400, "body_unreadable")


def test_a_connection_is_used_again_after_a_pause(client_of_institution: Client, institution: Registered) -> None:
    """Whoever polls every few seconds, and a proxy in between, keeps one."""
    _, redeem_code = institution.bought()
    raw = client_of_institution.request(STATUS, json.dumps({"redeem_code": redeem_code}).encode())
    raw = raw.replace(b"Connection: close", b"Connection: keep-alive")
    with (
        socket.create_connection(("127.0.0.1", client_of_institution.server.port), 20) as connection,
        connection.makefile("rb") as received,
    ):
        for pause in (0, 3):
            time.sleep(pause)
            connection.sendall(raw)
            assert received.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while (line := received.readline()) != b"\r\n":
                length = int(line.split()[1]) if line.startswith(b"Content-Length:") else length
            assert json.loads(received.read(length))["data"]["redeem_code"] == redeem_code


@pytest.mark.parametrize("path", ["//api/v1/integration/", "/api/v1/integration//", "/api//v1/integration/"])
def test_slashes_that_meet_are_one(client_of_institution: Client, institution: Registered, path: str) -> None:
    _, redeem_code = institution.bought()
    assert client_of_institution.call(STATUS, {"redeem_code": redeem_code}, path=path + STATUS).status == 200


def test_the_server_is_addressed_by_the_number_it_was_reached_at(
    client_of_institution: Client, institution: Registered
) -> None:
    _, redeem_code = institution.bought()
    raw = client_of_institution.request(STATUS, json.dumps({"redeem_code": redeem_code}).encode())
    for host in ("localhost", ELSEWHERE):
        named = raw.replace(b"Host: 127.0.0.1", b"Host: %s:8000" % host.encode())
        assert client_of_institution.server.send(named, to=ELSEWHERE).status == 200, host


def test_two_at_the_same_moment_are_answered_alike_and_redeem_once(
    client_of_institution: Client, institution: Registered
) -> None:
    _, redeem_code = institution.bought()
    raw = client_of_institution.request(COMMIT, json.dumps({"redeem_code": redeem_code}).encode())
    replies: list[Reply] = []
    threads = [
        threading.Thread(target=lambda: replies.append(client_of_institution.server.send(raw))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    counted = dict(CallCounter.objects.order_by("outcome").values_list("outcome", "call_count"))
    assert counted == {"answered": 1, "repeated": 5}
