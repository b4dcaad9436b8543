"""A complaint opens on an instalment, is somebody's turn, is answered, and closes itself when the instalment moves."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta

import pytest
from django.db import DataError, IntegrityError, transaction
from django.db.utils import InternalError, ProgrammingError

from bekal.incentives.answer_complaints import Answer, answer_complaints
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.complaint_models import Complaint, ComplaintEvent
from bekal.incentives.complaint_queries import (
    ComplaintState,
    chosen_complaints,
    complaint_tallies,
    complaints_about,
    complaints_of,
)
from bekal.incentives.entitle import entitle
from bekal.incentives.follow_complaints import MOVED, close_moved_complaints, pass_complaints_on
from bekal.incentives.models import Entitlement, Payout, PayoutCall, PayoutStatus
from bekal.incentives.open_complaints import TEXT_LENGTH, ComplaintOutcome, NewComplaint, open_complaints
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import settle_payouts
from bekal.lifecycle.revoke import revoke
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from bekal.purchases.reconcile import reconcile
from tests import factories
from tests.factories import ACCEPTED_AT, RECONCILED_AT, jakarta
from tests.incentives import journey
from tests.incentives.journey import FIRST_PAY_ON, PLANNED_AT, SETTLED_AT
from tests.incentives.partner import status_file

pytestmark = pytest.mark.django_db
NOT_COME, NOT_RIGHT = Complaint.About.NOT_COME, Complaint.About.NOT_RIGHT
LATER = jakarta(2020, 4, 29)


def complain(
    person: int,
    *,
    about: Complaint.About = NOT_COME,
    kind: str = "incentive",
    number: int = 1,
    text: str = "",
    at: datetime = SETTLED_AT,
) -> ComplaintOutcome:
    (outcome,) = open_complaints(complaints=[NewComplaint(person, kind, number, about, text)], at=at)
    return outcome


def answer(
    complaint_id: int | None, text: str = "Kami cek.", *, ends: bool = False, officer: int = 0
) -> ComplaintOutcome:
    said = Answer(complaint_id or 0, text, ends)
    (outcome,) = answer_complaints(answers=[said], officer_id=officer or factories.officer().pk, at=LATER)
    return outcome


def newest_message(person: int) -> str:
    return messages_to(holder_id=Participation.objects.get(pk=person).participant_id)[0].body


def refusal_of(outcome: ComplaintOutcome) -> object:
    return outcome.refusal and outcome.refusal.code


def test_a_complaint_is_somebodys_turn_with_a_day_and_its_words() -> None:
    (person,) = journey.earners()
    journey.exported()
    outcome = complain(person, text="  Belum masuk.\n")
    assert outcome.refusal is None
    row = Complaint.objects.get()
    # A Monday and three working days; 1 May is Labour Day, but later.
    assert (row.turn, row.due_on, row.position) == ("partner", date(2020, 4, 30), 12)
    line = complaints_of(participation_id=person)["incentive", 1]
    assert (line.text, line.answer, line.state(FIRST_PAY_ON)) == ("Belum masuk.", "", ComplaintState.OPEN)
    assert b"Belum" not in bytes(ComplaintEvent.objects.get().text_encrypted or b"")
    assert "keluhanmu tentang insentif 1" in newest_message(person) and "30-04-2020" in newest_message(person)


def test_a_second_click_changes_nothing_and_every_instalment_has_its_own() -> None:
    one, other = journey.earners(2)
    journey.exported()
    new = [NewComplaint(person, "incentive", 1, NOT_COME) for person in (one, one, other)]
    outcomes = open_complaints(complaints=new, at=SETTLED_AT)
    assert [outcome.repeated for outcome in outcomes] == [False, True, False]
    assert outcomes[0].complaint_id == outcomes[1].complaint_id != outcomes[2].complaint_id
    assert complain(one, text="lagi").repeated
    assert not complain(one, number=2, about=NOT_RIGHT).repeated
    assert Complaint.objects.count() == 3
    with pytest.raises(IntegrityError, match="one_open"), transaction.atomic():
        row = Complaint.objects.order_by("pk")[0]
        row.pk = None
        row.save(force_insert=True)


@pytest.mark.parametrize(
    ("kind", "number", "about", "text", "code"),
    [
        ("incentive", 5, NOT_COME, "", PayoutRefusal.COMPLAINT_NO_LINE),
        ("insentif", 1, NOT_COME, "", PayoutRefusal.COMPLAINT_NO_LINE),
        ("incentive", 2**40, NOT_COME, "", PayoutRefusal.COMPLAINT_NO_LINE),
        ("incentive", 2, NOT_COME, "", PayoutRefusal.COMPLAINT_TOO_EARLY),
        ("incentive", 1, NOT_COME, "a\x07", PayoutRefusal.COMPLAINT_TEXT_UNREADABLE),
        ("incentive", 1, NOT_COME, "x" * (TEXT_LENGTH + 1), PayoutRefusal.COMPLAINT_TEXT_TOO_LONG),
    ],
)
def test_what_cannot_be_is_refused(kind: str, number: int, about: Complaint.About, text: str, code: object) -> None:
    (person,) = journey.earners()
    assert refusal_of(complain(person, kind=kind, number=number, about=about, text=text)) == code
    assert not Complaint.objects.exists() and not ComplaintEvent.objects.exists()


def test_whose_turn_it_is_follows_the_instalment() -> None:
    waiting, unpaid, rejected, paid = factories.accepted(4)
    training = factories.training()
    factories.redeemed(waiting, training)
    journey.learned((unpaid, rejected, paid))
    entitle(at=RECONCILED_AT)
    run = journey.exported()
    of = {person: Entitlement.objects.get(participation_id=person, instalment=1) for person in (unpaid, rejected, paid)}
    references = {person: of[person].payouts.get().reference for person in of}
    lines = [(references[rejected], 600_000, "rejected", "AC04"), (references[paid], 600_000, "settled", "")]
    settle_payouts(partner="bni", name="a.csv", content=status_file(lines), at=SETTLED_AT)
    for person in (waiting, unpaid, rejected, paid):
        complain(person)
    turns = dict(Complaint.objects.order_by("pk").values_list("participation_id", "turn"))
    assert turns == {waiting: "institution", unpaid: "partner", rejected: "participant", paid: "office"}
    assert run.run_id
    # The institution records; then the review is missing, and it is the participant's turn.
    factories.complete(*Participation.objects.get(pk=waiting).purchases.values_list("pk", flat=True))
    assert (close_moved_complaints(at=LATER), pass_complaints_on(at=LATER)) == (0, 1)
    assert Complaint.objects.get(participation_id=waiting).turn == "participant"
    assert complaints_of(participation_id=waiting)["incentive", 1].steps[-1].kind == ComplaintEvent.Kind.PASSED_ON
    assert pass_complaints_on(at=LATER) == 0


@pytest.mark.parametrize(
    ("moved_to", "words"),
    [
        ("settled", "BNI sudah memastikan"),
        ("rejected", "Rekeningmu sudah ditutup"),
        ("returned", "dikembalikan BNI"),
        ("reversed", "ditarik kembali oleh program"),
        ("sent", "dikeluarkan untuk dikirim ke BNI"),
        ("listed", "daftar pembayaran untuk 27-04-2020"),
    ],
)
def test_it_closes_itself_when_the_instalment_moves(moved_to: str, words: str) -> None:
    (person,) = journey.earners()
    if moved_to == "listed":
        complain(person)
        journey.planned()
    elif moved_to == "sent":
        run_id = journey.approved()
        complain(person)
        journey.export(run_id=run_id, at=SETTLED_AT)
    else:
        run = journey.exported()
        (reference,) = journey.references(run.run_id)
        if moved_to in ("returned", "reversed"):
            journey.settled(run)
        complain(person)
        if moved_to == "reversed":
            journey.taken_back(reference)
        else:
            content = status_file([(reference, 600_000, moved_to, "" if moved_to == "settled" else "AC04")])
            settle_payouts(partner="bni", name="a.csv", content=content, at=SETTLED_AT)
    assert close_moved_complaints(at=LATER) == 1
    row = Complaint.objects.get()
    assert (row.closed_at, row.ending, row.moved_to) == (LATER, "moved", moved_to)
    message = newest_message(person)
    assert words in message and "Keluhanmu tentang insentif 1 ditutup" in message
    assert close_moved_complaints(at=LATER) == 0
    assert not complain(person, about=NOT_RIGHT, at=LATER).repeated, "another can be made"


def test_every_end_has_its_words() -> None:
    assert set(MOVED) == set(Complaint.MovedTo)


def test_what_is_earned_at_last_and_what_is_lost_end_it_too() -> None:
    earner, loser = factories.accepted(2)
    factories.reviewed(earner, factories.training())
    for person in (earner, loser):
        complain(person, at=RECONCILED_AT)
    reconcile(at=RECONCILED_AT)
    entitle(at=RECONCILED_AT)
    revoke(at=ACCEPTED_AT + timedelta(days=40))
    assert close_moved_complaints(at=LATER) == 2
    ended = dict(Complaint.objects.order_by("pk").values_list("participation_id", "moved_to"))
    assert ended == {earner: "earned", loser: "lost"}
    assert "kas negara" in newest_message(loser)


def test_a_step_back_ends_nothing() -> None:
    """A cancelled list, and a bank that has only accepted it, bring nobody money; the next list does."""
    (person,) = journey.earners()
    run_id = journey.planned().run_id or 0
    complain(person)
    cancel_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=SETTLED_AT)
    assert close_moved_complaints(at=LATER) == 0
    run = journey.exported()
    assert close_moved_complaints(at=LATER) == 1
    complain(person)
    payout = Payout.objects.get(ended_at=None, run=run.run_id)
    call = PayoutCall.objects.create(payout=payout, act="pay", outcome="accepted", noted_at=SETTLED_AT)
    PayoutStatus.objects.create(payout=payout, state="accepted", call=call, recorded_at=SETTLED_AT)
    assert close_moved_complaints(at=LATER) == 0
    journey.settled(run)
    assert close_moved_complaints(at=LATER) == 1


def test_an_officer_answers_and_the_days_begin_anew() -> None:
    (person,) = journey.earners()
    journey.exported()
    complaint_id = complain(person).complaint_id
    officer = factories.officer().pk
    assert answer(complaint_id, " Kami sudah\n menanyakannya. ", officer=officer).refusal is None
    row = Complaint.objects.get()
    # 1 May is Labour Day, 2 and 3 a weekend.
    assert (row.closed_at, row.answered_at, row.due_on) == (None, LATER, date(2020, 5, 5))
    line = complaints_of(participation_id=person)["incentive", 1]
    assert line.state(date(2020, 5, 5)) is ComplaintState.ANSWERED and "menanyakannya." in line.answer
    assert line.state(date(2020, 5, 6)) is ComplaintState.OVERDUE, "who was answered is not forgotten"
    assert "Kantor program sudah menjawab" in newest_message(person)
    assert answer(complaint_id, "Kami sudah\n menanyakannya.", officer=officer).repeated
    assert ComplaintEvent.objects.count() == 2


def test_only_what_can_come_no_further_ends_with_an_answer() -> None:
    (person,) = journey.earners()
    run = journey.exported()
    complaint_id = complain(person).complaint_id
    assert refusal_of(answer(complaint_id, ends=True)) == PayoutRefusal.COMPLAINT_CAN_MOVE
    assert refusal_of(answer(complaint_id, "  ")) == PayoutRefusal.COMPLAINT_TEXT_MISSING
    assert refusal_of(answer(2**70)) == PayoutRefusal.COMPLAINT_NOT_FOUND
    journey.settled(run)
    close_moved_complaints(at=LATER)
    assert refusal_of(answer(complaint_id, "Terlambat.")) == PayoutRefusal.COMPLAINT_CLOSED
    complaint_id = complain(person, at=LATER).complaint_id
    assert answer(complaint_id, "Bank mengirim buktinya.", ends=True).refusal is None
    row = Complaint.objects.get(pk=complaint_id)
    assert (row.ending, row.moved_to, row.closed_at) == ("answered", "", LATER)
    assert complaints_of(participation_id=person)["incentive", 1].answer == "Bank mengirim buktinya."
    newest, _first = complaints_about(participation_id=person, kind="incentive", instalment=1)
    assert newest.complaint_id == complaint_id


def test_the_list_of_work_is_ordered_and_chosen() -> None:
    people = journey.earners(3)
    journey.exported()
    for days, person in enumerate(people):
        complain(person, at=SETTLED_AT + timedelta(days=days))
    answer(Complaint.objects.get(participation_id=people[2]).pk)
    on = date(2020, 5, 1)

    def chosen(**how: object) -> list[int]:
        return [line.participation_id for line in chosen_complaints(on=on, **how)]  # type: ignore[arg-type]

    assert chosen() == list(people)
    assert chosen(state=ComplaintState.OVERDUE) == [people[0]]
    assert chosen(state=ComplaintState.OPEN) == [people[1]]
    assert chosen(state=ComplaintState.ANSWERED) == [people[2]]
    assert chosen(state=ComplaintState.CLOSED) == chosen(turn="office") == []
    first = chosen_complaints(on=on, limit=1)[0]
    assert chosen(after=(first.due_on, first.complaint_id)) == list(people[1:])
    assert first.days_open(on) == 4
    (tally,) = complaint_tallies(on=on)
    assert (tally.turn, tally.open_count, tally.overdue_count, tally.oldest_at) == ("partner", 3, 1, SETTLED_AT)


def test_many_are_closed_in_a_handful_of_statements(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    people = journey.earners(6)
    run = journey.exported()
    open_complaints(complaints=[NewComplaint(person, "incentive", 1, NOT_COME) for person in people], at=SETTLED_AT)
    journey.settled(run)
    with assert_queries(8):
        assert close_moved_complaints(at=LATER) == 6


def test_what_was_said_stays_as_it_was() -> None:
    (person,) = journey.earners()
    complain(person, text="Belum masuk.")
    for change in (
        ComplaintEvent.objects.all().delete,
        lambda: ComplaintEvent.objects.update(due_on=PLANNED_AT.date()),
    ):
        with pytest.raises((ProgrammingError, InternalError, DataError)), transaction.atomic():
            change()
