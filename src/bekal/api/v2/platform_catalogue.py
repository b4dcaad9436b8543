"""`POST /platform/trainings` and `GET /platform/submissions`: what a platform offers, and what a curator made of it."""

from datetime import datetime
from typing import Annotated

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import LineProblem, Output, Page
from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_after, link_next, place_of
from bekal.api.v2.problems import Problem, problem_members
from bekal.catalogue.content import Content
from bekal.catalogue.platform_submissions import PlatformSubmission, submissions_of_platform, submit_for_platform
from bekal.catalogue.submit_trainings import SubmitOutcome
from bekal.partners.scopes import Scope
from bekal.ui.refusals import sentence

MAX_TRAININGS = 200
_ANY_NUMBER = Field(ge=-(2**31), le=2**31 - 1)
Word = Annotated[str, Field(max_length=60)]


class TrainingLine(Input):
    """A training as it would be offered; what is wrong with a line is its own outcome."""

    institution: Annotated[str, Field(min_length=1, max_length=60, description="The institution's code.")]
    code: Annotated[
        str, Field(max_length=60, description="Names the training for ever; empty: made from institution and title.")
    ] = ""
    title: Annotated[str, Field(max_length=1000, examples=["Barista dasar"])]
    description: Annotated[str, Field(max_length=10_000)] = ""
    category: Annotated[Word, Field(description="The category's slug.", examples=["keterampilan"])]
    price_rupiah: Annotated[int, Field(ge=-(2**53), le=2**53, examples=[300000])]
    mode: Word = "self_paced"
    province: Annotated[int | None, _ANY_NUMBER] = None
    hours: Annotated[int | None, _ANY_NUMBER] = None
    session_count: Annotated[int, _ANY_NUMBER] = 1
    seat_count: Annotated[int | None, _ANY_NUMBER] = None
    draft: bool = Field(False, description="A draft waits for nobody.")


class TrainingsBody(Input):
    """Lines in any order; decided one after the other."""

    lines: Annotated[list[TrainingLine], Field(min_length=1, max_length=MAX_TRAININGS)]


class TrainingOutcome(Output):
    """What became of one line, in the order in which they were sent."""

    code: str
    outcome: str = Field(json_schema_extra={"enum": ["submitted", "draft", "lowered", "unchanged", "refused"]})
    submission: int | None = None
    repeated: bool = False
    problem: LineProblem | None = None


class TrainingsAnswer(Output):
    """A refused line leaves the others as they are."""

    lines: list[TrainingOutcome]


class SubmissionAnswer(Output):
    """One submission and what a curator decided."""

    submission: int
    institution: str
    code: str
    state: str = Field(json_schema_extra={"enum": ["draft", "submitted", "returned", "approved", "withdrawn"]})
    price_rupiah: int
    submitted_at: datetime | None
    decided_at: datetime | None
    reason: str | None = Field(description="The curator's words.")


class SubmissionPage(Page):
    items: list[SubmissionAnswer]


def _submit(request: PartnerRequest, body: TrainingsBody) -> TrainingsAnswer:
    submissions = [
        PlatformSubmission(
            institution=line.institution,
            content=Content(
                title=line.title,
                description=line.description,
                category=line.category,
                price_rupiah=line.price_rupiah,
                mode=line.mode,
                province=line.province,
                hours=line.hours,
                session_count=line.session_count,
                seat_count=line.seat_count,
            ),
            code=line.code,
            is_draft=line.draft,
        )
        for line in body.lines
    ]
    call = request.call
    outcomes = submit_for_platform(platform_id=call.platform, submissions=submissions, at=call.at)
    return TrainingsAnswer(lines=[_outcome(request, each) for each in outcomes])


def _outcome(request: PartnerRequest, outcome: SubmitOutcome) -> TrainingOutcome:
    if outcome.refusal is None:
        return TrainingOutcome(
            code=outcome.code, outcome=outcome.state, submission=outcome.submission_id, repeated=outcome.repeated
        )
    members = problem_members(Problem("training_refused", detail=sentence(outcome.refusal)), request)
    problem = LineProblem(**{name: members[name] for name in LineProblem.model_fields})
    return TrainingOutcome(code=outcome.code, outcome="refused", problem=problem)


@endpoint(
    "POST",
    "/platform/trainings",
    Declared(
        tag="platform",
        summary=_("Offer trainings, or changes of them"),
        answer=TrainingsAnswer,
        scope=Scope.CATALOGUE,
        kind=PLATFORM,
        line_problems=("training_refused",),
    ),
)
def offer_for_institutions(request: PartnerRequest, body: TrainingsBody) -> TrainingsAnswer:
    """Nothing goes on sale by this call: a curator of the programme decides. What is approved stays as it is until
    then; only a lower price alone holds at once. A platform offers for institutions that have a training on it, and
    changes trainings that are sold on it. The same again changes nothing."""
    return _submit(request, body)


@endpoint(
    "GET",
    "/platform/submissions",
    Declared(
        tag="platform",
        summary=_("What became of what was offered"),
        answer=SubmissionPage,
        scope=Scope.CATALOGUE,
        kind=PLATFORM,
        is_paged=True,
    ),
)
def platform_submissions(
    request: PartnerRequest, response: HttpResponse, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> SubmissionPage:
    """Page by page in the order of their numbers, with the curator's words where there are any."""
    call, after = request.call, [0]
    if cursor is not None:
        _filters, after = place_of(call, "platform_submissions", cursor)
    found = submissions_of_platform(platform_id=call.platform, after_id=after[0], limit=limit + 1)
    items = found[:limit]
    next_cursor = None
    if len(found) > limit:
        next_cursor = cursor_after(call, "platform_submissions", {}, [items[-1].submission_id])
    link_next(request, response, next_cursor, limit)
    answers = [
        SubmissionAnswer(
            submission=each.submission_id,
            institution=each.institution_code,
            code=each.code,
            state=each.state,
            price_rupiah=each.price_rupiah,
            submitted_at=each.submitted_at,
            decided_at=each.decided_at,
            reason=each.reason or None,
        )
        for each in items
    ]
    return SubmissionPage(items=answers, next=next_cursor)
