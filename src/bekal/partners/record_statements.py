"""`record_statements`: xAPI statements of cmi5 become evidence, by what the training's course says is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from bekal.core.evidence import Piece, Source
from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.core.xapi import MoveOn, Verb, XapiStatement
from bekal.partners.cmi5_course import Course, Unit
from bekal.partners.models import CourseStructure, StatementTaken
from bekal.partners.partner_evidence import record_evidence_of_partner
from bekal.partners.platform_sales import sold_ids
from bekal.partners.xapi_refusals import XapiRefusal
from bekal.purchases.models import Evidence, Purchase
from bekal.purchases.record_evidence import Message, Speaker
from bekal.purchases.refusals import PurchaseRefusal

WHOLE = 0
_COUNTING = (Verb.COMPLETED, Verb.PASSED)


@dataclass(frozen=True, slots=True)
class StatementOutcome:
    """`noted`: taken, and nothing is proven by it alone. `repeated`: it was taken before. A refusal changed nothing."""

    statement_id: str
    pieces: tuple[str, ...] = ()
    noted: bool = False
    repeated: bool = False
    refusal: Refusal | None = None


@dataclass(slots=True)
class _Taught:
    """One purchase: its training's units, and what was said of each before."""

    purchase_id: int
    session_count: int
    course: Course
    is_registered: bool
    is_redeemed: bool
    verbs: dict[int, set[Verb]] = field(default_factory=dict)
    known: dict[UUID, bytes] = field(default_factory=dict)


def record_statements(
    *, statements: Sequence[XapiStatement], speaker: Speaker, home_page: str, at: datetime
) -> tuple[StatementOutcome, ...]:
    """Take each statement; outcomes in the order given, each refused by itself.

    A unit whose `moveOn` is met is a session attended; a course that is satisfied (or a training without a registered
    course that is completed or passed) is completed; progress is progress. Refused: what `record_evidence` refuses, an
    id that was used for something else, an object that is none of the training's, and whatever rests on NotApplicable.
    """
    with transaction.atomic():
        taught = _taught({each.purchase for each in statements}, speaker, home_page)
        decided = [_decide(each, taught.get(each.purchase), speaker) for each in statements]
        messages = [message for each in decided if isinstance(each, _Taken) for message in each.messages]
        said = iter(record_evidence_of_partner(messages=messages, at=at))
        outcomes, rows = [], []
        for statement, each in zip(statements, decided, strict=True):
            if isinstance(each, StatementOutcome):
                outcomes.append(each)
                continue
            refusals = [outcome.refusal for outcome in [next(said) for _ in each.messages] if outcome.refusal]
            if refusals:
                outcomes.append(StatementOutcome(statement.statement_id, refusal=refusals[0]))
                continue
            pieces = tuple(message.piece.value for message in each.messages)
            outcomes.append(StatementOutcome(statement.statement_id, pieces, noted=not pieces))
            rows.append(_row(statement, each.sequence, at))
        StatementTaken.objects.bulk_create(rows)
    return tuple(outcomes)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a statement says, before it is known whether it may be said."""

    sequence: int
    messages: tuple[Message, ...]


def _decide(said: XapiStatement, taught: _Taught | None, speaker: Speaker) -> _Taken | StatementOutcome:
    identifier = UUID(said.statement_id)
    if taught is None:
        return StatementOutcome(said.statement_id, refusal=Refusal(PurchaseRefusal.UNKNOWN_PURCHASE))
    if not taught.is_redeemed:
        return StatementOutcome(said.statement_id, refusal=Refusal(PurchaseRefusal.NOT_REDEEMED))
    if identifier in taught.known:
        if taught.known[identifier] == said.sha256:
            return StatementOutcome(said.statement_id, repeated=True)
        return StatementOutcome(said.statement_id, refusal=Refusal(XapiRefusal.STATEMENT_CHANGED))
    place = _place(said, taught)
    if isinstance(place, Refusal):
        return StatementOutcome(said.statement_id, refusal=place)
    sequence, move_on = place
    messages = _messages(said, taught, sequence, move_on, speaker)
    taught.known[identifier] = said.sha256
    if said.counts:
        taught.verbs.setdefault(sequence, set()).add(said.verb)
    return _Taken(sequence, tuple(messages))


def _row(said: XapiStatement, sequence: int, at: datetime) -> StatementTaken:
    return StatementTaken(
        purchase_id=said.purchase,
        statement_id=UUID(said.statement_id),
        verb=said.verb.value,
        sequence=sequence,
        counts=said.counts,
        sha256=said.sha256,
        taken_at=at,
    )


def _place(said: XapiStatement, taught: _Taught) -> tuple[int, MoveOn] | Refusal:
    """The session (0: the whole course) a statement is about, and when that is done."""
    units = taught.course.units
    if said.verb is Verb.WAIVED:
        return Refusal(XapiRefusal.WAIVED)
    if said.object_id == taught.course.course_id:
        sequence, rests_on = WHOLE, [unit.move_on for unit in units]
        move_on = MoveOn.COMPLETED_OR_PASSED
    else:
        found = [number for number, unit in enumerate(units, start=1) if unit.unit_id == said.object_id]
        if not found:
            return Refusal(XapiRefusal.OBJECT_UNKNOWN, {"value": shown(said.object_id, limit=120)})
        sequence = found[0]
        move_on = units[sequence - 1].move_on
        rests_on = [move_on]
    if said.move_on is not None:
        rests_on.append(said.move_on)
    if MoveOn.NOT_APPLICABLE in rests_on:
        return Refusal(XapiRefusal.NOT_APPLICABLE, {"value": shown(said.object_id, limit=120)})
    return sequence, move_on


def _messages(said: XapiStatement, taught: _Taught, sequence: int, move_on: MoveOn, speaker: Speaker) -> list[Message]:
    """What is proven by this statement, together with those that were taken before."""

    def message(piece: Piece, number: int = 1, percent: int | None = None, revision: int = 1) -> Message:
        return Message(
            speaker=speaker,
            purchase_id=taught.purchase_id,
            piece=piece,
            sequence=number,
            percent=percent,
            happened_at=said.happened_at,
            revision=revision,
            door=Evidence.Door.XAPI,
        )

    found = []
    is_about_all = sequence == WHOLE or taught.session_count == 1
    if said.percent is not None and is_about_all:
        # The furthest speaks, in whatever order the statements arrive.
        found.append(message(Piece.PROGRESS, percent=said.percent, revision=said.percent + 1))
    if said.verb in _COUNTING and said.counts:
        before = frozenset(taught.verbs.get(sequence, set()))
        # Once: a statement that comes after the unit was done proves nothing more.
        if move_on.is_met(before | {said.verb}) and not move_on.is_met(before):
            if sequence != WHOLE:
                found.append(message(Piece.ATTENDANCE, sequence))
            elif not taught.is_registered:
                found.append(message(Piece.COMPLETION))
    if said.verb is Verb.SATISFIED and sequence == WHOLE:
        found.append(message(Piece.COMPLETION))
    return found


def _taught(purchase_ids: set[int], speaker: Speaker, home_page: str) -> Mapping[int, _Taught]:
    """The purchases among these that are the speaker's, locked in the order of their numbers."""
    rows = Purchase.objects.filter(pk__in=purchase_ids).select_related("training").order_by("pk")
    own = {row.pk: row for row in rows.select_for_update(no_key=True, of=("self",))}
    if speaker.source is Source.PLATFORM:
        sold = sold_ids(platform_id=speaker.id, purchase_ids=own)
        own = {number: row for number, row in own.items() if number in sold}
    else:
        own = {number: row for number, row in own.items() if row.training.institution_id == speaker.id}
    courses: dict[int, Course] = {}
    structures = CourseStructure.objects.filter(training__in={row.training_id for row in own.values()})
    for structure in structures.order_by("pk"):
        units = tuple(Unit(unit["id"], MoveOn(unit["move_on"])) for unit in structure.units)
        courses[structure.training_id] = Course(structure.course_id, units)
    found = {}
    for number, row in own.items():
        training, registered = row.training, courses.get(row.training_id)
        course = registered or _unregistered(home_page, training.code, training.session_count)
        is_redeemed = row.redeemed_at is not None
        found[number] = _Taught(number, training.session_count, course, registered is not None, is_redeemed)
    for taken in StatementTaken.objects.filter(purchase__in=found).order_by("pk"):
        taught = found[taken.purchase_id]
        taught.known[taken.statement_id] = bytes(taken.sha256)
        if taken.counts:
            taught.verbs.setdefault(taken.sequence, set()).add(Verb(taken.verb))
    return found


def _unregistered(home_page: str, code: str, session_count: int) -> Course:
    """A training without a registered course has the addresses that the contract gives it."""
    course_id = f"{home_page.rstrip('/')}/xapi/{code}"
    units = tuple(
        Unit(f"{course_id}/sesi/{number}", MoveOn.COMPLETED_OR_PASSED) for number in range(1, session_count + 1)
    )
    return Course(course_id, units)
