"""`prove access`: everybody at every address; an open door, a stranger who is let in, a silent address are noticed."""

import json
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.accounts.models import User
from bekal.proofs import access as module
from bekal.proofs.access import MATRIX, Access, Caller, Route, _wrong, declared_routes
from bekal.proofs.access_api import PartnerTries
from bekal.web.reader import reader_of


@pytest.mark.usefixtures("own_databases")
def test_everybody_gets_what_is_theirs(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "access.json"
    with suppress(CommandError):
        call_command("prove", "access", "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == []
    assert figures["route_count"] == len(yaml.safe_load(MATRIX.read_text())) >= 170
    assert figures["tries"] == figures["route_count"] * 8 * 2, "nobody, two participants, a newcomer and four others"
    assert figures["owner_tries"] >= 26 and figures["partner_tries"] >= 150
    assert None not in figures["planted"].values()
    assert "holds" in out.getvalue()


@pytest.mark.usefixtures("own_databases")
def test_a_stranger_who_is_let_in_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that takes whoever asks for the owner."""
    wanted = {"web:receipt"}
    routes = declared_routes([])
    monkeypatch.setattr(module, "declared_routes", lambda told: [each for each in routes if each.name in wanted])
    monkeypatch.setattr(module, "try_partners", lambda world: PartnerTries(1))
    monkeypatch.setattr("bekal.web.history.reader_of", _the_owner_for_everybody())
    out = StringIO()
    with pytest.raises(CommandError, match="prove access"):
        call_command("prove", "access", stdout=out)
    assert "web:receipt as a stranger" in out.getvalue()


def _the_owner_for_everybody() -> Any:
    """Whoever asks is taken for the first participant."""

    def confused(request: Any) -> Any:
        request.user = User.objects.get(login_name="pemilik")
        return reader_of(request)

    return confused


def test_what_the_file_says_of_an_address_must_be_what_its_view_says(monkeypatch: pytest.MonkeyPatch) -> None:
    said = yaml.safe_load(MATRIX.read_text())
    said["console:funnel"]["who"] = ["officer"]
    said["console:gone"] = {"who": ["officer"]}
    del said["web:home"]
    monkeypatch.setattr(module.yaml, "safe_load", lambda text: said)
    told: list[str] = []
    declared_routes(told)
    assert told == [
        "web:home is not declared in access.yaml",
        "console:gone of access.yaml is no address",
        "console:funnel: the view says ['auditor', 'officer'], the file ['officer']",
    ]


@pytest.mark.parametrize(
    ("who", "role", "status", "location", "wrong"),
    [
        ({"officer"}, "officer", 200, "", False),
        ({"officer"}, "officer", 403, "", True),
        ({"officer"}, "participant", 403, "", False),
        ({"officer"}, "participant", 200, "", True),
        ({"officer"}, "", 302, "/masuk/?next=/console/", False),
        ({"officer"}, "", 302, "/beranda/", True),
        ({"officer"}, "officer", 500, "", True),
        ({"partner"}, "officer", 401, "", False),
        ({"partner"}, "officer", 200, "", True),
        ({"everybody"}, "", 200, "", False),
    ],
)
def test_what_is_wrong_with_an_answer(who: set[str], role: str, status: int, location: str, wrong: bool) -> None:
    route = Route("x", declared_routes([])[0].pattern, frozenset(who), None)
    user: Any = object() if role else None
    assert (_wrong(route, Caller("x", role, user), status, location) is not None) is wrong


def test_nothing_tried_holds_nothing() -> None:
    assert not Access().holds
