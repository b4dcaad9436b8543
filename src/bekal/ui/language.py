"""The reader's language: what they chose, else Indonesian."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

ONE_YEAR_SECONDS = 365 * 24 * 3600


def chosen_language(request: HttpRequest) -> str:
    """The language of the cookie; Indonesian where there is none. The browser's setting is no choice: many phones
    are sold set to English to people who read Indonesian."""
    code = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return code if code in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def remember_language(response: HttpResponse, code: str) -> None:
    """Keep the choice for a year on this device."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, code, max_age=ONE_YEAR_SECONDS, samesite="Lax", secure=settings.SECURE
    )


class ReaderLanguage:
    """Middleware: every page in the reader's language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        code = chosen_language(request)
        with translation.override(code):
            request.LANGUAGE_CODE = code
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", code)
        patch_vary_headers(response, ("Cookie",))
        return response
