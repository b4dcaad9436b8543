"""Addresses of the database, and the rights of those who use it."""

from typing import Any

import pytest

from bekal.config.databases import OwnerMigrates, connection_settings, connections_from


def test_an_address_becomes_a_connection() -> None:
    settings = connection_settings("postgresql://some%40one:p%2Fw@db.example:5433/bekal?sslmode=require")
    assert (settings["USER"], settings["PASSWORD"]) == ("some@one", "p/w")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", "5433", "bekal")
    assert settings["OPTIONS"] == {"sslmode": "require"}


def test_a_socket_folder_is_an_option_of_the_address() -> None:
    settings = connection_settings("postgresql://bekal_app@/bekal?host=/tmp/bekal-socket&port=5432")
    assert (settings["HOST"], settings["PORT"], settings["OPTIONS"]) == ("/tmp/bekal-socket", "5432", {})


@pytest.mark.parametrize("url", ["mysql://host/bekal", "postgresql://host", "postgresql://host/", "bekal"])
def test_another_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="must look like postgresql://"):
        connection_settings(url)


def test_with_one_login_the_program_steps_down_to_its_role() -> None:
    found = connections_from({"DATABASE_URL": "postgresql://me@host/bekal?options=-c%20statement_timeout%3D5"})
    assert found["default"]["OPTIONS"]["options"] == "-c statement_timeout=5 -c role=bekal_app"
    assert found["proof"]["OPTIONS"]["options"].endswith("-c role=bekal_proof")
    assert "role=" not in found["owner"]["OPTIONS"]["options"]


def test_with_logins_of_their_own_no_step_is_needed() -> None:
    found = connections_from(
        {
            "DATABASE_URL": "postgresql://owner@host/bekal",
            "BEKAL_APP_DATABASE_URL": "postgresql://app@host/bekal",
            "BEKAL_PROOF_DATABASE_URL": "postgresql://proof@host/bekal",
        }
    )
    assert {alias: (one["USER"], one["OPTIONS"]) for alias, one in found.items()} == {
        "default": ("app", {}),
        "owner": ("owner", {}),
        "proof": ("proof", {}),
    }


def test_no_address_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="DATABASE_URL is not set"):
        connections_from({})


@pytest.mark.parametrize(("alias", "may"), [("default", False), ("owner", True), ("proof", False)])
def test_only_the_owner_migrates(alias: str, may: bool) -> None:
    assert OwnerMigrates().allow_migrate(alias, "ledger") is may


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_rights_can_be_granted_again(django_db_blocker: Any) -> None:
    from django.db import connections

    from bekal.config.roles import ensure_roles, grant_rights

    ensure_roles()
    grant_rights()
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('ledger_transfer', 'INSERT'), has_table_privilege('ledger_transfer', 'UPDATE')"
        )
        assert cursor.fetchone() == (True, False)
