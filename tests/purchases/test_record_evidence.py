"""`record_evidence`: whatever anybody says, in any order and any number of times, through one intake."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bekal.core.evidence import Piece, Source
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Evidence, EvidenceCase, Purchase
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_evidence import EvidenceOutcome, Message, Speaker, record_evidence
from bekal.purchases.refusals import PurchaseRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.COMPLETED_AT
LATER = factories.RECONCILED_AT


class Desk:
    """One redeemed purchase of a training of two sessions, and who can speak of it."""

    def __init__(self, **training: Any) -> None:
        (self.buyer,) = factories.accepted()
        self.platform = factories.platform()
        self.training = factories.training(session_count=2, platform=self.platform, **training)
        self.purchase_id = factories.redeemed(self.buyer, self.training)
        self.institution = Speaker(Source.INSTITUTION, self.training.institution_id)
        self.on_platform = Speaker(Source.PLATFORM, self.platform.pk)
        self.participant = Speaker(Source.PARTICIPANT, self.buyer)
        self.programme = Speaker(Source.PROGRAMME, 1)

    def message(self, speaker: Speaker, piece: Piece, sequence: int = 1, **said: Any) -> Message:
        return Message(speaker, self.purchase_id, piece, sequence, **said)

    def learnt(self) -> list[Message]:
        """What the institution says of a training completed, the last first."""
        return [
            self.message(self.institution, Piece.COMPLETION),
            self.message(self.institution, Piece.ATTENDANCE, 2),
            self.message(self.institution, Piece.ATTENDANCE, 1),
        ]

    def say(self, *messages: Message, at: Any = AT) -> list[EvidenceOutcome]:
        return list(record_evidence(messages=messages, at=at))


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


def test_a_completion_before_its_attendance_counts_once_that_is_there(desk: Desk) -> None:
    first, *others = desk.learnt()
    assert desk.say(first) == [EvidenceOutcome(desk.purchase_id, None)]
    assert Purchase.objects.get().completed_at is None
    desk.say(*others, at=LATER)
    assert Purchase.objects.get().completed_at == LATER
    desk.training.refresh_from_db()
    assert desk.training.completed_count == 1


def test_one_session_told_twice_with_other_days_is_one_session(desk: Desk) -> None:
    """Found by `prove evidence` in its full size: two rows of session 1 are not sessions 1 and 2."""
    completion, second, first = desk.learnt()
    desk.say(first, replace(first, happened_at=AT - timedelta(days=1)), completion)
    assert Evidence.objects.filter(piece="attendance").count() == 2
    assert Purchase.objects.get().completed_at is None
    desk.say(second, at=LATER)
    assert Purchase.objects.get().completed_at == LATER


def test_what_was_said_before_is_repeated_and_changes_nothing(desk: Desk) -> None:
    first = desk.learnt()[0]
    assert [each.repeated for each in desk.say(first, first, replace(first, revision=2))] == [False, True, False]
    with nothing_changes():
        assert desk.say(first, at=LATER) == [EvidenceOutcome(desk.purchase_id, None, repeated=True)]
        # Another door makes no other message of it.
        assert desk.say(replace(first, door=Evidence.Door.CSV))[0].repeated


def test_a_later_message_never_moves_the_completion(desk: Desk) -> None:
    desk.say(*desk.learnt())
    desk.say(
        desk.message(desk.institution, Piece.ATTENDANCE, 1, holds=False, revision=2, reason="Salah catat"), at=LATER
    )
    desk.say(desk.message(desk.institution, Piece.ATTENDANCE, 1, revision=3), at=LATER)
    assert Purchase.objects.get().completed_at == AT
    desk.training.refresh_from_db()
    assert desk.training.completed_count == 1


def test_a_denial_holds_the_money_and_opens_one_case_until_it_is_taken_back(desk: Desk) -> None:
    desk.say(*desk.learnt())
    factories.review(desk.purchase_id)
    denial = desk.message(desk.participant, Piece.ATTENDANCE, 2, holds=False)
    desk.say(denial)
    desk.say(denial, desk.message(desk.participant, Piece.ATTENDANCE, 1))
    (case,) = EvidenceCase.objects.all()
    assert (case.kind, case.owner_role, case.opened_at, case.closed_at) == ("disagreement", "officer", AT, None)
    assert case.due_on == programme_day(AT) + timedelta(days=7)
    assert reconcile(at=LATER).purchase_ids == ()
    desk.say(desk.message(desk.participant, Piece.ATTENDANCE, 2, revision=2), at=LATER)
    (case,) = EvidenceCase.objects.all()
    assert (case.closed_at, case.resolution) == (LATER, "agreed")
    assert reconcile(at=LATER).purchase_ids == (desk.purchase_id,)


@pytest.mark.parametrize("holds", [True, False])
def test_the_programme_decides(desk: Desk, holds: bool) -> None:
    desk.say(*desk.learnt(), desk.message(desk.participant, Piece.ATTENDANCE, 2, holds=False))
    desk.say(desk.message(desk.programme, Piece.ATTENDANCE, 2, holds=holds), at=LATER)
    assert EvidenceCase.objects.get().resolution == "decided"
    assert (Purchase.objects.get().completed_at is not None) == holds


def test_a_platform_that_saw_less_contests_the_completion(desk: Desk) -> None:
    desk.say(desk.message(desk.on_platform, Piece.PROGRESS, percent=80), *desk.learnt())
    assert EvidenceCase.objects.get().kind == "progress_below"
    assert Purchase.objects.get().completed_at is None
    desk.say(desk.message(desk.on_platform, Piece.PROGRESS, percent=100), at=LATER)
    assert EvidenceCase.objects.get().resolution == "agreed"
    assert Purchase.objects.get().completed_at == LATER


def test_what_is_denied_after_the_money_moved_is_a_case(desk: Desk) -> None:
    desk.say(*desk.learnt())
    factories.review(desk.purchase_id)
    assert reconcile(at=LATER).purchase_ids == (desk.purchase_id,)
    desk.say(desk.message(desk.institution, Piece.COMPLETION, holds=False, revision=2), at=LATER)
    assert EvidenceCase.objects.get().kind == "taken_back"


def test_who_was_not_handed_a_purchase_learns_nothing_of_it(desk: Desk) -> None:
    desk.say(*desk.learnt())
    strangers = [
        Speaker(Source.INSTITUTION, factories.institution().pk),
        Speaker(Source.PLATFORM, factories.platform().pk),
        Speaker(Source.PARTICIPANT, factories.accepted()[0]),
        Speaker(Source.INSTITUTION, 2**70),
    ]
    messages = [desk.message(stranger, Piece.COMPLETION, 99, percent=-1) for stranger in strangers]
    messages += [Message(desk.institution, number, Piece.COMPLETION) for number in (desk.purchase_id + 1, 0, 2**70)]
    with nothing_changes():
        assert [each.refusal for each in desk.say(*messages)] == [Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)] * 7


@pytest.mark.parametrize(
    ("source", "piece", "said", "code"),
    [
        ("institution", "attendance", {"sequence": 3}, PurchaseRefusal.SESSION_OUT_OF_RANGE),
        ("institution", "completion", {"sequence": 2}, PurchaseRefusal.SESSION_OUT_OF_RANGE),
        ("institution", "rating", {}, PurchaseRefusal.PIECE_OF_ANOTHER),
        ("participant", "progress", {"percent": 5}, PurchaseRefusal.PIECE_OF_ANOTHER),
        ("participant", "review", {}, PurchaseRefusal.NOT_REVIEWED),
        ("institution", "progress", {}, PurchaseRefusal.PERCENT_MISSING),
        ("institution", "attendance", {"percent": 50}, PurchaseRefusal.PERCENT_WITHOUT_MEANING),
        ("institution", "progress", {"percent": 101}, PurchaseRefusal.PERCENT_OUT_OF_RANGE),
        ("institution", "completion", {"percent": -1}, PurchaseRefusal.PERCENT_OUT_OF_RANGE),
        ("institution", "completion", {"revision": 0}, PurchaseRefusal.REVISION_OUT_OF_RANGE),
        ("institution", "completion", {"revision": 2**15}, PurchaseRefusal.REVISION_OUT_OF_RANGE),
        ("institution", "completion", {"reason": "x" * 301}, PurchaseRefusal.REASON_TOO_LONG),
        ("institution", "completion", {"reason": "\x00"}, PurchaseRefusal.REASON_UNREADABLE),
        ("institution", "completion", {"happened_at": LATER}, PurchaseRefusal.HAPPENED_IN_FUTURE),
        (
            "institution",
            "completion",
            {"happened_at": factories.BOUGHT_AT - timedelta(seconds=1)},
            PurchaseRefusal.HAPPENED_BEFORE_PURCHASE,
        ),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, source: str, piece: str, said: dict[str, Any], code: str) -> None:
    speakers = {"institution": desk.institution, "participant": desk.participant}
    with nothing_changes():
        (outcome,) = desk.say(desk.message(speakers[source], Piece(piece), **said))
    assert outcome.refusal is not None and outcome.refusal.code == code


def test_nothing_is_said_of_what_is_not_redeemed_or_has_ended(desk: Desk) -> None:
    (other,) = factories.accepted()
    bought = factories.bought(other, desk.training).purchase_id or 0
    (outcome,) = desk.say(Message(desk.institution, bought, Piece.COMPLETION))
    assert outcome.refusal == Refusal(PurchaseRefusal.NOT_REDEEMED)
    # Nor does an institution learn that what it was never handed has ended.
    end_purchases(purchase_ids=[bought], at=AT)
    (outcome,) = desk.say(Message(desk.institution, bought, Piece.COMPLETION))
    assert outcome.refusal == Refusal(PurchaseRefusal.NOT_REDEEMED)
    (outcome,) = desk.say(Message(Speaker(Source.PARTICIPANT, other), bought, Piece.COMPLETION))
    assert outcome.refusal is not None and outcome.refusal.code == PurchaseRefusal.PURCHASE_ENDED
