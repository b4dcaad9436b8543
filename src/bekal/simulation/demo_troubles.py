"""What does not go smoothly in the demo, and a second participant whose pages show it: contested proof, cases of two
officers, payments that wait, a hidden review. All of it by the verbs, in the days before the demo opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from bekal.accounts.note_devices import DeviceUse, note_devices
from bekal.alarms.ownership import OWNERSHIP
from bekal.alarms.timing import TIMING
from bekal.alarms.watch import watch
from bekal.catalogue.models import Training
from bekal.core.evidence import Piece, Source
from bekal.core.refusal import Refusal
from bekal.holds.appeal_holds import Appeal, appeal_holds
from bekal.holds.decide_holds import propose_holds, take_holds
from bekal.holds.models import Hold
from bekal.participants.give_sign_in import give_sign_in
from bekal.participants.models import Participation
from bekal.partners.purchase_intents import IntentWish, open_intents
from bekal.partners.sell_by_intent import HeldIntent, Sale, ask_code, held_intent, sell
from bekal.purchases.confirm_attendance import Confirmation, confirm_attendance
from bekal.purchases.decide_cases import preview_ruling, propose_ruling, take_cases
from bekal.purchases.decide_reviews import NewDecision, decide_reviews
from bekal.purchases.models import CaseRuling, EvidenceCase, Purchase, Review, ReviewDecision, ReviewFlag
from bekal.purchases.queries import purchases_of
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.report_reviews import ReviewReport, report_reviews

DENIED_COUNT, SEEN_LESS_COUNT, HASTY_COUNT = 6, 4, 3
DEVICE = "demo-shared-device"
HIDDEN = "Ulasan ini menyebut nama dan alamat orang lain."
OBJECTION = "Saya belajar sendiri. Laptop itu milik lembaga dan dipakai bergantian oleh semua peserta."
NOT_FINISHED = "Catatan platform menunjukkan materi belum selesai."
# Who has lived through most: some of it proven, some being learned, some that waits for a review, and with a balance
# left that buys one more training.
PEOPLE_SQL = """
SELECT purchase.participation_id, max(balance.remaining_rupiah) >= %(price)s
       AND bool_and(purchase.training_id IS DISTINCT FROM %(offer)s) AS may_buy
FROM purchases_purchase purchase
JOIN participants_participation place ON place.id = purchase.participation_id
JOIN participants_participant person ON person.id = place.participant_id
JOIN ledger_trainingbalance balance ON balance.owner_id = place.id
LEFT JOIN purchases_review review ON review.purchase_id = purchase.id
WHERE place.revoked_at IS NULL AND person.user_id IS NULL
GROUP BY 1
ORDER BY bool_or(purchase.id = ANY(%(learning)s::bigint[])) DESC, may_buy DESC,
         bool_or(purchase.reconciled_at IS NOT NULL) DESC,
         bool_or(purchase.completed_at IS NOT NULL AND review.purchase_id IS NULL) DESC, count(*) DESC, 1
LIMIT 1
"""
# Being learned, with sessions on record: what a participant can deny.
LEARNING_SQL = """
SELECT purchase.id, purchase.participation_id FROM purchases_purchase purchase
WHERE purchase.redeemed_at < %s AND purchase.completed_at IS NULL AND purchase.ended_at IS NULL
  AND EXISTS (SELECT 1 FROM purchases_evidence said WHERE said.purchase_id = purchase.id AND said.sequence = 1
              AND said.piece = 'attendance' AND said.source = 'institution' AND said.holds)
ORDER BY purchase.redeemed_at DESC, purchase.id
"""


@dataclass(frozen=True, slots=True)
class Office:
    """The demo's two officers and the one institution whose staff sign in."""

    officer_id: int
    second_id: int
    staff_id: int
    institution_id: int


def make_demo_troubles(*, office: Office, login_name: str, password: str, at: datetime) -> None:
    """Everything of it; what a small demo has nothing for is left out, apart from the participant's sign-in."""
    with connection.cursor() as cursor:
        cursor.execute(LEARNING_SQL, [at - timedelta(days=12)])
        learning: list[tuple[int, int]] = cursor.fetchall()
    place, offer = _who(learning, office.institution_id)
    give_sign_in(participant_id=place.participant_id, login_name=login_name, password=password, is_demo=True)
    place.participant.refresh_from_db()
    _contest(learning, place, office, at)
    _moderate(place, office, at)
    if offer is not None:
        _sell(place, offer, at - timedelta(minutes=40))
        user_ids = [office.staff_id, place.participant.user_id]
        note_devices(uses=[DeviceUse(number, DEVICE) for number in user_ids if number], at=at)
    _hurry(at - timedelta(hours=2))
    watch(at=at, detectors=(OWNERSHIP, TIMING))
    _look_at_holds(place, office, at)


def _who(learning: Sequence[tuple[int, int]], institution_id: int) -> tuple[Participation, Training | None]:
    """The participant, and a training of that institution that they can buy over a platform; anybody where none has
    bought anything."""
    shelf = Training.objects.filter(institution_id=institution_id, platform__isnull=False, seat_count=None)
    offer = shelf.exclude(is_suspended=True).order_by("price_rupiah", "pk").first()
    values: dict[str, list[int] | int | None] = {
        "learning": [number for number, _ in learning],
        "offer": offer.pk if offer else None,
        "price": offer.price_rupiah if offer else 0,
    }
    rows = Participation.objects.select_related("participant")
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE_SQL, values)
        found = cursor.fetchone()
    if found is None:
        return rows.filter(participant__user=None).order_by("pk")[0], None
    return rows.get(pk=found[0]), offer if found[1] else None


def _contest(learning: Sequence[tuple[int, int]], place: Participation, office: Office, at: datetime) -> None:
    """Participants deny a session, a platform saw less than was claimed, one institution takes a completion back."""
    own = [each for each in learning if each[1] == place.pk][:1]
    denied = own + [each for each in learning if each[1] != place.pk][:DENIED_COUNT]
    for days, (purchase_id, participation_id) in enumerate(denied, start=1):
        confirmation = Confirmation(participation_id, purchase_id, 1, was_there=False)
        confirm_attendance(confirmations=[confirmation], at=at - timedelta(days=days * 2 - 1))
    finished = Purchase.objects.filter(completed_at__lt=at - timedelta(days=6), reconciled_at=None, ended_at=None)
    finished = finished.exclude(participation=place).filter(training__platform__isnull=False)
    for days, row in enumerate(finished.select_related("training").order_by("-completed_at", "pk")[:SEEN_LESS_COUNT]):
        platform = Speaker(Source.PLATFORM, row.training.platform_id or 0)
        seen = Message(platform, row.pk, Piece.PROGRESS, percent=40 + 10 * days)
        record_evidence(messages=[seen], at=at - timedelta(days=5 - days))
    proven = Purchase.objects.filter(reconciled_at__lt=at - timedelta(days=20), settlement=None)
    proven = proven.exclude(participation=place).exclude(participation__participant__user__isnull=False)
    for row in proven.select_related("training").order_by("-reconciled_at", "pk")[:1]:
        teacher = Speaker(Source.INSTITUTION, row.training.institution_id)
        reason = "Salah orang: nilai peserta lain."
        taken_back = Message(teacher, row.pk, Piece.COMPLETION, holds=False, reason=reason, revision=2)
        record_evidence(messages=[taken_back], at=at - timedelta(days=1))
    _decide(office, at)


def _decide(office: Office, at: datetime) -> None:
    """One officer has taken two cases, the other proposes a decision over those of one kind."""
    cases = EvidenceCase.objects.filter(closed_at=None).order_by("pk")
    take_cases(case_ids=[each.pk for each in cases[:2]], officer_id=office.officer_id, at=at)
    alike = list(cases.filter(kind="progress_below").values_list("pk", flat=True))
    if not alike:
        return
    verdict = CaseRuling.Verdict.NOT_PROVEN.value
    seen = preview_ruling(case_ids=alike, verdict=verdict, reason=NOT_FINISHED)
    propose_ruling(
        case_ids=alike,
        verdict=verdict,
        reason=NOT_FINISHED,
        seen_sha256=seen.list_sha256,
        officer_id=office.second_id,
        at=at - timedelta(hours=1),
    )


def _moderate(place: Participation, office: Office, at: datetime) -> None:
    """The participant's own review is hidden, and they have reported another's."""
    review = Review.objects.filter(purchase__participation=place, hidden_at=None).order_by("pk").first()
    if review is not None:
        hide = ReviewDecision.Decision.HIDDEN
        flag_count = review.flags.count()
        decision = NewDecision(review.pk, hide, office.second_id, review.versions.count(), flag_count, HIDDEN)
        decide_reviews(decisions=[decision], at=at - timedelta(days=2))
    other = (
        Review.objects.exclude(purchase__participation=place).filter(hidden_at=None).order_by("rating", "pk").first()
    )
    if other is not None and place.participant.user_id:
        why = "Tertulis nomor telepon seseorang."
        reason = ReviewFlag.Reason.PERSONAL_DATA
        report = ReviewReport(other.pk, reason, place.participant.user_id, participation_id=place.pk, note=why)
        report_reviews(reports=[report], at=at - timedelta(days=3))


def _sell(place: Participation, offer: Training, at: datetime) -> None:
    """As the platform does it: a start code, the digits of the message, the sale; then the code at the institution."""
    assert offer.platform_id is not None
    (start,) = open_intents(wishes=[IntentWish(place.pk, offer.pk, offer.price_rupiah)], at=at)
    if isinstance(start, Refusal):
        return
    intent = held_intent(start_code=start.code, platform_id=offer.platform_id, at=at)
    assert isinstance(intent, HeldIntent)
    digits = ask_code(intent=intent, at=at)
    if isinstance(digits, Refusal):
        return
    read_at = at + timedelta(minutes=2)
    (sold,) = sell(sales=[Sale(start.code, digits.code)], platform_id=offer.platform_id, at=read_at)
    if sold.redeem_code:
        redeem(redemptions=[Redemption(offer.institution_id, sold.redeem_code)], at=at + timedelta(minutes=20))


def _hurry(at: datetime) -> None:
    """Some trainings of many hours are redeemed, attended and completed within one."""
    unused = Purchase.objects.filter(redeemed_at=None, ended_at=None, training__hours__gte=6)
    unused = unused.filter(participation__participant__user=None, training__sessions=None)
    for row in unused.select_related("training").order_by("training__institution_id", "pk")[:HASTY_COUNT]:
        line = next(line for line in purchases_of(participation_id=row.participation_id) if line.purchase_id == row.pk)
        home = line.institution_id
        if line.redeem_code is None:
            continue
        redeem(redemptions=[Redemption(home, line.redeem_code)], at=at)
        sessions = [Attendance(home, row.pk, number + 1) for number in range(line.session_count)]
        record_attendance(attendances=sessions, at=at + timedelta(minutes=30))
        record_completion(completions=[Completion(home, row.pk)], at=at + timedelta(minutes=50))


def _look_at_holds(place: Participation, office: Office, at: datetime) -> None:
    """The participant has objected; an officer has taken one, another proposes to withhold one for longer."""
    own = Hold.objects.filter(participation=place).values_list("pk", flat=True).first()
    if own is not None:
        appeal_holds(appeals=[Appeal(own, OBJECTION, participation_id=place.pk)], at=at)
    others = list(Hold.objects.exclude(participation=place).order_by("pk").values_list("pk", flat=True))
    take_holds(hold_ids=others[:1], officer_id=office.officer_id, at=at)
    reason = "Lembaga tidak dapat menunjukkan daftar hadir."
    propose_holds(hold_ids=others[1:2], officer_id=office.second_id, reason=reason, at=at)
