"""`POST /attendance`: who attended which session, up to 500 lines at a time."""

from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import BatchAnswer
from bekal.api.v2.endpoint import EITHER, Declared, PartnerRequest, endpoint
from bekal.api.v2.evidence_lines import LINE_PROBLEMS, EvidenceLine, message_of, recorded
from bekal.api.v2.inputs import MAX_LINES, Input
from bekal.core.evidence import Piece
from bekal.partners.scopes import Scope


class AttendanceLine(EvidenceLine):
    """One purchase and one session of its training."""

    sequence: Annotated[int, Field(ge=1, le=30, examples=[1])]
    attended: bool = Field(True, description="false: the person was not there, or it was said by mistake.")


class AttendanceBody(Input):
    """Lines in any order; of one purchase as many as there are sessions."""

    lines: Annotated[list[AttendanceLine], Field(min_length=1, max_length=MAX_LINES)]


@endpoint(
    "POST",
    "/attendance",
    Declared(
        tag="evidence",
        summary=_("Record attendance"),
        answer=BatchAnswer,
        scope=Scope.EVIDENCE,
        kind=EITHER,
        line_problems=(*LINE_PROBLEMS, "session_out_of_range"),
    ),
)
def record_attendance(request: PartnerRequest, body: AttendanceBody) -> BatchAnswer:
    """Each line has its own outcome; a refused line leaves the others as they are, so read the outcomes. The same
    again is `repeated` and changes nothing. To correct a line, send it again as it is, with a higher `revision`."""
    messages = [
        message_of(request, line, Piece.ATTENDANCE, sequence=line.sequence, holds=line.attended) for line in body.lines
    ]
    return recorded(request, messages)
