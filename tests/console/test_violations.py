"""What broke an invariant is shown row by row, and leads to the person and the transfer."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from bekal.console.violations import SHOWN_ROWS
from bekal.ledger.queries import transfers_of
from tests import factories
from tests.console.test_ledger import proved

STRANGER = 987_654


@pytest.fixture
def auditor(client: Client, db: None) -> Client:
    client.force_login(factories.auditor())
    return client


@pytest.fixture
def person(db: None) -> int:
    return factories.accepted()[0]


def shown(auditor: Client, *rows: dict[str, object]) -> str:
    proved(violations=("I3",), rows=rows)
    return auditor.get("/console/ledger/").content.decode()


def test_rows_are_columns_with_their_values(person: int, auditor: Client) -> None:
    html = shown(auditor, {"owner_id": person, "k2": -5, "revoked_at": None, "is_other_amount": True})
    assert "I3: nothing is lost" in html
    link = f'<a href="/console/ledger/people/{person}/">{person}</a>'
    assert f"owner_id: {link} · k2: -5 · revoked_at: – · is_other_amount: True" in html
    assert "paling banyak 5" in html


def test_a_row_leads_to_the_person_and_the_transfer(person: int, auditor: Client) -> None:
    number, key = transfers_of(owner_id=person)[0].id, transfers_of(owner_id=person)[0].idempotency_key
    transfer = f"/console/ledger/people/{person}/{number}/"
    assert f'<a href="/console/ledger/people/{person}/">' in shown(auditor, {"participation_id": person})
    assert f'<a href="{transfer}">{number}</a>' in shown(auditor, {"owner_id": person, "id": number})
    several = {"owner_id": person, "transfers": [{"id": number, "amount_rupiah": -1}]}
    assert f'transfer: <a href="{transfer}">id {number}, amount_rupiah -1</a>' in shown(auditor, several)
    posted = {"owner_id": person, "idempotency_key": key, "posted_at": "2020-04-20T09:00:00+07:00"}
    html = shown(auditor, posted)
    address = f"/console/ledger/?q={person}+{key.replace(':', '%3A')}"
    assert f'<a href="{address}">{key}</a>' in html
    assert auditor.get(address)["Location"] == transfer
    assert f"idempotency_key: {key}" in shown(auditor, posted | {"posted_at": None}), "nothing was posted"


@pytest.mark.parametrize("value", [STRANGER, None, "x", -1, 10**30, True, {"a": 1}])
def test_an_owner_without_a_place_has_no_page(value: object, auditor: Client) -> None:
    html = shown(auditor, {"owner_id": value, "id": 1, "idempotency_key": "a:b", "posted_at": 1, "transfers": value})
    assert "/console/ledger/people/" not in html and "?q=" not in html and "owner_id: " in html


def test_no_more_than_the_first_rows_are_shown(auditor: Client) -> None:
    html = shown(auditor, *({"owner_id": STRANGER, "k2": -number} for number in range(1, 21)))
    assert f"k2: -{SHOWN_ROWS}<" in html and f"k2: -{SHOWN_ROWS + 1}<" not in html
    assert "I3: nothing is lost" in shown(auditor), "without a row, too"


def test_it_takes_one_more_statement(
    person: int, auditor: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    shown(auditor, *({"owner_id": person + number} for number in range(20)))
    with assert_queries(15):
        auditor.get("/console/ledger/")
