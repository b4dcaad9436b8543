"""`POST /xapi/statements`: xAPI statements of cmi5, up to 100 at a time."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import LineProblem, Output
from bekal.api.v2.endpoint import EITHER, Declared, PartnerRequest, RawBody, endpoint
from bekal.api.v2.evidence_lines import LINE_PROBLEMS, line_problem, speaker_of
from bekal.api.v2.faults import fault, invalid
from bekal.core.strict_json import pointer_of
from bekal.core.xapi import StatementFault, XapiStatement, read_statement
from bekal.partners.record_statements import StatementOutcome, record_statements
from bekal.partners.scopes import Scope

MAX_STATEMENTS = 100
MAX_BYTES = 1024 * 1024
EXAMPLE = [
    {
        "id": "7ba10c5e-1c51-4f3c-9d6f-9d5a2ac1d9a1",
        "actor": {"account": {"homePage": "https://bekal.example/", "name": "4711"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {"id": "https://lembaga.example/kursus/barista/sesi-1"},
        "result": {"completion": True, "duration": "PT45M"},
        "context": {
            "contextActivities": {"category": [{"id": "https://w3id.org/xapi/cmi5/context/categories/moveon"}]}
        },
        "timestamp": "2020-11-19T10:00:00+07:00",
    }
]


class StatementAnswer(Output):
    """What became of one statement. `noted`: taken, and nothing is proven by it alone."""

    id: str
    outcome: str = Field(json_schema_extra={"enum": ["recorded", "noted", "repeated", "refused"]})
    pieces: list[str] = Field(description="What it proved, or took back.", examples=[["attendance"]])
    problem: LineProblem | None = None


class StatementsAnswer(Output):
    """In the order in which they were sent. A refused statement leaves the others as they are."""

    statements: list[StatementAnswer]


@endpoint(
    "POST",
    "/xapi/statements",
    Declared(
        tag="evidence",
        summary=_("Send xAPI statements of cmi5"),
        answer=StatementsAnswer,
        scope=Scope.EVIDENCE,
        kind=EITHER,
        line_problems=(
            *LINE_PROBLEMS,
            "statement_changed",
            "xapi_object_unknown",
            "move_on_not_applicable",
            "xapi_waived",
        ),
        raw=RawBody(
            "application/json",
            MAX_BYTES,
            {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": MAX_STATEMENTS},
            EXAMPLE,
        ),
    ),
)
def send_statements(request: PartnerRequest) -> StatementsAnswer:
    """xAPI 1.0.3 or 2.0. The actor is an account of this server whose name is the purchase number, never a person's
    address. A unit is a session: once its `moveOn` is met it was attended; `satisfied` of the course completes it. What
    rests on `moveOn` NotApplicable is refused. The id of a statement makes it one: the same again is `repeated`. A
    `voided` one counts as never said: what it alone proved is taken back."""
    given = request.value if isinstance(request.value, list) else [request.value]
    if not 1 <= len(given) <= MAX_STATEMENTS:
        code, limit = ("too_short", {"min_length": 1}) if not given else ("too_long", {"max_length": MAX_STATEMENTS})
        raise invalid([fault(code, pointer="", values=limit)])
    home_page = request.build_absolute_uri("/")
    read = [read_statement(each, home_page=home_page) for each in given]
    faults = [(number, each) for number, each in enumerate(read) if isinstance(each, StatementFault)]
    if faults:
        raise invalid([_fault(number, each) for number, each in faults])
    statements = [each for each in read if isinstance(each, XapiStatement)]
    call = request.call
    outcomes = record_statements(statements=statements, speaker=speaker_of(call), home_page=home_page, at=call.at)
    pairs = zip(statements, outcomes, strict=True)
    return StatementsAnswer(statements=[_answer(request, said.purchase, outcome) for said, outcome in pairs])


def _fault(number: int, wrong: StatementFault) -> Any:
    pointer = pointer_of(number, *wrong.steps)
    return fault("literal_error", pointer=pointer, value=wrong.value, values={"expected": wrong.expected})


def _answer(request: PartnerRequest, purchase_id: int, outcome: StatementOutcome) -> StatementAnswer:
    problem = None
    said = "repeated" if outcome.repeated else "noted" if outcome.noted else "recorded"
    if outcome.refusal is not None:
        said, problem = "refused", line_problem(request, purchase_id, outcome.refusal)
    return StatementAnswer(id=outcome.statement_id, outcome=said, pieces=list(outcome.pieces), problem=problem)
