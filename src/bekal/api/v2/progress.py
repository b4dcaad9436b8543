"""`POST /progress`: how far people have come, up to 500 lines at a time."""

from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import BatchAnswer
from bekal.api.v2.endpoint import EITHER, Declared, PartnerRequest, endpoint
from bekal.api.v2.evidence_lines import LINE_PROBLEMS, EvidenceLine, Percent, message_of, recorded
from bekal.api.v2.inputs import MAX_LINES, Input
from bekal.core.evidence import Piece
from bekal.partners.scopes import Scope


class ProgressLine(EvidenceLine):
    """One purchase and how much of its training is done."""

    percent: Percent


class ProgressBody(Input):
    """Lines in any order."""

    lines: Annotated[list[ProgressLine], Field(min_length=1, max_length=MAX_LINES)]


@endpoint(
    "POST",
    "/progress",
    Declared(
        tag="evidence",
        summary=_("Record progress"),
        answer=BatchAnswer,
        scope=Scope.EVIDENCE,
        kind=EITHER,
        line_problems=LINE_PROBLEMS,
    ),
)
def record_progress(request: PartnerRequest, body: ProgressBody) -> BatchAnswer:
    """Progress completes nothing by itself: completion is said by itself. Raise `revision` with each new figure of the
    same purchase; the highest counts."""
    return recorded(request, [message_of(request, line, Piece.PROGRESS, percent=line.percent) for line in body.lines])
