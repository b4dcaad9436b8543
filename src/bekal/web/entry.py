"""The door: where the address without a path leads, signing in and out, language, help."""

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bekal.accounts.access import open_to_all
from bekal.accounts.models import Role
from bekal.accounts.note_devices import see_device
from bekal.ledger.clock import programme_now
from bekal.simulation.demo import DEMO_LOGINS
from bekal.ui.language import chosen_language, remember_language
from bekal.web.forms import SignInForm, posted

FRONT_PAGE = {
    Role.PARTICIPANT: "web:home",
    Role.OFFICER: "console:funnel",
    Role.INSTITUTION: "console:institution_desk",
    Role.AUDITOR: "console:ledger",
}


@open_to_all
@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """To the front page of the reader's role, or to sign in."""
    return redirect(_front_page(request))


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated and request.method != "POST":
        return redirect(_front_page(request))
    form = SignInForm(posted(request))
    if request.method == "POST" and form.is_valid():
        user = authenticate(request, username=form.cleaned_data["login_name"], password=form.cleaned_data["password"])
        if user is not None:
            login(request, user)
            response = HttpResponseRedirect(_next_page(request, otherwise=_front_page(request)))
            if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
                remember_language(response, user.language)
            see_device(request, response, user, at=programme_now(), is_purchase=False)
            return response
        form.add_error(None, gettext("User name and password do not belong together. Type both again."))
    context = {
        "form": form,
        "next": _next_page(request, otherwise=""),
        "demo_logins": DEMO_LOGINS if settings.DEMO else (),
    }
    return render(request, "web/sign_in.html", context, status=422 if form.errors else 200)


@open_to_all
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    language = chosen_language(request)
    logout(request)
    response = redirect("web:sign_in")
    remember_language(response, language)
    return response


@open_to_all
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language on this device and, when signed in, with the person."""
    code = request.POST.get("language", "")
    response = HttpResponseRedirect(_next_page(request, otherwise="/"))
    if code in dict(settings.LANGUAGES):
        remember_language(response, code)
        if request.user.is_authenticated and request.user.language != code:
            request.user.language = code
            request.user.save(update_fields=["language"])
    return response


@open_to_all
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "web/help.html")


def _front_page(request: HttpRequest) -> str:
    if not request.user.is_authenticated:
        return resolve_url("web:sign_in")
    return resolve_url(FRONT_PAGE[Role(request.user.role)])


def _next_page(request: HttpRequest, *, otherwise: str) -> str:
    """The page asked for before signing in, if it is one of ours: never a link to somewhere else."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else otherwise
