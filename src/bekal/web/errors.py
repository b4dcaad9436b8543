"""The pages for what went wrong: not found, not allowed, a form that is too old, a fault of ours."""

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import override

from bekal.ui.language import chosen_language


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "web/errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "web/errors/403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "web/errors/404.html", status=404)


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The check against forged forms failed: nearly always a page left open too long, or cookies switched off."""
    return render(request, "web/errors/csrf.html", status=403)


def server_fault(request: HttpRequest) -> HttpResponse:
    """Drawn without the request's context, which may be what is broken (the database, the session)."""
    code = chosen_language(request)
    with override(code):
        return HttpResponseServerError(render_to_string("web/errors/500.html", {"LANGUAGE_CODE": code, "demo": False}))
