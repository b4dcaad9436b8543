"""Deny by default, view by view."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from bekal.accounts.access import EVERYBODY, DenyByDefault, declared_roles, open_to, open_to_all
from bekal.accounts.models import Role, User


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@open_to(Role.OFFICER, Role.INSTITUTION)
def for_two_roles(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@open_to_all
def for_everybody(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


def answer(view: Any, role: Role | None) -> int:
    """What the gate says: 200 lets through."""
    request = RequestFactory().get("/somewhere/?page=2")
    request.user = AnonymousUser() if role is None else User(login_name="someone", role=role)
    try:
        response = DenyByDefault(for_everybody).process_view(request, view, (), {})
    except PermissionDenied:
        return 403
    if response is None:
        return 200
    assert response["Location"].endswith("?next=/somewhere/%3Fpage%3D2")
    return response.status_code


@pytest.mark.parametrize(
    ("view", "role", "status"),
    [
        (undeclared, None, 302),
        (undeclared, Role.PARTICIPANT, 403),
        (undeclared, Role.OFFICER, 403),
        (undeclared, Role.INSTITUTION, 403),
        (for_two_roles, None, 302),
        (for_two_roles, Role.PARTICIPANT, 403),
        (for_two_roles, Role.OFFICER, 200),
        (for_two_roles, Role.INSTITUTION, 200),
        (for_everybody, None, 200),
        (for_everybody, Role.PARTICIPANT, 200),
    ],
)
def test_the_gate(view: Any, role: Role | None, status: int) -> None:
    assert answer(view, role) == status


def test_declarations() -> None:
    assert declared_roles(undeclared) is None
    assert declared_roles(for_two_roles) == {Role.OFFICER, Role.INSTITUTION}
    assert declared_roles(for_everybody) == EVERYBODY
    with pytest.raises(ValueError, match="at least one role"):
        open_to()


@pytest.mark.django_db
def test_a_switched_off_sign_in_is_nobody(client: Any) -> None:
    user = User.objects.create_user("gone", "a-password", role=Role.OFFICER, display_name="Gone")
    assert client.login(username="gone", password="a-password")
    user.is_active = False
    user.save()
    assert not client.login(username="gone", password="a-password")
