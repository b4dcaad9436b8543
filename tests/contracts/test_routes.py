"""Deny by default: every route says who may call it, and every role tries every route."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter

from bekal.accounts.access import EVERYBODY, PARTNERS, declared_roles
from bekal.accounts.models import Role, User
from bekal.purchases.models import Evidence
from tests import factories
from tests.factories.unchanged import nothing_changes

# Whose addresses these are; all others are a participant's, or everybody's.
OWN_DOORS = {"/console/": Role.OFFICER, "/institution/": Role.INSTITUTION}
# Where partners' systems call: signed, or what anybody may read about it.
PARTNERS_DOOR = "/api/"
# Who checks the programme reads what an officer reads, and acts in nothing.
READ_TOO = {Role.OFFICER: Role.AUDITOR}
# A page, an order to go elsewhere, or a sentence about what was wrong; never a fault of ours.
ANSWERS = {200, 302, 400, 404, 405, 422}


def routes(patterns: list[Any] | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """(name with namespace, pattern) of every route."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver):
            space = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            yield from routes(entry.url_patterns, space)
        else:
            yield f"{prefix}{entry.name}", entry


def address(name: str, pattern: URLPattern) -> str:
    """The route's address, with 1 or x where it takes an argument."""
    arguments = {key: 1 if isinstance(c, IntConverter) else "x" for key, c in pattern.pattern.converters.items()}
    return reverse(name, kwargs=arguments)


EVERY_ROUTE = [pytest.param(name, pattern, id=name) for name, pattern in routes()]


def test_there_are_routes() -> None:
    assert len(EVERY_ROUTE) >= 20


@pytest.mark.parametrize(("name", "pattern"), EVERY_ROUTE)
def test_a_route_has_a_name_and_says_who_may_call_it(name: str, pattern: URLPattern) -> None:
    assert pattern.name, f"{pattern.pattern} has no name"
    assert declared_roles(pattern.callback) is not None, f"{name} needs @open_to(...) or @open_to_all"


@pytest.mark.parametrize(("name", "pattern"), EVERY_ROUTE)
def test_each_front_door_opens_to_its_own(name: str, pattern: URLPattern) -> None:
    """A declaration says who may come in; this says who should."""
    path = address(name, pattern)
    if path.startswith(PARTNERS_DOOR):
        assert declared_roles(pattern.callback) in (PARTNERS, EVERYBODY)
        return
    own = next((role for start, role in OWN_DOORS.items() if path.startswith(start)), Role.PARTICIPANT)
    allowed = [{own}] if own is not Role.PARTICIPANT else [{own}, EVERYBODY]
    if own in READ_TOO:
        allowed.append({own, READ_TOO[own]})
    assert declared_roles(pattern.callback) in allowed


def test_an_auditor_opens_only_what_changes_nothing(callers: dict[str, User | None]) -> None:
    """Whatever an auditor may open leaves the database as it was, whichever way it is asked. That every role is turned
    away where it should be, and no stranger finds what is another's, `manage prove access` tries."""
    client = Client()
    client.force_login(callers["auditor"] or User())
    for name, pattern in routes():
        if Role.AUDITOR in (declared_roles(pattern.callback) or ()):
            with nothing_changes():
                for method in ("get", "post"):
                    assert getattr(client, method)(address(name, pattern)).status_code in ANSWERS, name


@pytest.fixture
def callers(db: None) -> dict[str, User | None]:
    """Nobody, one of each role, and a participant whom no wave has accepted yet."""
    (participation_id,) = factories.accepted()
    return {
        "nobody": None,
        "participant": factories.signed_in_participant(participation_id),
        "newcomer": User.objects.create_user("newcomer", "a-password", role=Role.PARTICIPANT, display_name="New"),
        "officer": factories.officer("officer"),
        "institution": factories.institution_staff(factories.institution(), "institution"),
        "auditor": factories.auditor("auditor"),
    }


def test_nobody_opens_what_belongs_to_another(callers: dict[str, User | None]) -> None:
    """A purchase is its buyer's and its institution's; to everybody else it is not there."""
    training = factories.training()
    (stranger_id,) = factories.accepted()
    purchase_id = factories.redeemed(stranger_id, training)
    client = Client()
    for caller, method, path in (
        ("participant", "get", reverse("web:purchase", args=[purchase_id])),
        ("participant", "post", reverse("web:purchase", args=[purchase_id])),
        ("newcomer", "get", reverse("web:purchase", args=[purchase_id])),
    ):
        client.force_login(callers[caller] or User())
        assert getattr(client, method)(path).status_code == 404
    client.force_login(callers["institution"] or User())
    client.post(reverse("console:institution_attendance", args=[purchase_id]), {"sequence": "1"})
    client.post(reverse("console:institution_completion", args=[purchase_id]))
    assert not Evidence.objects.filter(purchase_id=purchase_id).exists()
