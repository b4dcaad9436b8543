"""Every refusal of v1 is told apart by its code and its sentence; nobody looks up what is not theirs."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bekal.catalogue.models import Session, Training
from bekal.ledger.clock import machine_now
from bekal.partners.keys import KeyOrder, issue_keys, lift_keys, revoke_keys, suspend_keys
from bekal.partners.misses import MISS_LIMIT_COUNT
from bekal.partners.models import CallCounter, PartnerCall, PartnerKey
from bekal.partners.register import lift_partner, suspend_partner
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.redeem import Redemption, redeem
from tests.api.v1.calls import call, sent
from tests.api.v1.conftest import Registered, registered
from tests.conftest import PROGRAMME_INSTANT, StoppedClock

pytestmark = pytest.mark.django_db
STATUS, COMMIT, URL = "payment/redeem-code/status", "payment/redeem-code/commit", "oauth/url-generate"
SUBMISSION, SUBMISSION_STATUS = "tpm/submission", "tpm/submission/status"
NOBODYS = "2222333344445555"


@pytest.fixture
def who() -> Registered:
    return registered(session_count=2)


def misses(who: Registered) -> int:
    return PartnerKey.objects.get(pk=who.key_id).miss_count


def counted() -> dict[str, int]:
    return dict(CallCounter.objects.order_by("outcome").values_list("outcome", "call_count"))


# Who calls


def test_a_call_that_is_not_the_clients_leaves_a_counter_and_nothing_else(who: Registered) -> None:
    _, redeem_code = who.bought()
    fields, now = {"redeem_code": redeem_code}, int(machine_now().timestamp())
    told = {
        "client_unknown": call(who, STATUS, fields, client_code="somebody"),
        "signature_wrong": call(who, STATUS, fields, key="another"),
        "timestamp_expired": call(who, STATUS, fields, timestamp=now - 301),
        "header_missing": call(who, STATUS, fields, signature=""),
        "header_repeated": call(who, STATUS, fields, client_code=f"{who.client_code},{who.client_code}"),
    }
    for code, reply in told.items():
        assert (reply.status, reply.refusal, reply.data) == (401, code, {})
    assert len({reply.message for reply in told.values()}) == len(told)
    assert not PartnerCall.objects.exists()
    assert counted() == dict.fromkeys(told, 1)
    assert misses(who) == 0


@pytest.mark.parametrize(("away", "is_answered"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_the_window_of_the_timestamp(who: Registered, away: int, is_answered: bool) -> None:
    _, redeem_code = who.bought()
    told = call(who, STATUS, {"redeem_code": redeem_code}, timestamp=int(machine_now().timestamp()) + away)
    assert (told.status == 200) is is_answered


def test_suspended_and_revoked_clients_are_answered_nothing(who: Registered) -> None:
    _, redeem_code = who.bought()
    fields, at = {"redeem_code": redeem_code}, PROGRAMME_INSTANT
    assert call(who, STATUS, fields).status == 200
    suspend_keys(key_ids=[who.key_id], at=at)
    assert call(who, STATUS, fields).refusal == "client_suspended"
    assert call(who, STATUS, fields, key="another").refusal == "signature_wrong"
    lift_keys(key_ids=[who.key_id], at=at)
    assert call(who, STATUS, fields).status == 200
    suspend_partner(partner_id=who.partner.pk, reason="Tidak menjawab.", at=at)
    assert call(who, COMMIT, fields).refusal == "client_suspended"
    lift_partner(partner_id=who.partner.pk)
    revoke_keys(key_ids=[who.key_id], at=at)
    assert call(who, COMMIT, fields).refusal == "client_unknown"
    assert not Purchase.objects.filter(redeemed_at__isnull=False).exists()


def test_a_key_of_v2_or_of_the_other_live_key_signs_for_nobody_else(who: Registered) -> None:
    _, redeem_code = who.bought()
    first, second = (
        issue_keys(orders=[KeyOrder(who.partner.pk, generation, is_sandbox=False)], at=PROGRAMME_INSTANT)[0]
        for generation in (1, 2)
    )
    assert call(who, STATUS, {"redeem_code": redeem_code}, client_code=first.client_code).refusal == "signature_wrong"
    told = call(who, STATUS, {"redeem_code": redeem_code}, client_code=first.client_code, key=first.secret)
    assert told.status == 200
    told = call(who, STATUS, {"redeem_code": redeem_code}, client_code=second.client_code, key=second.secret)
    assert told.refusal == "client_unknown"


# What is asked


def asked(who: Registered) -> Iterator[tuple[str, str, Any]]:
    """(operation, refusal expected, body) of whatever is wrong with what is asked."""
    _, code = who.bought()
    other = registered(code="lembaga-lain")
    _, foreign = other.bought()
    yield STATUS, "code_not_found", {"redeem_code": NOBODYS}
    yield STATUS, "code_not_found", {"redeem_code": "' OR 1=1"}
    yield STATUS, "code_not_found", {"redeem_code": "\ud800\x00"}
    yield COMMIT, "code_of_another_institution", {"redeem_code": foreign}
    yield STATUS, "sequence_out_of_range", {"redeem_code": code, "sequence": 3}
    yield STATUS, "sequence_out_of_range", {"redeem_code": code, "sequence": 0}
    yield (
        URL,
        "code_not_redeemed",
        {"redeem_code": code, "sequence": 1, "redirect_uri": "https://x.id/", "email": "a@x.id"},
    )
    yield (
        SUBMISSION,
        "code_not_redeemed",
        {"redeem_code": code, "scope": "tpm", "sequence": 1, "url_file": "https://x.id/a.pdf"},
    )
    yield SUBMISSION_STATUS, "scope_unknown", {"redeem_code": code, "scope": "x", "sequence": 1}
    yield SUBMISSION_STATUS, "task_sequence_unknown", {"redeem_code": code, "scope": "uk", "sequence": 11}
    for blank in (None, " "):
        body = {"redeem_code": code, "sequence": 1, "redirect_uri": "https://x.id/", "email": blank}
        yield URL, "field_missing", body
    yield STATUS, "field_missing", {}
    yield STATUS, "field_missing", {"redeem_code": " "}
    yield STATUS, "field_missing", {"redeem_code": None}
    yield STATUS, "field_not_text", {"redeem_code": 1}
    yield STATUS, "field_not_text", {"redeem_code": [code]}
    for wrong in ("1", 1.0, True, [], -1, 2**63, 10**400):
        yield STATUS, "field_not_number", {"redeem_code": code, "sequence": wrong}
    yield STATUS, "field_not_number", f'{{"redeem_code":"{code}","sequence":1e400}}'.encode()
    yield STATUS, "body_not_object", [code]
    yield STATUS, "body_not_object", code
    for wrong in (b"", b"{", b"\xff", b"NaN", b'{"redeem_code":NaN}', b"[" * 60_000, b"1" * 5000, b"\xef\xbb\xbf{}"):
        yield STATUS, "body_unreadable", wrong
    yield STATUS, "field_repeated", f'{{"redeem_code":"{code}","redeem_code":"{code}"}}'.encode()
    yield STATUS, "body_too_large", b"[" * 100_000
    yield STATUS, "body_too_large", b" " * 3_000_000


def test_each_wrong_call_is_refused_by_what_is_wrong(who: Registered) -> None:
    seen: dict[str, set[str]] = {}
    for operation, code, fields in asked(who):
        told = call(who, operation, fields)
        assert (told.refusal, told.data) == (code, {}), (operation, str(fields)[:80])
        assert told.status not in (200, 500)
        seen.setdefault(told.message, set()).add(code)
    assert all(len(codes) == 1 for codes in seen.values())
    assert misses(who) == 4


def test_what_was_cancelled_is_told_apart_from_what_was_used(who: Registered, clock: StoppedClock) -> None:
    at = clock.now()
    refunded_id, refunded = who.bought()
    end_purchases(purchase_ids=[refunded_id], at=at)
    assert call(who, COMMIT, {"redeem_code": refunded}).refusal == "transaction_cancelled"
    assert call(who, STATUS, {"redeem_code": refunded}).refusal == "transaction_cancelled"
    _, used = who.bought()
    assert call(who, COMMIT, {"redeem_code": used}).data["status"] == 1
    told = call(who, COMMIT, {"redeem_code": used})
    assert (told.status, told.refusal) == (409, "code_already_used")
    partly_id, partly = who.bought()
    redeem(redemptions=[Redemption(who.training.institution_id, partly)], at=at)
    record_attendance(attendances=[Attendance(who.training.institution_id, partly_id, 1)], at=at)
    end_purchases(purchase_ids=[partly_id], at=at)
    assert call(who, COMMIT, {"redeem_code": partly}).refusal == "code_cancelled"
    assert misses(who) == 0


@pytest.mark.parametrize(("away", "is_in"), [(-3601, False), (-3600, True), (0, True), (3600, True), (3601, False)])
def test_a_scheduled_training_is_redeemed_around_its_start(clock: StoppedClock, away: int, is_in: bool) -> None:
    who = registered(mode=Training.Mode.WEBINAR)
    starts_at = clock.now() - timedelta(seconds=away)
    Session.objects.create(training=who.training, sequence=1, starts_at=starts_at)
    _, redeem_code = who.bought()
    told = call(who, COMMIT, {"redeem_code": redeem_code})
    assert told.refusal == ("" if is_in else "outside_redemption_window")


def test_attendance_is_not_confirmed_online_where_people_meet(who: Registered) -> None:
    Training.objects.filter(pk=who.training.pk).update(mode=Training.Mode.ON_SITE)
    _, redeem_code = who.bought()
    assert call(who, COMMIT, {"redeem_code": redeem_code}).status == 200
    fields = {"redeem_code": redeem_code, "sequence": 1, "redirect_uri": "https://x.id/kembali", "email": "a@x.id"}
    assert call(who, URL, fields).refusal == "course_type_mismatch"
    assert call(who, STATUS, {"redeem_code": redeem_code}).data["is_online_attendance"] is False


# Misses


def test_twenty_misses_suspend_the_key_until_an_officer_lifts_it(who: Registered) -> None:
    _, own = who.bought()
    _, foreign = registered(code="lembaga-lain").bought()
    for number in range(MISS_LIMIT_COUNT):
        assert call(who, STATUS, {"redeem_code": own}).status == 200
        told = call(who, (STATUS, COMMIT)[number % 2], {"redeem_code": (NOBODYS, foreign)[number % 2]})
        assert told.refusal == ("code_not_found", "code_of_another_institution")[number % 2]
    for redeem_code in (own, foreign, NOBODYS):
        told = call(who, STATUS, {"redeem_code": redeem_code})
        assert (told.status, told.refusal) == (429, "too_many_misses")
    lift_keys(key_ids=[who.key_id], at=PROGRAMME_INSTANT)
    assert misses(who) == 0
    assert call(who, STATUS, {"redeem_code": own}).status == 200
    assert call(who, STATUS, {"redeem_code": NOBODYS}).refusal == "code_not_found"


def test_the_same_signature_is_one_miss_and_its_first_answer_stays(who: Registered) -> None:
    now = int(machine_now().timestamp())
    first = call(who, STATUS, {"redeem_code": NOBODYS}, timestamp=now)
    assert call(who, STATUS, {"redeem_code": NOBODYS}, timestamp=now) == first
    assert (first.refusal, misses(who)) == ("code_not_found", 1)
    _, redeem_code = who.bought()
    first = call(who, STATUS, {"redeem_code": redeem_code}, timestamp=now)
    assert call(who, COMMIT, {"redeem_code": redeem_code}).status == 200
    assert call(who, STATUS, {"redeem_code": redeem_code}, timestamp=now) == first
    assert call(who, STATUS, {"redeem_code": redeem_code}, timestamp=now + 1).data["status"] == 1


def test_the_budget_is_not_overrun_by_many_at_once(race: Callable[..., list[Any]]) -> None:
    who = registered()
    PartnerKey.objects.filter(pk=who.key_id).update(miss_count=MISS_LIMIT_COUNT - 3)
    codes = [f"{NOBODYS[:-1]}{last}" for last in "2345678"]
    told = race(*[lambda code=code: call(who, STATUS, {"redeem_code": code}).refusal for code in codes])
    assert sorted(told) == sorted(["code_not_found"] * 3 + ["too_many_misses"] * 4)
    assert misses(who) == MISS_LIMIT_COUNT


def test_two_at_once_with_one_signature_redeem_once(race: Callable[..., list[Any]]) -> None:
    who = registered()
    _, redeem_code = who.bought()
    now = int(machine_now().timestamp())
    told = race(*[lambda: call(who, COMMIT, {"redeem_code": redeem_code}, timestamp=now)] * 4)
    assert [each.status for each in told] == [200] * 4 and all(each == told[0] for each in told)
    assert PartnerCall.objects.count() == 1


# The way in


def test_a_slash_at_the_end_is_the_same_address_and_other_methods_are_told(who: Registered, client: Any) -> None:
    _, redeem_code = who.bought()
    path = f"/api/v1/integration/{STATUS}/"
    assert sent(who, STATUS, {"redeem_code": redeem_code}, path=path).status_code == 200
    assert (
        sent(who, STATUS, {"redeem_code": redeem_code}, path=f"{path}?a=b", content_type="text/plain").status_code
        == 200
    )
    for method in ("get", "put", "patch", "delete", "options", "head"):
        response = getattr(client, method)(path[:-1])
        assert (response.status_code, response["Allow"]) == (405, "POST")
    for nowhere in ("", "payment/refund"):
        response = client.post(f"/api/v1/integration/{nowhere}")
        assert (response.status_code, response["Bekal-Refusal"]) == (404, "endpoint_unknown")


def test_a_place_taken_back_cancels_its_codes(clock: StoppedClock, who: Registered) -> None:
    purchase_id, redeem_code = who.bought()
    participation = Purchase.objects.get(pk=purchase_id).participation
    type(participation).objects.filter(pk=participation.pk).update(revoked_at=clock.now())
    assert call(who, STATUS, {"redeem_code": redeem_code}).refusal == "code_cancelled"
