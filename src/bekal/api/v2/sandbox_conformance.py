"""`GET /sandbox/conformance`: which calls of the contract the partner's system has shown, and which failed."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.problems import reader_language
from bekal.api.v2.sandbox_world import sandbox_world
from bekal.partners.conformance import conformance_of
from bekal.partners.models import Partner


class CheckLine(Output):
    """One check of the conformance page."""

    code: str = Field(examples=["v1.commit"])
    title: str
    state: str = Field(json_schema_extra={"enum": ["green", "failed", "not_yet"]})
    at: datetime | None = Field(description="Since when it is green, or when a call last failed.")
    failure: str = Field(description="The code of the last failure; empty where there is none.")
    next: str = Field(description="What to try.")


class ConformanceAnswer(Output):
    """Every check of the partner's kind, in the order of the page."""

    complete: bool = Field(description="Everything that is asked of one system is green.")
    all_green: bool = Field(description="Every single check is green, also where one of several is enough.")
    missing_count: int = Field(description="How many are still asked; those of which one is enough count as one.")
    green_count: int
    check_count: int
    checks: list[CheckLine]


@endpoint(
    "GET",
    "/sandbox/conformance",
    Declared(
        tag="sandbox",
        summary=_("What the system has shown"),
        answer=ConformanceAnswer,
        kind=ANYBODY,
        problems=("sandbox_only",),
        about_keys=True,
    ),
)
def read_conformance(request: PartnerRequest) -> ConformanceAnswer:
    """The conformance page for machines: green once a signed sandbox call has shown a check, failed where calls have
    tried and none has, not yet where none has tried."""
    sandbox_world(request.call)
    seen = conformance_of(Partner.objects.get(pk=request.call.partner_id))
    language = reader_language()
    return ConformanceAnswer(
        complete=seen.is_complete,
        all_green=seen.is_all_green,
        missing_count=seen.missing_count,
        green_count=seen.green_count,
        check_count=len(seen.results),
        checks=[
            CheckLine(
                code=result.check.code,
                title=result.check.titles[language],
                state=result.state.value,
                at=result.at,
                failure=result.failure,
                next=result.check.advice[language],
            )
            for result in seen.results
        ],
    )
