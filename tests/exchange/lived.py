"""A small programme in which everything has happened once that an export must carry, all of it by the verbs."""

from datetime import date, datetime, timedelta
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from bekal.catalogue.accredit import NewAccreditation, accredit
from bekal.catalogue.models import Training
from bekal.catalogue.schedule_sessions import NewSession, schedule_sessions
from bekal.catalogue.stop_settlement import stop_settlement
from bekal.holds.decide_holds import lift_holds
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.entitle import entitle
from bekal.incentives.models import Entitlement, Payout
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.settle_payouts import settle_payouts
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.participants.mark_unreachable import Unreachable, mark_unreachable
from bekal.participants.models import Participant, Participation
from bekal.participants.set_districts import NewDistrict, set_districts
from bekal.purchases.decide_reviews import NewDecision, decide_reviews
from bekal.purchases.edit_reviews import ReviewEdit, edit_reviews
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase, ReviewDecision
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.reply_to_reviews import NewReply, reply_to_reviews
from bekal.purchases.report_reviews import ReviewAppeal, ReviewReport, appeal_reviews, report_reviews
from bekal.purchases.settle_institutions import settle_institutions, settleable_ids
from bekal.purchases.write_review import NewReview, write_review
from tests import databases, factories
from tests.engagement.journey import answer
from tests.exchange import lived_evidence, lived_holds, lived_shelf
from tests.factories import BOUGHT_AT, RECONCILED_AT, jakarta
from tests.factories.holding import held
from tests.factories.shelf import owned
from tests.incentives import journey
from tests.incentives.partner import status_file
from tests.lifecycle import money_back

STATE_SQL = Path(__file__).with_name("state.sql").read_text()
REVIEW = 'Pengajarnya sabar \U0001f469\u200d\U0001f3eb\n\n"Baris"  kedua; =1+1, cafe\u0301.'
CHOICES = "learner,training,completed_on,sex,birth_year\nA-1,pilihan,2019-05-01,F,1990\nA-2,pilihan,,M,\n"
OPENED = (
    "nik,full_name,sex,born_on,education,employment,province,wave,accepted_at,registered_at,"
    "training_balance_rupiah,incentives_left_count,surveys_left_count,opened_at\n"
    "3273014106900001,Dewi  Lestari,F,1990-06-01,3,1,32,{wave},2020-04-20,2020-04-12,250000,3,2,2020-06-01\n"
)
PHONE = "nik,kind,value\n3273014106900001,phone,081234500001\n"


def state(nik_hash: bytes | None = None) -> dict[str, tuple[int, str]]:
    """Rows and digest of everything an export carries, by what it is; of one person only with their NIK's hash."""
    with connection.cursor() as cursor:
        cursor.execute(STATE_SQL, {"person": nik_hash})
        return {what: (count, digest) for what, count, digest in cursor.fetchall()}


def empty_the_database() -> None:
    """No row is left, and new rows get other numbers than the old ones had."""
    owner = databases.owner_connection(str(connection.settings_dict["NAME"]))
    with owner:
        databases.empty_all_tables(owner)
        names = owner.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1").fetchall()
        for place, (name,) in enumerate(names):
            owner.execute(f"SELECT setval('{name}', {7 + 3 * place})")


def live(folder: Path) -> None:
    """Everything, until the end of 2020."""
    set_districts(districts=[NewDistrict(id=7, name="Kota Bandung", province=32, accepted_count_by_year={2020: 5})])
    training = factories.training(
        code="pilihan",
        session_count=2,
        seat_count=50,
        description="Dua sesi.\n\n- Satu\n- Dua",
        mode="webinar",
        province=32,
        hours=6,
    )
    session = NewSession(
        training_code="pilihan",
        sequence=1,
        starts_at=jakarta(2020, 5, 1),
        ends_at=jakarta(2020, 5, 1, 12),
        place="Bandung",
    )
    schedule_sessions(sessions=[session], at=BOUGHT_AT)
    _decide_about(training)
    people = factories.accepted(4, district_id=7, full_name="Ayu  Sre\u0301 Dewi")
    journey.learned(people, training)
    _buy_more(people)
    _pay(people)
    _come_back(people)
    _end_purchases(people)
    _end(people)
    _settle(people)
    _ask_back()
    lived_evidence.dispute()
    lived_shelf.curate_and_suspend(training)
    lived_holds.hold()
    _bring_from_elsewhere(folder)


def _decide_about(training: Training) -> None:
    """Accredited, then for longer; owned by one who is owned by another; offered for less."""
    for until_on, at in ((date(2025, 1, 1), jakarta(2020, 1, 3)), (None, jakarta(2020, 1, 4))):
        new = NewAccreditation(
            institution_id=training.institution_id,
            state="accredited",
            number="A/1",
            until_on=until_on,
            reason="Surat, tim",
            by_id=factories.officer("petugas-akreditasi").pk if until_on else None,
        )
        assert accredit(accreditations=[new], at=at)[0].refusal is None
    share = owned("PT Induk", institution=training.institution)
    owned("Bapak Besar", share=40, held_owner=share.shareholder, until_on=date(2020, 2, 1))


def _buy_more(people: tuple[int, ...]) -> None:
    """A review with every character, a free training, a session that was missed, and a code nobody has redeemed."""
    later = BOUGHT_AT + timedelta(days=20, microseconds=1)
    reviewed_id = factories.completed(people[0], factories.training(price_rupiah=100_000), at=later)
    review = NewReview(people[0], reviewed_id, 2, REVIEW)
    (outcome,) = write_review(reviews=[review], at=later + timedelta(days=3))
    assert outcome.refusal is None, outcome
    _rework_review(people[0], reviewed_id, later + timedelta(days=4))
    factories.reconciled(people[1], factories.training(price_rupiah=0), at=later)
    long = factories.training(session_count=3, price_rupiah=200_000)
    started = Purchase.objects.get(pk=factories.redeemed(people[2], long, at=later))
    attendance = Attendance(long.institution_id, started.pk, 2)
    record_attendance(attendances=[attendance], at=later + timedelta(days=2))
    factories.bought(people[3], factories.training(price_rupiah=150_000), at=later)
    factories.bought(people[1], factories.training(price_rupiah=60_000), at=later)
    reconcile(at=later + timedelta(days=9))


def _rework_review(author: int, purchase_id: int, at: datetime) -> None:
    """Reworded with a number in it, replied to twice, reported, hidden, appealed against, shown again, hidden again."""
    training = Purchase.objects.get(pk=purchase_id).training
    (edited,) = edit_reviews(edits=[ReviewEdit(author, purchase_id, 3, "Telepon 081234567890!")], at=at)
    staff = factories.institution_staff(training.institution)
    for text in ("Terima kasih.", "Terima kasih, kami perbaiki."):
        reply = NewReply(training.institution_id, purchase_id, staff.pk, text)
        reply_to_reviews(replies=[reply], at=at + timedelta(hours=1))
    report = ReviewReport(
        purchase_id, "insult", staff.pk, institution_id=training.institution_id, note="Kasar,\nsekali."
    )
    (reported,) = report_reviews(reports=[report], at=at + timedelta(hours=2))
    assert edited.refusal is None and reported.refusal is None
    officers = [factories.officer(), factories.officer()]
    choices = (ReviewDecision.Decision.HIDDEN, ReviewDecision.Decision.STANDS, ReviewDecision.Decision.HIDDEN)
    for day, decision in enumerate(choices):
        new = NewDecision(purchase_id, decision, officers[day % 2].pk, 2, 2, f"Alasan {day}.")
        (decided,) = decide_reviews(decisions=[new], at=at + timedelta(days=1 + day))
        assert decided.refusal is None, decided
    appeal = ReviewAppeal(author, purchase_id, staff.pk, "Itu pengalaman saya.")
    (appealed,) = appeal_reviews(appeals=[appeal], at=at + timedelta(days=5))
    assert appealed.refusal is None, appealed


def _pay(people: tuple[int, ...]) -> None:
    """Settled, rejected and paid at the second attempt, cancelled, kept back (alarm, changed account), sent
    without an answer, planned, and not due yet."""
    entitle(at=RECONCILED_AT + timedelta(hours=1))
    first = journey.exported()
    journey.settled(first, {journey.references(first.run_id)[0]: "NAME"})
    person = Participation.objects.get(pk=people[0]).participant
    factories.changed_account(person.pk, "ovo", "081299990000", name=person.full_name, at=jakarta(2020, 5, 1))
    outcome = answer(people[1], effective="yes")
    assert outcome.refusal is None, outcome
    dropped = journey.planned(planned_for=date(2020, 5, 26), at=jakarta(2020, 5, 26, 8))
    assert dropped.run_id is not None
    officer = factories.officer()
    assert cancel_payout_run(run_id=dropped.run_id, officer_id=officer.pk, at=jakarta(2020, 5, 26, 9)).payout_count
    journey.settled(
        journey.exported(planned_for=date(2020, 5, 26), at=jakarta(2020, 5, 26, 10)), at=jakarta(2020, 5, 27)
    )
    run_id = journey.approved(planned_for=date(2020, 6, 25), at=jakarta(2020, 6, 25, 8))
    hold_id = held(people[2], at=jakarta(2020, 6, 25, 9))
    other = Participation.objects.get(pk=people[1]).participant
    factories.changed_account(other.pk, "gopay", "081299991111", name=other.full_name, at=jakarta(2020, 6, 25, 9))
    exported = journey.export(run_id=run_id, at=jakarta(2020, 6, 25, 10))
    assert (exported.withheld_count, exported.changed_count) == (2, 1)
    lift_holds(hold_ids=[hold_id], officer_id=officer.pk, reason="Keluarga.", at=jakarta(2020, 6, 30))
    journey.planned(planned_for=date(2020, 7, 27), at=jakarta(2020, 7, 27, 8))
    assert Entitlement.objects.filter(kind="survey").exists()


def _come_back(people: tuple[int, ...]) -> None:
    """Of what was paid the bank sends one payment back, and the programme takes another back."""
    paid = Payout.objects.filter(statuses__state="settled", ended_at=None).order_by("reference")
    returned, reversed_ = paid.filter(entitlement__participation_id__in=people[1:3])[:2]
    content = status_file([(returned.reference, returned.amount_rupiah, "returned", "AC06")])
    at = jakarta(2020, 7, 30)
    partner = returned.partner
    assert settle_payouts(partner=partner, name="retur.csv", content=content, at=at).returned_count == 1
    (outcome,) = journey.taken_back(reversed_.reference, at=at + timedelta(hours=1))
    assert outcome.refusal is None, outcome


def _end_purchases(people: tuple[int, ...]) -> None:
    """One never redeemed goes back whole to the balance, one after a session in part, one attended whole."""
    at = jakarta(2020, 8, 1)
    ids = Purchase.objects.filter(participation_id__in=people[2:], reconciled_at=None).order_by("id")
    whole = factories.redeemed(people[0], factories.training(price_rupiah=70_000), at=at)
    institution_id = Purchase.objects.get(pk=whole).training.institution_id
    record_attendance(attendances=[Attendance(institution_id, whole, 1)], at=at + timedelta(days=2))
    outcomes = end_purchases(purchase_ids=[*ids.values_list("id", flat=True), whole], at=at + timedelta(days=3))
    assert {each.ending for each in outcomes} == {"refunded", "partial", "attended"} and outcomes[0].to_balance


def _settle(people: tuple[int, ...]) -> None:
    """One refund comes after the balance has ended; institutions are paid, but for the last proof, and but for one."""
    late = Purchase.objects.filter(participation_id=people[1], ended_at=None, reconciled_at=None).order_by("id")
    (outcome,) = end_purchases(purchase_ids=late.values_list("id", flat=True), at=jakarta(2020, 12, 28))
    assert outcome.refunded_rupiah and not outcome.to_balance
    stopped_id = Purchase.objects.get(participation_id=people[0], ending="attended").training.institution_id
    stop_settlement(institution_id=stopped_id, reason="Kehadiran, diperiksa", at=jakarta(2020, 8, 5))
    for at in (jakarta(2020, 7, 1), jakarta(2020, 12, 29)):
        assert settle_institutions(purchase_ids=settleable_ids(at=at), at=at).total_rupiah


def _ask_back() -> None:
    """Money that was received unjustly, a part of it paid back; and a decision that was withdrawn."""
    (person,) = factories.accepted(at=jakarta(2020, 11, 16))
    factories.reconciled(person, factories.training(price_rupiah=90_000), at=jakarta(2020, 11, 17))
    entitle(at=jakarta(2020, 11, 22), participation_ids=[person])
    planner, approver = journey.officers()
    at = jakarta(2020, 11, 25)
    run = plan_payout_run(planned_for=at.date(), officer_id=planner.pk, at=at, participation_ids=[person])
    assert run.run_id is not None and run.list_sha256 is not None
    approve_payout_run(run_id=run.run_id, officer_id=approver.pk, list_sha256=run.list_sha256, at=at)
    journey.settled(journey.export(run_id=run.run_id, at=at), at=at + timedelta(days=1))
    bought = Purchase.objects.filter(participation=person).values_list("pk", flat=True)
    settle_institutions(purchase_ids=list(bought), at=jakarta(2020, 11, 30))
    wrong = money_back.decided(person, at=jakarta(2020, 12, 1))
    money_back.withdraw(wrong, "Orang lain.\n\nMaaf.", at=jakarta(2020, 12, 2))
    standing = money_back.approved(person, at=jakarta(2020, 12, 3))
    money_back.repay(standing, 650_000, at=jakarta(2020, 12, 20))


def _end(people: tuple[int, ...]) -> None:
    """One who bought nothing, an applicant who cannot be reached, an account in another name; the year ends."""
    (unlucky,) = factories.accepted(1)
    other = Participation.objects.get(pk=unlucky).participant_id
    factories.changed_account(other, "bni", "9999999999", name="Orang Lain", at=jakarta(2020, 5, 1))
    factories.participants(1, full_name="Ari", email="ari@contoh.id", district_id=7)
    person = Participant.objects.filter(full_name="Ari").get()
    mark_unreachable(points=[Unreachable(person.pk, "email")], at=jakarta(2020, 6, 1))
    assert revoke(at=jakarta(2020, 7, 1)).participation_count == 1
    assert end_balances(at=jakarta(2020, 12, 16)).participation_count == len(people)


def _bring_from_elsewhere(folder: Path) -> None:
    """Choices of earlier learners, and somebody whose history stayed in another system."""
    wave = factories.wave(quota_count=5)
    texts = {"choices": CHOICES, "participants": OPENED.format(wave=wave.number), "contact_points": PHONE}
    for kind, text in texts.items():
        path = folder / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        call_command("import-data", kind, str(path), verbosity=0)
    opened = Participation.objects.get(opened_at__isnull=False)
    factories.completed(opened.pk, factories.training(price_rupiah=200_000), at=jakarta(2020, 6, 10))
