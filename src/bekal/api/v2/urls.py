"""Addresses of v2: one for each endpoint, the document, the pages, and a problem for every other address."""

from django.urls import URLPattern, path, register_converter

from bekal.api.v2.door import door
from bekal.api.v2.endpoint import ENDPOINTS, api
from bekal.api.v2.openapi import openapi_document
from bekal.api.v2.pages import docs, nothing_here, problem, problems

app_name = "v2"


class _Rest:
    """Whatever else is asked for, line ends included."""

    regex = "(?s:.+)"

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


register_converter(_Rest, "rest")


def _doors() -> list[URLPattern]:
    """One pattern for each address; django-ninja has one for each operation."""
    patterns, seen = [], set()
    routes = {route.lstrip("/").replace("{", "<").replace("}", ">"): route for route in ENDPOINTS}
    for pattern in api.urls[0]:  # `openapi` has opened every endpoint
        route = str(pattern.pattern)
        if route in routes and route not in seen and isinstance(pattern, URLPattern):
            seen.add(route)
            patterns.append(path(route, door(pattern.callback, ENDPOINTS[routes[route]]), name=pattern.name))
    if len(seen) != len(routes):
        raise RuntimeError(f"endpoints without an address: {sorted(routes.keys() - seen)}")
    return patterns


urlpatterns = [
    *_doors(),
    path("openapi.json", openapi_document, name="openapi"),
    path("docs/", docs, name="docs"),
    path("problems/", problems, name="problems"),
    path("problems/<slug:code>", problem, name="problem"),
    path("", nothing_here, name="root"),
    path("<rest:rest>", nothing_here, name="nothing_here"),
]
