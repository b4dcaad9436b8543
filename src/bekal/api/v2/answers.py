"""What v2 answers: models that stand in the OpenAPI document as they leave."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Output(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True)


class ProblemFault(Output):
    """One refused value."""

    code: str = Field(examples=["int_type"])
    detail: str = Field(examples=["Tulis bilangan bulat, tanpa tanda kutip, titik, atau true/false."])
    pointer: str | None = Field(
        None, description="JSON pointer (RFC 6901) into the body.", examples=["/lines/0/sequence"]
    )
    parameter: str | None = Field(None, description="Name of the query parameter.")
    value: str | None = Field(None, description="What stood there, shortened.", examples=["1.5"])
    line: int | None = Field(None, description="Of a file: the line, from 1.")
    column: str | None = Field(None, description="Of a file: the column's name.")


class ProblemDetails(BaseModel):
    """RFC 9457. `type` leads to a page in Indonesian and English; `code` is its last part. Further members may be
    there (`scope`, `differing`, `fault`, `pointer`, `value`)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(json_schema_extra={"format": "uri"})
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str
    errors: list[ProblemFault] | None = None


class LineProblem(Output):
    """Why one line of a batch was refused: the members of a problem that matter there."""

    type: str = Field(json_schema_extra={"format": "uri"})
    code: str
    title: str
    detail: str


class LineOutcome(Output):
    """What became of one line, in the order in which they were sent. `repeated`: it stood so before."""

    purchase: int
    outcome: str = Field(json_schema_extra={"enum": ["recorded", "repeated", "refused"]})
    problem: LineProblem | None = None


class BatchAnswer(Output):
    """The outcome of each line. A refused line leaves the others as they are."""

    recorded_count: int
    repeated_count: int
    refused_count: int
    lines: list[LineOutcome]


class TrainingName(Output):
    """A training as a purchase names it."""

    code: str = Field(examples=["pelatihan-barista"])
    title: str
    session_count: int


class PurchaseAnswer(Output):
    """One purchase redeemed at this institution. Of its participant only a masked name."""

    purchase: int = Field(examples=[4711])
    training: TrainingName
    participant: str = Field(description="Masked: the first letter of each name.", examples=["S••• R•••"])
    state: str = Field(json_schema_extra={"enum": ["redeemed", "completed", "proven", "ended"]})
    price_rupiah: int = Field(examples=[300000])
    redeemed_at: datetime
    completed_at: datetime | None
    proven_at: datetime | None = Field(description="The evidence of both sides agreed.")
    ended_at: datetime | None
    ending: str | None = Field(json_schema_extra={"enum": ["refunded", "partial", "attended", None]})
    refunded_rupiah: int
    settled_at: datetime | None
    attended: list[int] = Field(description="The sessions recorded as attended.", examples=[[1, 2]])


class Page(Output):
    """One page of a list; `next` None ends it."""

    next: str | None = Field(None, description="Give it as `cursor` for the page after this one.")


class PurchasePage(Page):
    items: list[PurchaseAnswer]


def json_of(model: BaseModel) -> Any:
    """An answer as plain values, for tests and examples."""
    return model.model_dump(mode="json")
