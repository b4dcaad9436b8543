"""`PATCH /trainings/{training}/sessions`: give sessions their dates."""

from collections import Counter
from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.faults import fault, invalid
from bekal.api.v2.inputs import Input, Instant
from bekal.api.v2.training_answer import TrainingAnswer, own_training_or_problem, training_answers
from bekal.catalogue.faults import FaultyRows
from bekal.catalogue.schedule_sessions import NewSession
from bekal.core.text import is_readable, tidy
from bekal.partners.scopes import Scope
from bekal.purchases.move_sessions import reschedule_sessions

# How the verb names the column, and what we say of it.
_FAULT_OF_COLUMN = {
    "sequence": "session_unknown",
    "ends_at": "session_ends_before_start",
    "starts_at": "session_out_of_order",
}


def _place(value: str) -> str:
    text = tidy(value)
    if not is_readable(text):
        raise PydanticCustomError("not_readable", "not readable")
    return text


class SessionLine(Input):
    """A session and when it is."""

    sequence: Annotated[int, Field(ge=1, le=30, examples=[1])]
    starts_at: Instant
    ends_at: Instant | None = None
    place: Annotated[str, Field(max_length=200, examples=["Balai Latihan Kerja"]), AfterValidator(_place)] = ""


class SessionsBody(Input):
    """The sessions to set; those left out stay as they are."""

    sessions: Annotated[list[SessionLine], Field(min_length=1, max_length=30)]


class ScheduledAnswer(Output):
    """What changed, and the training as it is now."""

    added_count: int
    changed_count: int
    unchanged_count: int
    training: TrainingAnswer


@endpoint(
    "PATCH",
    "/trainings/{training}/sessions",
    Declared(
        tag="sessions",
        summary=_("Set dates of sessions"),
        answer=ScheduledAnswer,
        scope=Scope.SESSIONS,
        keeps=False,
        problems=("training_not_found",),
    ),
)
def set_sessions(request: PartnerRequest, training: str, body: SessionsBody) -> ScheduledAnswer:
    """All of them or none. A session has a number from 1 to the training's `session_count`, ends after it starts, and
    does not start before an earlier one: send all that move in one call. Around the start of the first session codes
    can be redeemed. Whoever has bought is told of a session that moves."""
    call = request.call
    own = own_training_or_problem(call, training)
    named = Counter(line.sequence for line in body.sessions)
    twice = [place for place, line in enumerate(body.sessions) if named[line.sequence] > 1]
    if twice:
        raise invalid([fault("twice", pointer=f"/sessions/{place}/sequence") for place in twice])
    wanted = [
        NewSession(
            training_code=own.code,
            sequence=line.sequence,
            starts_at=line.starts_at,
            ends_at=line.ends_at,
            place=line.place,
        )
        for line in body.sessions
    ]
    try:
        scheduled = reschedule_sessions(sessions=wanted, at=call.at)
    except FaultyRows as error:
        raise invalid(
            [
                fault(
                    _FAULT_OF_COLUMN.get(each.column, "value_invalid"),
                    pointer=f"/sessions/{each.place}/{each.column}",
                    value=each.value,
                    values={"session_count": own.session_count},
                )
                for each in error.faults
            ]
        ) from None
    (answer,) = training_answers([own])
    return ScheduledAnswer(
        added_count=scheduled.added_count,
        changed_count=scheduled.changed_count,
        unchanged_count=scheduled.unchanged_count,
        training=answer,
    )
