"""`record_statements`: xAPI statements of cmi5 become evidence, by what the training's course says is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from bekal.core.evidence import Source
from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.core.xapi import MoveOn, Verb, XapiStatement
from bekal.core.xapi_claims import WHOLE, Claim, Taken, claims_of
from bekal.ledger.clock import programme_day
from bekal.partners.cmi5_course import Course, Unit
from bekal.partners.models import CourseStructure, StatementTaken
from bekal.partners.partner_evidence import record_evidence_of_partner
from bekal.partners.platform_sales import sold_ids
from bekal.partners.xapi_refusals import XapiRefusal
from bekal.purchases.models import Evidence, Purchase
from bekal.purchases.record_evidence import MAX_REVISION, Message, Speaker
from bekal.purchases.refusals import PurchaseRefusal

# Stands as the reason of what was taken back, where people read it.
VOIDED_REASON = "Ditarik kembali dengan pernyataan xAPI (voided)."


@dataclass(frozen=True, slots=True)
class StatementOutcome:
    """`pieces`: what it proved, or took back. `noted`: taken, and nothing is proven by it alone. `repeated`: it was
    taken before. A refusal changed nothing."""

    statement_id: str
    pieces: tuple[str, ...] = ()
    noted: bool = False
    repeated: bool = False
    refusal: Refusal | None = None


@dataclass(slots=True)
class _Taught:
    """One purchase: its training's units, and what this speaker said of it before."""

    purchase: Purchase
    course: Course
    is_registered: bool
    taken: list[Taken] = field(default_factory=list)

    def claims(self) -> frozenset[Claim]:
        move_ons = [unit.move_on for unit in self.course.units[: self.purchase.training.session_count]]
        return claims_of(self.taken, move_ons=move_ons, is_registered=self.is_registered)


@dataclass(slots=True)
class _Decided:
    """What becomes of one statement: an outcome at once, or the messages that it makes."""

    outcome: StatementOutcome | None = None
    taken: Taken | None = None
    claims: tuple[Claim, ...] = ()


def record_statements(
    *, statements: Sequence[XapiStatement], speaker: Speaker, home_page: str, at: datetime
) -> tuple[StatementOutcome, ...]:
    """Take each statement; outcomes in the order given, each refused by itself.

    A unit whose `moveOn` is met is a session attended; a course that is satisfied (or a training without a registered
    course that is completed or passed) is completed; progress is progress. A statement that was voided counts as if
    nobody had said it, also where it comes after. Any order ends in the same evidence. Refused: what `record_evidence`
    refuses, an id that was used for something else, an object that is none of the training's, and whatever rests on
    NotApplicable.
    """
    with transaction.atomic():
        taught = _taught({each.purchase for each in statements}, speaker, home_page)
        known = _known(statements, speaker)
        decided = [_decide(each, taught.get(each.purchase), known, speaker, at) for each in statements]
        pairs = list(zip(statements, decided, strict=True))
        messages = [_message(said.purchase, claim, speaker) for said, each in pairs for claim in each.claims]
        refused = [said.refusal for said in record_evidence_of_partner(messages=messages, at=at) if said.refusal]
        if refused:
            raise RuntimeError(f"a statement was taken whose evidence is refused: {refused}")
        StatementTaken.objects.bulk_create(
            _row(said, each.taken, speaker, at) for said, each in pairs if each.taken is not None
        )
    return tuple(each.outcome or _outcome(said, each.claims) for said, each in pairs)


def _decide(
    said: XapiStatement, taught: _Taught | None, known: dict[UUID, bytes], speaker: Speaker, at: datetime
) -> _Decided:
    refusal = _refusal_of_purchase(said, taught, speaker, at)
    if refusal is None and taught is not None:
        identifier = UUID(said.statement_id)
        if known.get(identifier) == said.sha256:
            return _Decided(StatementOutcome(said.statement_id, repeated=True))
        place = _place(said, taught.course)
        if identifier in known:
            refusal = Refusal(XapiRefusal.STATEMENT_CHANGED)
        elif isinstance(place, Refusal):
            refusal = place
        else:
            known[identifier] = said.sha256
            return _take(said, taught, place)
    return _Decided(StatementOutcome(said.statement_id, refusal=refusal))


def _take(said: XapiStatement, taught: _Taught, sequence: int) -> _Decided:
    """What is proven once this statement is among those taken, and was not before."""
    before = taught.claims()
    taken = Taken(
        statement_id=UUID(said.statement_id),
        verb=said.verb,
        sequence=sequence,
        counts=said.counts,
        percent=said.percent,
        happened_at=said.happened_at,
        voids=None if said.voids is None else UUID(said.voids),
    )
    taught.taken.append(taken)
    fresh = sorted(taught.claims() - before, key=lambda claim: (claim.piece, claim.sequence))
    return _Decided(taken=taken, claims=tuple(fresh))


def _refusal_of_purchase(said: XapiStatement, taught: _Taught | None, speaker: Speaker, at: datetime) -> Refusal | None:
    """What `record_evidence` would refuse, asked of every statement: what is noted today is evidence tomorrow."""
    if taught is None:
        return Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
    row = taught.purchase
    if row.redeemed_at is None and (row.ended_at is None or speaker.source is Source.INSTITUTION):
        return Refusal(PurchaseRefusal.NOT_REDEEMED)
    if row.ended_at is not None:
        return Refusal(PurchaseRefusal.PURCHASE_ENDED, {"ended_on": programme_day(row.ended_at)})
    happened_on = programme_day(said.happened_at)
    if said.happened_at > at:
        return Refusal(PurchaseRefusal.HAPPENED_IN_FUTURE, {"happened_on": happened_on})
    # Senders write whole seconds: what happened within the second of the purchase did not happen before it.
    if said.happened_at < row.bought_at.replace(microsecond=0):
        values: dict[str, Any] = {"happened_on": happened_on, "bought_on": programme_day(row.bought_at)}
        return Refusal(PurchaseRefusal.HAPPENED_BEFORE_PURCHASE, values)
    return None


def _place(said: XapiStatement, course: Course) -> int | Refusal:
    """The session (`WHOLE`: the course) a statement is about; one that voids is about another statement."""
    if said.voids is not None:
        return WHOLE
    if said.verb is Verb.WAIVED:
        return Refusal(XapiRefusal.WAIVED)
    if said.object_id == course.course_id:
        sequence, rests_on = WHOLE, [unit.move_on for unit in course.units]
    else:
        found = [number for number, unit in enumerate(course.units, start=1) if unit.unit_id == said.object_id]
        if not found:
            return Refusal(XapiRefusal.OBJECT_UNKNOWN, {"value": shown(said.object_id, limit=120)})
        sequence = found[0]
        rests_on = [course.units[sequence - 1].move_on]
    if MoveOn.NOT_APPLICABLE in (*rests_on, said.move_on):
        return Refusal(XapiRefusal.NOT_APPLICABLE, {"value": shown(said.object_id, limit=120)})
    return sequence


def _message(purchase_id: int, claim: Claim, speaker: Speaker) -> Message:
    return Message(
        speaker=speaker,
        purchase_id=purchase_id,
        piece=claim.piece,
        sequence=claim.sequence,
        holds=claim.holds,
        percent=claim.percent,
        reason="" if claim.holds else VOIDED_REASON,
        happened_at=claim.happened_at,
        revision=min(claim.revision, MAX_REVISION),
        door=Evidence.Door.XAPI,
    )


def _outcome(said: XapiStatement, claims: Sequence[Claim]) -> StatementOutcome:
    pieces = tuple(claim.piece.value for claim in claims)
    return StatementOutcome(said.statement_id, pieces, noted=not pieces)


def _row(said: XapiStatement, taken: Taken, speaker: Speaker, at: datetime) -> StatementTaken:
    return StatementTaken(
        purchase_id=said.purchase,
        source=speaker.source.value,
        statement_id=taken.statement_id,
        voids=taken.voids,
        verb=taken.verb.value,
        sequence=taken.sequence,
        counts=taken.counts,
        percent=taken.percent,
        happened_at=taken.happened_at,
        sha256=said.sha256,
        taken_at=at,
    )


def _known(statements: Sequence[XapiStatement], speaker: Speaker) -> dict[UUID, bytes]:
    """What this speaker said under these ids before, of whichever purchase."""
    rows = StatementTaken.objects.filter(
        statement_id__in=[each.statement_id for each in statements], source=speaker.source.value
    )
    if speaker.source is Source.PLATFORM:
        rows = rows.filter(purchase__training__platform=speaker.id)
    else:
        rows = rows.filter(purchase__training__institution=speaker.id)
    return {number: bytes(sha256) for number, sha256 in rows.order_by("pk").values_list("statement_id", "sha256")}


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
        registered = courses.get(row.training_id)
        course = registered or _unregistered(home_page, row.training.code, row.training.session_count)
        found[number] = _Taught(row, course, registered is not None)
    for taken in StatementTaken.objects.filter(purchase__in=found, source=speaker.source.value).order_by("pk"):
        found[taken.purchase_id].taken.append(
            Taken(
                statement_id=taken.statement_id,
                verb=Verb(taken.verb),
                sequence=taken.sequence,
                counts=taken.counts,
                percent=taken.percent,
                happened_at=taken.happened_at,
                voids=taken.voids,
            )
        )
    return found


def _unregistered(home_page: str, code: str, session_count: int) -> Course:
    """A training without a registered course has the addresses that the contract gives it."""
    course_id = f"{home_page.rstrip('/')}/xapi/{code}"
    units = tuple(
        Unit(f"{course_id}/sesi/{number}", MoveOn.COMPLETED_OR_PASSED) for number in range(1, session_count + 1)
    )
    return Course(course_id, units)
