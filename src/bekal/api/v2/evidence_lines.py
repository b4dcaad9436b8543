"""Batches of evidence: each line is one message, with an outcome of its own; a refused line leaves the others."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bekal.api.v2.answers import BatchAnswer, LineOutcome, LineProblem
from bekal.api.v2.endpoint import Call, PartnerRequest
from bekal.api.v2.inputs import Input, Instant, PurchaseNumber
from bekal.api.v2.problems import Problem, problem_members, refused
from bekal.core.evidence import Piece, Source
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.partners.partner_evidence import record_evidence_of_partner
from bekal.purchases.models import Evidence
from bekal.purchases.record_evidence import MAX_REVISION, REASON_LIMIT_COUNT, EvidenceOutcome, Message, Speaker
from bekal.purchases.refusals import PurchaseRefusal

# What a line of a batch may be refused for, beside what the endpoint's own piece may.
LINE_PROBLEMS = (
    "purchase_not_found",
    "sale_not_found",
    "not_redeemed",
    "purchase_ended",
    "happened_in_future",
    "happened_before_purchase",
)


def _reason(value: str) -> str:
    text = tidy(value)
    if not is_readable(text):
        raise PydanticCustomError("not_readable", "not readable")
    return text


Revision = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_REVISION,
        description="Who corrects what was said before raises it by one; the highest counts.",
        examples=[1],
    ),
]
Reason = Annotated[
    str,
    Field(max_length=REASON_LIMIT_COUNT, description="Why it is partial or denied; nothing personal."),
    AfterValidator(_reason),
]
Percent = Annotated[int, Field(ge=0, le=100, examples=[100])]


class EvidenceLine(Input):
    """What every line has."""

    purchase: PurchaseNumber
    happened_at: Instant | None = None
    reason: Reason = ""
    revision: Revision = 1


def speaker_of(call: Call) -> Speaker:
    """The institution or the platform whose key it is."""
    if call.institution_id is not None:
        return Speaker(Source.INSTITUTION, call.institution_id)
    return Speaker(Source.PLATFORM, call.platform)


def message_of(
    request: PartnerRequest,
    line: EvidenceLine,
    piece: Piece,
    *,
    sequence: int = 1,
    holds: bool = True,
    percent: int | None = None,
) -> Message:
    """One line as the message of whoever calls."""
    return Message(
        speaker=speaker_of(request.call),
        purchase_id=line.purchase,
        piece=piece,
        sequence=sequence,
        holds=holds,
        percent=percent,
        reason=line.reason,
        happened_at=line.happened_at,
        revision=line.revision,
        door=Evidence.Door.V2,
    )


def recorded(request: PartnerRequest, messages: Sequence[Message]) -> BatchAnswer:
    """The messages recorded, and the outcome of each in their order."""
    lines = []
    for message, outcome in zip(messages, said_by(request.call, messages), strict=True):
        if outcome.refusal is not None:
            problem = line_problem(request, message.purchase_id, outcome.refusal)
            lines.append(LineOutcome(purchase=message.purchase_id, outcome="refused", problem=problem))
        else:
            said = "repeated" if outcome.repeated else "recorded"
            lines.append(LineOutcome(purchase=message.purchase_id, outcome=said))
    counts = {said: sum(line.outcome == said for line in lines) for said in ("recorded", "repeated", "refused")}
    return BatchAnswer(
        recorded_count=counts["recorded"],
        repeated_count=counts["repeated"],
        refused_count=counts["refused"],
        lines=lines,
    )


def said_by(call: Call, messages: Sequence[Message]) -> tuple[EvidenceOutcome, ...]:
    """What became of each message. A platform speaks of the purchases it sold, and of no others."""
    return record_evidence_of_partner(messages=messages, at=call.at)


def problem_of(call: Call, purchase_id: int, refusal: Refusal) -> Problem:
    """A refusal about one purchase: one that was not redeemed here, or sold here, is as good as none, whatever else
    it is."""
    if call.institution_id is None:
        if refusal.code == PurchaseRefusal.UNKNOWN_PURCHASE:
            return Problem("sale_not_found", {"purchase": purchase_id})
        return refused(refusal)
    if refusal.code in (PurchaseRefusal.UNKNOWN_PURCHASE, PurchaseRefusal.NOT_REDEEMED):
        return Problem("purchase_not_found", {"purchase": purchase_id})
    return refused(refusal)


def line_problem(request: PartnerRequest, purchase_id: int, refusal: Refusal) -> LineProblem:
    """Why a line was refused, as it leaves."""
    members = problem_members(problem_of(request.call, purchase_id, refusal), request)
    return LineProblem(**{name: members[name] for name in LineProblem.model_fields})
