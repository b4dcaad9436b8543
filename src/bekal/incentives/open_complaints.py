"""`open_complaints`: an instalment has not come, or is not right; whose turn it is, and by when it is answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.core.schedule import working_days_after
from bekal.core.text import is_readable, tidy
from bekal.incentives.complaint_lines import Line, positions_of
from bekal.incentives.complaint_models import Complaint, ComplaintEvent
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.instalment_line import InstalmentLine
from bekal.incentives.models import Entitlement
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.timeline import timelines_of
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows
from bekal.participants.models import Participation
from bekal.participants.notify import Notice, notify

TEXT_LENGTH = 1_000
TEMPLATE = "complaint"
RECEIVED = _(
    "The programme office has received your complaint about %(kind)s %(number)s. It is answered by %(due_on)s. "
    "On the page Insentif you see whose turn it is."
)
# What nobody has to do any more, or not yet, the office answers for.
TURNS_OF_SIDES = {
    Side.PARTICIPANT: Complaint.Turn.PARTICIPANT,
    Side.INSTITUTION: Complaint.Turn.INSTITUTION,
    Side.PARTNER: Complaint.Turn.PARTNER,
}


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """What somebody says of an instalment: that it has not come or is not right, and their words, which may be none."""

    participation_id: int
    kind: str
    instalment: int
    about: Complaint.About
    text: str = field(default="", repr=False)

    @property
    def line(self) -> Line:
        return self.participation_id, self.kind, self.instalment


@dataclass(frozen=True, slots=True)
class ComplaintOutcome:
    """What became of one complaint, or why nothing did; `repeated`: it stood so before."""

    complaint_id: int | None
    repeated: bool = False
    refusal: Refusal | None = None


@transaction.atomic
def open_complaints(*, complaints: Sequence[NewComplaint], at: datetime) -> tuple[ComplaintOutcome, ...]:
    """Take each in, as the turn of whoever's the instalment is, with the working days of `complaint_answer_days` to
    answer it, and acknowledge it with a message; outcomes in order.

    An instalment has one open complaint: another is `repeated`. Refused: COMPLAINT_NO_LINE (nobody promised it),
    COMPLAINT_TOO_EARLY (that it has not come, before its day), COMPLAINT_TEXT_... Locks the participations in the order
    of their numbers.
    """
    on = programme_day(at)
    owner_ids = {one.participation_id for one in complaints}
    # Two clicks at once: the second waits, and finds the first.
    list(Participation.objects.select_for_update(no_key=True).filter(pk__in=owner_ids).order_by("pk").values_list("pk"))
    lines = {
        (owner_id, line.kind.value, line.instalment): line
        for owner_id, told in timelines_of(participation_ids=owner_ids, on=on).items()
        for line in told
    }
    open_rows = Complaint.objects.filter(participation_id__in=owner_ids, closed_at=None).order_by("pk")
    known = {(row.participation_id, row.kind, row.instalment): row.pk for row in open_rows}
    positions = positions_of([one.line for one in complaints if one.line in lines])
    outcomes: list[ComplaintOutcome] = []
    for one in complaints:
        line = lines.get(one.line)
        refusal = _refusal(one, line, on)
        if refusal is not None or line is None:
            outcomes.append(ComplaintOutcome(None, refusal=refusal))
        elif one.line in known:
            outcomes.append(ComplaintOutcome(known[one.line], repeated=True))
        else:
            row = _open(one, line, positions[one.line], at)
            known[one.line] = row.pk
            outcomes.append(ComplaintOutcome(row.pk))
    return tuple(outcomes)


def _refusal(one: NewComplaint, line: InstalmentLine | None, on: date) -> Refusal | None:
    if line is None:
        return Refusal(PayoutRefusal.COMPLAINT_NO_LINE)
    if one.about is Complaint.About.NOT_COME and line.is_earned and line.payment_on and on < line.payment_on:
        return Refusal(PayoutRefusal.COMPLAINT_TOO_EARLY, {"on": line.payment_on})
    text = tidy(one.text)
    return refusal_of_text(text) if text else None


def refusal_of_text(text: str) -> Refusal | None:
    """Why a tidy text is none that can be kept; None where it can."""
    if not is_readable(text, multiline=True):
        return Refusal(PayoutRefusal.COMPLAINT_TEXT_UNREADABLE)
    if len(text) > TEXT_LENGTH:
        values = {"length_count": len(text), "limit_count": TEXT_LENGTH}
        return Refusal(PayoutRefusal.COMPLAINT_TEXT_TOO_LONG, values)
    return None


def _open(one: NewComplaint, line: InstalmentLine, position: int, at: datetime) -> Complaint:
    row = Complaint.objects.create(
        participation_id=one.participation_id,
        kind=one.kind,
        instalment=one.instalment,
        about=one.about,
        position=position,
        turn=turn_of(line),
        opened_at=at,
        due_on=due_on_of(programme_day(at)),
    )
    record_events([row], ComplaintEvent.Kind.OPENED, at=at, text=tidy(one.text))
    tell(RECEIVED, [row], at=at)
    return row


def turn_of(line: InstalmentLine) -> Complaint.Turn:
    """Who has to do something, so that the instalment moves."""
    return TURNS_OF_SIDES.get(line.turn, Complaint.Turn.OFFICE)


def due_on_of(said_on: date) -> date:
    """The last day for an answer to what is said on that day."""
    return working_days_after(said_on, RULES.value("complaint_answer_days", said_on))


def record_events(
    rows: Iterable[Complaint], kind: ComplaintEvent.Kind, *, at: datetime, by_id: int | None = None, text: str = ""
) -> None:
    """One event of that kind for each, with its turn and day as they are now."""
    columns = ("complaint_id", "kind", "turn", "text_encrypted", "by_id", "due_on", "recorded_at")
    sealed = encrypt(text) if text else None
    lines = ((row.pk, kind.value, str(row.turn), sealed, by_id, row.due_on, at) for row in rows)
    copy_rows(ComplaintEvent, columns, lines)


def tell(sentence: Promise, rows: Sequence[Complaint], *, at: datetime) -> None:
    """The same to whoever made each of these complaints."""
    people = Participation.objects.filter(pk__in=[row.participation_id for row in rows]).order_by("pk")
    participant_ids = dict(people.values_list("pk", "participant_id"))
    notices = [
        Notice(
            participant_ids[row.participation_id],
            TEMPLATE,
            sentence,
            {"kind": Entitlement.Kind(row.kind).label, "number": row.instalment, "due_on": f"{row.due_on:%d-%m-%Y}"},
        )
        for row in rows
    ]
    notify(notices=notices, at=at)
