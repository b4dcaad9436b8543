"""What v2 answers when it does not do what was asked: problem details (RFC 9457), in the reader's language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language

from bekal.api.v2.json_text import json_text
from bekal.core.refusal import Refusal
from bekal.ui.refusals import sentence

MEDIA_TYPE = "application/problem+json"
LANGUAGES = ("id", "en")


@dataclass(frozen=True, slots=True)
class Definition:
    """One problem of the catalogue: texts by language."""

    code: str
    status: int
    title: Mapping[str, str]
    detail: Mapping[str, str]
    what: Mapping[str, str]
    mend: Mapping[str, str]


@cache
def catalogue() -> Mapping[str, Definition]:
    """Every problem by its code, in the order of the file."""
    read = yaml.safe_load((Path(__file__).parent / "problems.yaml").read_text())
    return {code: Definition(code, **({"detail": {}} | entry)) for code, entry in read.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """One value that is refused: `pointer` into the body, the name of a `parameter`, or `line` and `column`
    of a file."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    value: str | None = None
    line: int | None = None
    column: str | None = None


@dataclass(slots=True)
class Problem(Exception):
    """Raised wherever a call ends without being done. `values` fill the detail; `more` are further members of the
    answer; `afterwards` runs once everything was undone (what a refused call leaves behind) and may say what is
    told instead. `stands`: what was done stays, although the answer is no (a wrong try counted), and is told again
    to the same Idempotency-Key."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    afterwards: Callable[[], "Problem | None"] | None = None
    stands: bool = False

    @property
    def status(self) -> int:
        return catalogue()[self.code].status


def refused(refusal: Refusal, *, afterwards: Callable[[], Problem | None] | None = None) -> Problem:
    """A verb's refusal as a problem: its code, and its sentence."""
    return Problem(str(refusal.code), detail=sentence(refusal), afterwards=afterwards)


def problem_members(problem: Problem, request: HttpRequest) -> dict[str, Any]:
    """The members of the answer: type, title, status, detail, code, and what there is of errors and more."""
    definition, language = catalogue()[problem.code], reader_language()
    detail = problem.detail or definition.detail[language] % problem.values
    members: dict[str, Any] = {
        "type": _absolute(request, problem_address(problem.code)),
        "title": definition.title[language],
        "status": definition.status,
        "detail": detail,
        "code": problem.code,
    }
    if problem.faults:
        members["errors"] = [
            {name: value for name in Fault.__slots__ if (value := getattr(fault, name)) is not None}
            for fault in problem.faults
        ]
    return {**members, **problem.more}


def _absolute(request: HttpRequest, path: str) -> str:
    """The whole address; the path alone where the request names a host that is not ours."""
    try:
        return request.build_absolute_uri(path)
    except DisallowedHost:
        return path


def problem_response(problem: Problem, request: HttpRequest) -> HttpResponse:
    """The answer with its status and headers."""
    response = HttpResponse(
        json_text(problem_members(problem, request)), status=problem.status, content_type=MEDIA_TYPE
    )
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def problem_address(code: str) -> str:
    """The path of the page about a problem: the end of its `type`."""
    return reverse("api:v2:problem", args=[code])


def reader_language() -> str:
    """`id` or `en`."""
    language = (get_language() or "id")[:2]
    return language if language in LANGUAGES else "id"
