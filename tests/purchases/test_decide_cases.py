"""Contested evidence is decided by two officers, on exactly what was seen, by a statement that is added."""

from datetime import timedelta

import pytest

from bekal.core.evidence import Piece, Source
from bekal.core.refusal import Refusal
from bekal.purchases.decide_cases import (
    CASES_LIMIT,
    ProposedRuling,
    confirm_ruling,
    drop_ruling,
    preview_ruling,
    propose_ruling,
    take_cases,
)
from bekal.purchases.models import CaseRuling, CaseRulingLine, Evidence, EvidenceCase, Purchase
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from bekal.purchases.refusals import CaseRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
AT = factories.RECONCILED_AT
WHY = "Daftar hadir lembaga dan foto layar."


def denied(person: int, purchase_id: int, *, revision: int = 1) -> None:
    message = Message(
        Speaker(Source.PARTICIPANT, person), purchase_id, Piece.ATTENDANCE, holds=False, revision=revision
    )
    (outcome,) = record_evidence(messages=[message], at=AT)
    assert outcome.refusal is None


def contested(number: int = 1) -> list[tuple[int, int, int]]:
    """(person, purchase, case) of completed and reviewed purchases whose attendance the participant denies."""
    training = factories.training(price_rupiah=200_000)
    found = []
    for person in factories.accepted(number):
        purchase_id = factories.reviewed(person, training)
        denied(person, purchase_id)
        found.append((person, purchase_id, EvidenceCase.objects.get(purchase=purchase_id).pk))
    return found


def proposed(case_ids: list[int], officer_id: int, verdict: str = "proven") -> int:
    seen = preview_ruling(case_ids=case_ids, verdict=verdict, reason=WHY).list_sha256
    outcome = propose_ruling(
        case_ids=case_ids, verdict=verdict, reason=WHY, seen_sha256=seen, officer_id=officer_id, at=AT
    )
    assert outcome.ruling_id is not None, outcome
    return outcome.ruling_id


def decide(case_ids: list[int], verdict: str) -> None:
    """Two officers decide these cases."""
    ruling_id = proposed(case_ids, factories.officer().pk, verdict)
    second = factories.officer().pk
    confirmed = confirm_ruling(ruling_id=ruling_id, officer_id=second, seen_sha256=seal(ruling_id), at=AT)
    assert confirmed.decided_count == len(case_ids)


def seal(ruling_id: int) -> bytes:
    return bytes(CaseRuling.objects.get(pk=ruling_id).list_sha256)


def test_one_proposes_another_confirms_and_the_price_is_released() -> None:
    ((_, purchase_id, case_id),) = contested()
    first, second = factories.officer().pk, factories.officer().pk
    assert reconcile(at=AT).purchase_ids == ()
    ruling_id = proposed([case_id], first)
    assert EvidenceCase.objects.get().closed_at is None
    confirmed = confirm_ruling(ruling_id=ruling_id, officer_id=second, seen_sha256=seal(ruling_id), at=AT)
    assert (confirmed.decided_count, confirmed.refused_count, confirmed.refusal) == (1, 0, None)
    said = Evidence.objects.get(source="programme")
    assert (said.piece, said.holds, said.reason, said.purchase_id) == ("attendance", True, WHY, purchase_id)
    assert EvidenceCase.objects.get().resolution == "decided"
    assert reconcile(at=AT).purchase_ids == (purchase_id,)


def test_the_second_person_is_never_the_first() -> None:
    ((_, _, case_id),) = contested()
    first = factories.officer().pk
    ruling_id = proposed([case_id], first)
    with nothing_changes():
        outcome = confirm_ruling(ruling_id=ruling_id, officer_id=first, seen_sha256=seal(ruling_id), at=AT)
    assert outcome.refusal is not None and outcome.refusal.code is CaseRefusal.RULING_SAME_PERSON


def test_what_is_contested_and_not_needed_by_the_rules_waits_too() -> None:
    (person,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.reviewed(person, training)
    teacher = Speaker(Source.INSTITUTION, training.institution_id)
    said = [Message(teacher, purchase_id, Piece.CERTIFICATE, holds=holds) for holds in (True, False)]
    record_evidence(messages=said, at=AT)
    assert EvidenceCase.objects.get().kind == "contradiction"
    assert reconcile(at=AT).purchase_ids == ()


def test_not_proven_releases_nothing_and_a_decided_case_does_not_open_again() -> None:
    ((person, purchase_id, case_id),) = contested()
    ruling_id = proposed([case_id], factories.officer().pk, "not_proven")
    confirm_ruling(ruling_id=ruling_id, officer_id=factories.officer().pk, seen_sha256=seal(ruling_id), at=AT)
    assert reconcile(at=AT).purchase_ids == ()
    denied(person, purchase_id, revision=2)
    message = Message(Speaker(Source.PARTICIPANT, person), purchase_id, Piece.ATTENDANCE, revision=3)
    record_evidence(messages=[message], at=AT)
    assert EvidenceCase.objects.filter(closed_at=None).count() == 0


def test_what_is_denied_after_the_money_moved_is_decided_once() -> None:
    (person,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.reconciled(person, training)
    taken_back = Message(
        Speaker(Source.INSTITUTION, training.institution_id), purchase_id, Piece.ATTENDANCE, holds=False, revision=2
    )
    record_evidence(messages=[taken_back], at=AT)
    case = EvidenceCase.objects.get()
    assert case.kind == "taken_back"
    ruling_id = proposed([case.pk], factories.officer().pk, "not_proven")
    confirm_ruling(ruling_id=ruling_id, officer_id=factories.officer().pk, seen_sha256=seal(ruling_id), at=AT)
    case.refresh_from_db()
    assert case.resolution == "decided"
    assert Purchase.objects.get().reconciled_at is not None


def test_many_are_decided_at_once_and_what_changed_is_left_out_with_its_reason() -> None:
    found = contested(3)
    case_ids = [case_id for *_, case_id in found]
    preview = preview_ruling(case_ids=case_ids, verdict="proven", reason=WHY)
    assert (len(preview.lines), preview.total_rupiah, preview.kind_counts) == (3, 600_000, {"disagreement": 3})
    ruling_id = proposed(case_ids, factories.officer().pk)
    (person, purchase_id, changed), (agreeing, other_id, closed), _ = found
    denied(person, purchase_id, revision=2)
    message = Message(Speaker(Source.PARTICIPANT, agreeing), other_id, Piece.ATTENDANCE, revision=2)
    record_evidence(messages=[message], at=AT)
    second = factories.officer().pk
    outcome = confirm_ruling(ruling_id=ruling_id, officer_id=second, seen_sha256=seal(ruling_id), at=AT)
    assert (outcome.decided_count, outcome.refused_count) == (1, 2)
    refusals = dict(CaseRulingLine.objects.order_by("pk").values_list("case_id", "refusal"))
    assert refusals[changed] == "case_changed" and refusals[closed] == "case_closed"
    assert Evidence.objects.filter(source="programme").count() == 1
    with nothing_changes():
        again = confirm_ruling(ruling_id=ruling_id, officer_id=second, seen_sha256=seal(ruling_id), at=AT)
    assert again.refusal is not None and again.refusal.code is CaseRefusal.RULING_CLOSED


def test_only_what_was_seen_is_proposed_and_confirmed() -> None:
    ((person, purchase_id, case_id),) = contested()
    officer = factories.officer().pk
    seen = preview_ruling(case_ids=[case_id], verdict="proven", reason=WHY).list_sha256
    denied(person, purchase_id, revision=2)

    def propose(**changes: object) -> ProposedRuling:
        values = {"case_ids": [case_id], "verdict": "proven", "reason": WHY, "seen_sha256": seen}
        return propose_ruling(**values | changes, officer_id=officer, at=AT)  # type: ignore[arg-type]

    with nothing_changes():
        wrong = {
            CaseRefusal.CASES_CHANGED: propose(),
            CaseRefusal.VERDICT_UNKNOWN: propose(verdict="x"),
            CaseRefusal.DECISION_REASON_EMPTY: propose(reason=" "),
            CaseRefusal.DECISION_REASON_TOO_LONG: propose(reason="x" * 301),
            CaseRefusal.DECISION_REASON_UNREADABLE: propose(reason="a\x00b"),
            CaseRefusal.CASES_TOO_MANY: propose(case_ids=list(range(CASES_LIMIT + 1))),
            CaseRefusal.CASES_NONE: propose(case_ids=[2**70]),
        }
        for code, outcome in wrong.items():
            assert outcome.refusal is not None and outcome.refusal.code is code, outcome
    ruling_id = proposed([case_id], officer)
    seen = seal(ruling_id)
    assert propose().repeated and propose().ruling_id == ruling_id
    second = factories.officer().pk
    with nothing_changes():
        for number, sha256, code in [
            (ruling_id, b"", CaseRefusal.RULING_CHANGED),
            (2**70, seen, CaseRefusal.RULING_NOT_FOUND),
        ]:
            refused = confirm_ruling(ruling_id=number, officer_id=second, seen_sha256=sha256, at=AT).refusal
            assert refused is not None and refused.code is code


def test_a_proposal_is_dropped_and_a_case_is_taken() -> None:
    ((_, _, case_id),) = contested()
    officer = factories.officer().pk
    assert take_cases(case_ids=[case_id, 2**70], officer_id=officer, at=AT) == 1
    assert EvidenceCase.objects.get().officer_id == officer
    ruling_id = proposed([case_id], officer)
    assert drop_ruling(ruling_id=ruling_id, officer_id=officer, at=AT + timedelta(hours=1)) is None
    refusal = drop_ruling(ruling_id=ruling_id, officer_id=officer, at=AT)
    assert refusal == Refusal(CaseRefusal.RULING_CLOSED, {"ruling_id": ruling_id})
    confirmed = confirm_ruling(ruling_id=ruling_id, officer_id=officer, seen_sha256=seal(ruling_id), at=AT)
    assert confirmed.refusal == refusal
