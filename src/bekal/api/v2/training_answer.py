"""A training of this institution and its sessions, as every endpoint answers them."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import Call
from bekal.api.v2.problems import Problem
from bekal.catalogue.institution_trainings import DatedSession, OwnTraining, dated_sessions, own_training
from bekal.core.text import shown


class SessionAnswer(Output):
    """A session with its date; sessions without one are not listed."""

    sequence: int = Field(examples=[1])
    starts_at: datetime
    ends_at: datetime | None
    place: str = Field(examples=["Balai Latihan Kerja, Bandung"])


class TrainingAnswer(Output):
    """A training of this institution."""

    code: str = Field(examples=["pelatihan-barista"])
    title: str
    mode: str = Field(json_schema_extra={"enum": ["self_paced", "webinar", "on_site"]})
    price_rupiah: int = Field(examples=[300000])
    session_count: int = Field(examples=[4])
    on_sale: bool
    seat_count: int | None = Field(description="How many can ever be sold; null: no limit.")
    seats_left: int | None
    sessions: list[SessionAnswer]


def own_training_or_problem(call: Call, code: str) -> OwnTraining:
    """The training with this code; the same Problem for another institution's and for none at all."""
    training = own_training(institution_id=call.institution, code=code)
    if training is None:
        raise Problem("training_not_found", {"training": shown(code)})
    return training


def training_answers(trainings: Sequence[OwnTraining]) -> list[TrainingAnswer]:
    """As they leave, each with its sessions."""
    sessions = dated_sessions(training_ids=[training.training_id for training in trainings])
    return [_answer(training, sessions[training.training_id]) for training in trainings]


def _answer(training: OwnTraining, sessions: Sequence[DatedSession]) -> TrainingAnswer:
    return TrainingAnswer(
        code=training.code,
        title=training.title,
        mode=training.mode,
        price_rupiah=training.price_rupiah,
        session_count=training.session_count,
        on_sale=training.on_sale,
        seat_count=training.seat_count,
        seats_left=training.seats_left,
        sessions=[
            SessionAnswer(sequence=each.sequence, starts_at=each.starts_at, ends_at=each.ends_at, place=each.place)
            for each in sessions
        ],
    )
