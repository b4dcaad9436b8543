"""`POST /completions`: who has completed a training, wholly or in part, up to 500 lines at a time."""

from typing import Annotated, Self

from django.utils.translation import gettext_lazy as _
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bekal.api.v2.answers import BatchAnswer
from bekal.api.v2.endpoint import EITHER, Declared, PartnerRequest, endpoint
from bekal.api.v2.evidence_lines import LINE_PROBLEMS, EvidenceLine, Percent, message_of, recorded
from bekal.api.v2.inputs import MAX_LINES, Input
from bekal.core.evidence import WHOLE_PERCENT, Piece
from bekal.partners.scopes import Scope


class CompletionLine(EvidenceLine):
    """One purchase. Below 100 percent it is partial, and `reason` says why."""

    percent: Percent = WHOLE_PERCENT
    completed: bool = Field(True, description="false: it was not completed, or it was said by mistake.")

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.percent < WHOLE_PERCENT or not self.completed) and not self.reason:
            raise PydanticCustomError("reason_missing", "reason missing")
        return self


class CompletionBody(Input):
    """Lines in any order."""

    lines: Annotated[list[CompletionLine], Field(min_length=1, max_length=MAX_LINES)]


@endpoint(
    "POST",
    "/completions",
    Declared(
        tag="evidence",
        summary=_("Record completion"),
        answer=BatchAnswer,
        scope=Scope.EVIDENCE,
        kind=EITHER,
        line_problems=LINE_PROBLEMS,
    ),
)
def record_completion(request: PartnerRequest, body: CompletionBody) -> BatchAnswer:
    """It may come before its attendance, and counts as soon as every session is there. A partial completion says how
    much was done and why: it completes nothing, and is paid pro rata when the purchase ends."""
    messages = []
    for line in body.lines:
        percent = None if line.percent == WHOLE_PERCENT or not line.completed else line.percent
        messages.append(message_of(request, line, Piece.COMPLETION, holds=line.completed, percent=percent))
    return recorded(request, messages)
