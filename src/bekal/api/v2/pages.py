"""The pages of v2 that people read: its operations, which can be tried there, and what each problem means."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from bekal.accounts.access import open_to_all, open_to_partners
from bekal.api.v2.door import dress, language_asked
from bekal.api.v2.openapi import address_of, document, endpoints, problems_of
from bekal.api.v2.openapi_parts import TAGS
from bekal.api.v2.problems import LANGUAGES, Definition, Problem, catalogue, problem_response, reader_language
from bekal.core.text import shown


@open_to_all
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation with what it takes and answers. With JavaScript each can be called from here: the key stays in
    the page's memory, and the browser signs."""
    areas: dict[str, list[dict[str, Any]]] = {tag: [] for tag in TAGS}
    heads = {
        "keys": _("Keys"),
        "redeem": _("Redeeming"),
        "purchases": _("Purchases"),
        "sessions": _("Trainings and sessions"),
        "evidence": _("Evidence"),
        "refunds": _("Cancelling and refunds"),
        "statement": _("Statement"),
        "sandbox": _("Sandbox"),
        "platform": _("Digital platforms"),
        "webhooks": _("Webhooks"),
    }
    for endpoint in endpoints():
        operation = document()["paths"][address_of(endpoint)][endpoint.method.lower()]
        areas[operation["tags"][0]].append(_operation(endpoint, operation))
    return render(request, "api/v2_docs.html", {"areas": {heads[tag]: each for tag, each in areas.items() if each}})


def _operation(endpoint: Any, operation: dict[str, Any]) -> dict[str, Any]:
    language = reader_language()
    (status, response) = next(iter(operation["responses"].items()))
    (media_type, answer) = next(iter(response.get("content", {"": {}}).items()))
    return {
        "id": endpoint.operation,
        "method": endpoint.method,
        "address": address_of(endpoint),
        "summary": endpoint.summary,
        "description": operation.get("description", "").partition("\n\nScope:")[0],
        "scope": endpoint.scope.value if endpoint.scope else "",
        "writes": endpoint.writes,
        "arguments": [each for each in operation["parameters"] if each.get("in") in ("path", "query")],
        "body": _pretty(_example(operation.get("requestBody", {}).get("content", {}).get("application/json"))),
        "status": status,
        "media_type": media_type,
        "answer": _pretty(answer.get("example")),
        "problems": [
            {"code": code, "status": catalogue()[code].status, "title": catalogue()[code].title[language]}
            for code in problems_of(endpoint)
        ],
    }


def _example(media: dict[str, Any] | None) -> Any:
    return None if media is None else media["example"]


def _pretty(value: Any) -> str:
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


@open_to_all
def problems(request: HttpRequest) -> HttpResponse:
    """Every problem, by its code."""
    language = reader_language()
    listed = [
        {"code": each.code, "status": each.status, "title": each.title[language]} for each in catalogue().values()
    ]
    return render(request, "api/v2_problems.html", {"problems": listed})


@open_to_all
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """What one problem means, why it came, and what to do: in Indonesian and in English, the reader's first."""
    definition = catalogue().get(code)
    if definition is None:
        raise Http404
    first = reader_language()
    ordered = sorted(LANGUAGES, key=lambda language: language != first)
    texts = [_texts(definition, language) for language in ordered]
    return render(request, "api/v2_problem.html", {"problem": definition, "texts": texts})


def _texts(definition: Definition, language: str) -> dict[str, str]:
    with translation.override(language):
        heads = {"what_head": _("What happened, and why"), "mend_head": _("What to do")}
    said = {"title": definition.title, "what": definition.what, "mend": definition.mend}
    return {"language": language, **heads, **{name: texts[language] for name, texts in said.items()}}


@open_to_partners
@csrf_exempt
def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Every other address below `/api/v2/`."""
    language = language_asked(request)
    with translation.override(language):
        response = problem_response(Problem("address_unknown", {"path": shown(request.path, limit=120)}), request)
    dress(response, language)
    return response
