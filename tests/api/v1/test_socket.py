"""v1 over a real socket against gunicorn as deployed, from peers that no default lists: what Django's own test client
cannot show, because it knows no names with underscores, no spelling and no repetition of headers."""

import json
import threading
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
