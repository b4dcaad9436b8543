"""Deny by default: a view without a declaration is closed to everybody.

`@open_to(Role.OFFICER)` opens a view to roles, `@open_to_all` to everybody, signed in or not, `@open_to_partners` to
partners' systems, which sign each call (the view's own decorator checks it). A test walks every route with every role.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from bekal.accounts.models import Role

View = TypeVar("View", bound=Callable[..., Any])
EVERYBODY = frozenset({"*"})
PARTNERS = frozenset({"partner"})


def open_to(*roles: Role) -> Callable[[View], View]:
    """Declare which roles may call a view."""
    if not roles:
        raise ValueError("name at least one role, or use open_to_all")

    def declare(view: View) -> View:
        view.open_to = frozenset(roles)  # type: ignore[attr-defined]
        return view

    return declare


def open_to_all(view: View) -> View:
    """Declare that anybody may call a view, signed in or not."""
    view.open_to = EVERYBODY  # type: ignore[attr-defined]
    return view


def open_to_partners(view: View) -> View:
    """Declare that partners' systems call a view with a signature, which the view checks; no sign-in opens it."""
    view.open_to = PARTNERS  # type: ignore[attr-defined]
    return view


def declared_roles(view: Callable[..., Any]) -> frozenset[str] | None:
    """Who may call a view; None where nobody said so (then nobody may)."""
    return getattr(view, "open_to", None)


def signed_in_id(request: HttpRequest) -> int:
    """The number of the signed-in user; PermissionDenied where nobody is signed in."""
    if request.user.pk is None:
        raise PermissionDenied
    return int(request.user.pk)


class DenyByDefault:
    """Middleware: asks the view's declaration before the view runs. Not signed in: to the sign-in page; else 403."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        roles = declared_roles(view)
        if roles in (EVERYBODY, PARTNERS):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if roles is None or request.user.role not in roles:
            raise PermissionDenied
        return None
