"""One endpoint: who may call it, what it needs, and which problems it answers with. `urls.py` leads to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from django.http import HttpRequest
from django.utils.functional import Promise
from ninja import NinjaAPI
from ninja.errors import ValidationErrorContext
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from pydantic import BaseModel

from bekal.api.v2.faults import faults_of, invalid
from bekal.api.v2.json_text import json_text
from bekal.partners.scopes import Scope

StrOrPromise = str | Promise
View = TypeVar("View", bound=Callable[..., Any])
INSTITUTION, PLATFORM, ANYBODY = "institution", "platform", "partner"
EITHER = "institution or platform"
"""Whoever teaches or sells, tied to its own; ANYBODY may be a partner that is tied to nothing yet."""


@dataclass(frozen=True, slots=True)
class RawBody:
    """A body that is read as its bytes: the view finds it in `request.value` and answers for everything in it. JSON is
    read strictly all the same, but its form is the view's."""

    media_type: str
    max_bytes: int
    schema: Mapping[str, Any]
    example: Any

    @property
    def is_json(self) -> bool:
        return self.media_type == "application/json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`writes`: an Idempotency-Key is needed; `keeps`: its answer is never forgotten, because money moved or evidence
    was recorded. `kind`: whose it is. `problems`: codes beyond those every call may meet. `line_problems`: those a line
    of a batch may have. `about_keys`: it is about the partner's keys, which stand in the programme's books whichever
    world they open."""

    operation: str
    summary: StrOrPromise
    method: str
    path: str
    scope: Scope | None
    kind: str
    keeps: bool
    problems: tuple[str, ...]
    line_problems: tuple[str, ...]
    reads_body: bool
    parameters: frozenset[str]
    media_type: str
    is_paged: bool
    about_keys: bool
    raw: RawBody | None

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, in which world, at which instant of its programme. `institution_id` and `platform_id` are those of
    that world; one of them is None."""

    key_id: int
    client_code: str
    partner_id: int
    partner_code: str
    partner_name: str
    kind: str
    is_sandbox: bool
    scopes: frozenset[str]
    institution_id: int | None
    platform_id: int | None
    at: datetime
    # How far a sandbox's clock was moved by its partner.
    offset: timedelta | None = None

    @property
    def institution(self) -> int:
        """The institution's number; an endpoint of institutions is opened to nobody without one."""
        assert self.institution_id is not None
        return self.institution_id

    @property
    def platform(self) -> int:
        """The platform's number; an endpoint of platforms is opened to nobody without one."""
        assert self.platform_id is not None
        return self.platform_id


class PartnerRequest(HttpRequest):
    """A request whose signature was right. `value`: its JSON. `remembered`: kept instead of the answer."""

    call: Call
    value: Any
    remembered: str | None


class _ParsedAlready(Parser):
    """The door has read the body, strictly."""

    def parse_body(self, request: HttpRequest) -> Any:
        return request.value  # type: ignore[attr-defined]


class _Json(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:
        return json_text(data)


class _Doors(NinjaAPI):
    """django-ninja matches methods, fills arguments and knows the schema; what goes wrong is the door's."""

    def validation_error_from_error_contexts(self, error_contexts: list[ValidationErrorContext[Any]]) -> Any:
        faults = []
        for context in error_contexts:
            source = str(context.model.__ninja_param_source__)
            faults += faults_of(context.pydantic_validation_error, source=source)
        return invalid(faults)

    def on_exception(self, request: HttpRequest, exc: Any) -> NoReturn:
        raise exc


api = _Doors(
    title="Bekal: API mitra v2",
    version="2.0.0",
    openapi_url=None,
    docs_url=None,
    urls_namespace="v2-operations",
    parser=_ParsedAlready(),
    renderer=_Json(),
)
ENDPOINTS: dict[str, dict[str, Endpoint]] = {}
"""By path, then by method."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What an endpoint's file says of it, beside its arguments."""

    tag: str
    summary: StrOrPromise
    answer: type[BaseModel] | None
    status: int = 200
    scope: Scope | None = None
    kind: str = INSTITUTION
    keeps: bool = True
    problems: tuple[str, ...] = ()
    line_problems: tuple[str, ...] = ()
    media_type: str = "application/json"
    is_paged: bool = False
    about_keys: bool = False
    raw: RawBody | None = None


def endpoint(method: str, path: str, declared: Declared) -> Callable[[View], View]:
    """Declare an endpoint; its name is the operation's, its docstring the operation's description."""

    def declare(view: View) -> View:
        api.api_operation(
            [method],
            path,
            response={declared.status: declared.answer},
            operation_id=view.__name__,
            url_name=view.__name__,
            description=view.__doc__,
            tags=[declared.tag],
        )(view)
        models = view._ninja_operation.models  # type: ignore[attr-defined]
        named = [m for m in models if m.__ninja_param_source__ == "query"]
        ENDPOINTS.setdefault(path, {})[method] = Endpoint(
            operation=view.__name__,
            summary=declared.summary,
            method=method,
            path=path,
            scope=declared.scope,
            kind=declared.kind,
            keeps=declared.keeps,
            problems=declared.problems,
            line_problems=declared.line_problems,
            reads_body=declared.raw is not None or any(m.__ninja_param_source__ == "body" for m in models),
            parameters=frozenset(name for model in named for name in model.__ninja_flatten_map__),
            media_type=declared.media_type,
            is_paged=declared.is_paged,
            about_keys=declared.about_keys,
            raw=declared.raw,
        )
        return view

    return declare
