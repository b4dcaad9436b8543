"""`manage setup` makes the sandbox beside the programme's database, or says why there is none."""

from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import override_settings

from bekal.config.databases import sandbox_from
from bekal.config.sandbox import ensure_sandbox, is_empty
from bekal.partners.world import close_sandbox_connections, world_of
from bekal.proofs.scratch import scratch_database
from tests import databases
from tests.factories.partners import key_of, sandbox_partner

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])


@pytest.fixture
def programme() -> Iterator[str]:
    """A programme just migrated, without a sandbox; its name."""
    with scratch_database("sandboxless") as made:
        yield made.name
        close_sandbox_connections()
        databases.drop(f"{made.name}_sandbox")


def rights(name: str) -> list[tuple[object, ...]]:
    with databases.owner_connection(name) as owner:
        return owner.execute(
            "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants"
            " WHERE table_schema = 'public' ORDER BY 1, 2, 3"
        ).fetchall()


def test_it_is_made_once_with_the_same_tables_and_rights(programme: str) -> None:
    assert not is_empty()
    assert ensure_sandbox(as_copy=True) is None
    with world_of(key_of(sandbox_partner())) as world:
        assert world.is_sandbox
    assert ensure_sandbox(as_copy=True) is None  # somebody is connected, and there is nothing to do
    assert rights(f"{programme}_sandbox") == rights(programme) != []


def test_a_server_that_forbids_it_is_named_in_one_sentence(programme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = {name: connections.settings["default"][name] for name in ("USER", "PASSWORD", "OPTIONS")}
    for name, value in app.items():  # a login that may work but not create
        monkeypatch.setitem(connections.settings["owner"], name, value)
    said = ensure_sandbox(as_copy=False)
    assert said is not None
    assert "does not let bekal_app create databases" in said
    assert "\n" not in said


def test_a_named_sandbox_that_does_not_answer_is_said(programme: str) -> None:
    owner = connections.settings["owner"]
    named = {"beside": owner["NAME"], "owner": {**owner, "PORT": "1"}, "default": {**owner, "PORT": "1"}}
    with override_settings(SANDBOX_DATABASE=named):
        said = ensure_sandbox(as_copy=False)
    assert said is not None
    assert "does not answer" in said


def test_the_address_of_a_sandbox() -> None:
    real = "postgresql://bekal@server/bekal"
    assert sandbox_from({"DATABASE_URL": real}) is None
    made = sandbox_from({"DATABASE_URL": real, "BEKAL_SANDBOX_DATABASE_URL": "postgresql://uji@lain:6432/uji"})
    assert made is not None
    assert (made["beside"], made["owner"]["NAME"], made["owner"]["HOST"]) == ("bekal", "uji", "lain")
    assert "role=bekal_app" in made["default"]["OPTIONS"]["options"]
    with pytest.raises(ValueError, match="the programme's own"):
        sandbox_from({"DATABASE_URL": real, "BEKAL_SANDBOX_DATABASE_URL": real})
