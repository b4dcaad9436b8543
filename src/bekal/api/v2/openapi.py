"""The OpenAPI 3.1 document of v2: django-ninja's schema of the endpoints, and everything the door adds to each."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from bekal.accounts.access import open_to_all
from bekal.api.v2.answers import ProblemDetails
from bekal.api.v2.endpoint import ANYBODY, ENDPOINTS, Endpoint, api
from bekal.api.v2.json_text import json_text
from bekal.api.v2.openapi_examples import example_of
from bekal.api.v2.openapi_parts import DESCRIPTION, HEADERS, PARAMETERS, SECURITY, TAGS
from bekal.api.v2.operations import MODULES
from bekal.api.v2.problems import MEDIA_TYPE, catalogue

PREFIX = "/api/v2"
assert MODULES, "the document is made of what their imports have declared"
_EVERY_CALL = (
    "request_unreadable",
    "signature_missing",
    "timestamp_expired",
    "key_unknown",
    "signature_wrong",
    "key_revoked",
    "key_suspended",
    "partner_suspended",
    "not_acceptable",
    "length_required",
    "body_too_large",
    "rate_limited",
    "unavailable",
    "fault",
    "sandbox_away",
)
_OF_BODIES = ("body_not_json", "content_type_unsupported", "values_invalid")
_OF_WRITES = ("idempotency_key_missing", "idempotency_key_invalid", "idempotency_key_reused", "busy")


@open_to_all
def openapi_document(request: HttpRequest) -> HttpResponse:
    """Whoever writes a client reads it without a key."""
    response = HttpResponse(_text(), content_type="application/json")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@cache
def _text() -> str:
    return json_text(document())


@cache
def document() -> dict[str, Any]:
    """The whole document as plain values; nobody may change it."""
    with translation.override("en"):
        found: dict[str, Any] = dict(api.get_openapi_schema(path_prefix=PREFIX + "/"))
        found["info"] |= {"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}
        found["jsonSchemaDialect"] = "https://json-schema.org/draft/2020-12/schema"
        found["servers"] = [{"url": "/", "description": "This server"}]
        found["tags"] = [{"name": name, "description": said} for name, said in TAGS.items()]
        components = found["components"]
        components["schemas"] |= _problem_schemas()
        components["securitySchemes"] = SECURITY
        components["headers"] = HEADERS
        components["parameters"] = PARAMETERS
        found["security"] = [{name: [] for name in SECURITY}]
        for endpoint in endpoints():
            _complete(found, endpoint)
    return found


def endpoints() -> Iterator[Endpoint]:
    """Every endpoint, in the order in which they are declared."""
    for methods in ENDPOINTS.values():
        yield from methods.values()


def address_of(endpoint: Endpoint) -> str:
    """Its address as the document names it, without the converters of arguments."""
    steps = [f"{{{step[1:-1].rpartition(':')[2]}}}" if step[:1] == "{" else step for step in endpoint.path.split("/")]
    return PREFIX + "/".join(steps)


def problems_of(endpoint: Endpoint) -> list[str]:
    """The codes of every problem this endpoint may answer with, in the order of the catalogue."""
    codes = {*_EVERY_CALL, *endpoint.problems}
    codes |= set(_OF_BODIES) if endpoint.reads_body else {"body_not_expected"}
    codes -= {"body_not_json"} if endpoint.raw and not endpoint.raw.is_json else set()
    codes |= set(_OF_WRITES) if endpoint.writes else set()
    codes |= {"scope_missing"} if endpoint.scope else set()
    codes |= {"not_for_this_partner"} if endpoint.kind != ANYBODY else set()
    codes |= {"cursor_invalid"} if endpoint.is_paged else set()
    codes -= {"sandbox_away"} if endpoint.about_keys else set()
    codes.add("values_invalid")  # an unknown parameter is one everywhere
    return [code for code in catalogue() if code in codes]


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "ProblemDetails": schema}


def _complete(found: dict[str, Any], endpoint: Endpoint) -> None:
    operation = found["paths"][address_of(endpoint)][endpoint.method.lower()]
    schemas = found["components"]["schemas"]
    named = ["AcceptLanguage", *(["IdempotencyKey"] if endpoint.writes else [])]
    operation["parameters"] += [{"$ref": f"#/components/parameters/{name}"} for name in named]
    operation["summary"] = str(endpoint.summary)
    operation["x-bekal-scope"] = endpoint.scope.value if endpoint.scope else None
    operation["x-bekal-for"] = endpoint.kind
    if endpoint.line_problems:
        operation["x-bekal-line-problems"] = list(endpoint.line_problems)
    if endpoint.scope:
        operation["description"] = f"{operation.get('description', '')}\n\nScope: `{endpoint.scope.value}`."
    if endpoint.raw:
        content = {endpoint.raw.media_type: {"schema": dict(endpoint.raw.schema), "example": endpoint.raw.example}}
        operation["requestBody"] = {"required": True, "content": content}
        _complete_answers(operation, schemas, endpoint)
        return
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media["example"] = example_of(media["schema"], schemas)
    _complete_answers(operation, schemas, endpoint)


def _complete_answers(operation: dict[str, Any], schemas: dict[str, Any], endpoint: Endpoint) -> None:
    for response in operation["responses"].values():
        response["headers"] = _headers(endpoint, done=True)
        for media in response.get("content", {}).values():
            media["example"] = example_of(media["schema"], schemas)
    operation["responses"] = {str(status): each for status, each in operation["responses"].items()}
    if endpoint.media_type != "application/json":
        (response,) = operation["responses"].values()
        response["content"] = {endpoint.media_type: {"schema": {"type": "string", "format": "binary"}}}
    operation["responses"] |= _problem_responses(endpoint)


def _headers(endpoint: Endpoint, *, done: bool) -> dict[str, Any]:
    named = ["Content-Language", "RateLimit", "RateLimit-Policy"]
    named += ["Idempotency-Replayed"] if endpoint.writes else []
    named += ["Link"] if done and endpoint.is_paged else []
    return {name: {"$ref": f"#/components/headers/{name}"} for name in named}


def _problem_responses(endpoint: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for code in problems_of(endpoint):
        definition = catalogue()[code]
        status = str(definition.status)
        response = responses.setdefault(
            status,
            {
                "description": "",
                "headers": _headers(endpoint, done=False) if status != "401" else {},
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": {}}},
            },
        )
        if status in ("429", "503"):
            response["headers"]["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
        if status == "401":
            response["headers"]["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
        response["description"] += ("; " if response["description"] else "") + definition.title["en"]
        response["content"][MEDIA_TYPE]["examples"][code] = {
            "summary": definition.title["en"],
            "value": _problem_example(code),
        }
    return responses


def _problem_example(code: str) -> Mapping[str, Any]:
    definition = catalogue()[code]
    return {
        "type": f"https://bekal.example{PREFIX}/problems/{code}",
        "title": definition.title["id"],
        "status": definition.status,
        "detail": definition.title["id"] + ".",
        "code": code,
    }
