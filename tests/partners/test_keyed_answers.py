"""An answer by its key: what is kept, for whom, and for how long."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.ledger.clock import machine_now
from bekal.partners.keyed_answers import KEPT, REFUSALS_KEPT, Reply, WritingCall, answer_by_key, forget_answers
from bekal.partners.models import KeyedAnswer, Partner
from tests.factories.partners import sandbox_partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner() -> Partner:
    return sandbox_partner()


def call_of(partner: Partner, key: str = "k", **changes: Any) -> WritingCall:
    fields: dict[str, Any] = {
        "partner_id": partner.pk,
        "is_sandbox": False,
        "idempotency_key": key,
        "operation": "redeem_code",
        "asked": {"address": "/x", "body": {"code": "rahasia-peserta"}},
        "signed": f"signed-{key}",
        "keeps": True,
    }
    return WritingCall(**fields | changes)


def counting(reply: Reply) -> tuple[list[int], Callable[[], Reply]]:
    runs: list[int] = []

    def answer() -> Reply:
        runs.append(1)
        return reply

    return runs, answer


def test_it_runs_once_and_nothing_stands_in_clear(partner: Partner) -> None:
    runs, answer = counting(Reply(201, '{"name":"S••• R•••"}'))
    for _ in range(3):
        reply = answer_by_key(call=call_of(partner), answer=answer, now=machine_now())
        assert (reply.status, reply.text) == (201, '{"name":"S••• R•••"}')
    assert (len(runs), reply.replayed) == (1, True)
    kept = KeyedAnswer.objects.get()
    for stored in (kept.body_encrypted, kept.answer_encrypted, kept.key_hash, kept.body_hash):
        assert b"rahasia" not in bytes(stored or b"") and b"name" not in bytes(stored or b"")


@pytest.mark.parametrize("change", ["partner", "world"])
def test_the_same_key_elsewhere_is_another(partner: Partner, change: str) -> None:
    runs, answer = counting(Reply(200, "{}"))
    other = call_of(sandbox_partner("LAIN")) if change == "partner" else call_of(partner, is_sandbox=True)
    for call in (call_of(partner), other):
        assert not answer_by_key(call=call, answer=answer, now=machine_now()).replayed
    assert len(runs) == 2


def test_another_wish_under_the_key_is_told_what_differs(partner: Partner) -> None:
    runs, answer = counting(Reply(200, "{}"))
    answer_by_key(call=call_of(partner), answer=answer, now=machine_now())
    changed = call_of(partner, asked={"address": "/y", "body": {"code": "x", "more": 1}}, signed="other")
    reply = answer_by_key(call=changed, answer=answer, now=machine_now())
    assert reply.differing == ("/address", "/body/code", "/body/more")
    assert len(runs) == 1


def test_what_an_answer_does_is_undone_where_it_refuses(partner: Partner) -> None:
    def refusing() -> Reply:
        Partner.objects.filter(pk=partner.pk).update(name="changed")
        return Reply(409, "{}")

    assert answer_by_key(call=call_of(partner), answer=refusing, now=machine_now()).status == 409
    assert Partner.objects.get(pk=partner.pk).name != "changed"
    runs, answer = counting(Reply(200, "{}"))
    again = answer_by_key(call=call_of(partner), answer=answer, now=machine_now())
    assert (again.status, again.replayed, runs) == (409, True, [])
    mended = answer_by_key(call=call_of(partner, signed="new"), answer=answer, now=machine_now())
    assert (mended.status, runs) == (200, [1])


def test_an_error_leaves_the_key_free(partner: Partner) -> None:
    def broken() -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer_by_key(call=call_of(partner), answer=broken, now=machine_now())
    assert not KeyedAnswer.objects.exists()


def test_a_secret_is_told_once(partner: Partner) -> None:
    _, answer = counting(Reply(201, '{"secret":"s"}', remembered='{"secret":null}'))
    told = [answer_by_key(call=call_of(partner), answer=answer, now=machine_now()).text for _ in range(2)]
    assert told == ['{"secret":"s"}', '{"secret":null}']


def test_only_what_moved_money_or_is_evidence_is_kept_for_ever(partner: Partner) -> None:
    now = machine_now()
    for key, status, keeps in (("money", 200, True), ("dates", 200, False), ("refused", 409, True)):
        answer_by_key(call=call_of(partner, key, keeps=keeps), answer=counting(Reply(status, "{}"))[1], now=now)
    assert forget_answers(now=now + REFUSALS_KEPT) == 0
    assert forget_answers(now=now + REFUSALS_KEPT + timedelta(seconds=1)) == 1
    assert forget_answers(now=now + KEPT + timedelta(seconds=1)) == 1
    assert KeyedAnswer.objects.get().is_permanent
