"""Statements of cmi5 are read strictly: a person's address, a verb that says another thing, nonsense are refused."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.xapi import (
    MOVE_ON_CATEGORY,
    MOVE_ON_EXTENSION,
    PROGRESS_EXTENSION,
    MoveOn,
    StatementFault,
    Verb,
    XapiStatement,
    read_statement,
)

HOME = "http://testserver/"


def statement(told: Verb = Verb.COMPLETED, **changed: Any) -> dict[str, Any]:
    """A whole statement of cmi5 that counts."""
    results: dict[Verb, dict[str, Any]] = {
        Verb.COMPLETED: {"completion": True, "duration": "PT45M"},
        Verb.PASSED: {"success": True, "score": {"scaled": 0.8}},
        Verb.FAILED: {"success": False},
    }
    return {
        "id": "7ba10c5e-1c51-4f3c-9d6f-9d5a2ac1d9a1",
        "actor": {"objectType": "Agent", "account": {"homePage": HOME, "name": "4711"}},
        "verb": {"id": told.value, "display": {"en": "x"}},
        "object": {"id": "https://lembaga.example/au/1"},
        "result": results.get(told, {}),
        "context": {"registration": "x", "contextActivities": {"category": [{"id": MOVE_ON_CATEGORY}]}},
        "timestamp": "2020-11-19T10:00:00.123456789+07:00",
    } | changed


def test_a_statement_is_read() -> None:
    said = read_statement(statement(), home_page="http://testserver")
    assert isinstance(said, XapiStatement)
    assert (said.purchase, said.verb, said.counts, said.percent, said.move_on) == (
        4711,
        Verb.COMPLETED,
        True,
        None,
        None,
    )
    assert said.happened_at.isoformat() == "2020-11-19T10:00:00.123456+07:00"
    more = statement(Verb.PROGRESSED, result={"extensions": {PROGRESS_EXTENSION: 40}})
    more["context"]["extensions"] = {MOVE_ON_EXTENSION: "NotApplicable"}
    said = read_statement(more, home_page=HOME)
    assert isinstance(said, XapiStatement)
    assert (said.percent, said.move_on) == (40, MoveOn.NOT_APPLICABLE)


ACCOUNT = {"homePage": HOME, "name": "4711"}


@pytest.mark.parametrize(
    ("changed", "steps"),
    [
        ({"id": "x"}, ("id",)),
        ({"verb": {"id": "http://adlnet.gov/expapi/verbs/shared"}}, ("verb", "id")),
        ({"verb": {"id": Verb.VOIDED.value}}, ("object", "objectType")),
        ({"verb": {"id": Verb.VOIDED.value}, "object": {"objectType": "StatementRef", "id": "x"}}, ("object", "id")),
        ({"verb": None}, ("verb",)),
        ({"actor": {"mbox": "mailto:siti@contoh.id"}}, ("actor", "mbox")),
        ({"actor": {"account": ACCOUNT, "name": "Siti"}}, ("actor", "name")),
        ({"actor": {"account": ACCOUNT | {"homePage": "https://x.example"}}}, ("actor", "account", "homePage")),
        ({"actor": {"account": ACCOUNT | {"name": "siti"}}}, ("actor", "account", "name")),
        ({"actor": {"account": ACCOUNT | {"name": "9223372036854775808"}}}, ("actor", "account", "name")),
        ({"actor": {"objectType": "Group", "account": ACCOUNT}}, ("actor", "objectType")),
        ({"object": {"objectType": "StatementRef", "id": "x:y"}}, ("object", "objectType")),
        ({"object": {"id": "kein iri"}}, ("object", "id")),
        ({"result": {"completion": False}}, ("result", "completion")),
        ({"result": {}}, ("result", "completion")),
        ({"result": {"completion": True, "score": {"scaled": 2}}}, ("result", "score", "scaled")),
        ({"result": {"completion": True, "duration": "45 min"}}, ("result", "duration")),
        (
            {"result": {"completion": True, "extensions": {PROGRESS_EXTENSION: 101}}},
            ("result", "extensions", PROGRESS_EXTENSION),
        ),
        ({"context": {"extensions": {MOVE_ON_EXTENSION: "Maybe"}}}, ("context", "extensions", MOVE_ON_EXTENSION)),
        ({"timestamp": "2020-11-19"}, ("timestamp",)),
        ({"timestamp": "2020-11-31T10:00:00Z"}, ("timestamp",)),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changed: dict[str, Any], steps: tuple[str, ...]) -> None:
    wrong = read_statement(statement(**changed), home_page=HOME)
    assert isinstance(wrong, StatementFault)
    assert wrong.steps == steps
    assert "siti@" not in wrong.value


def test_move_on_is_met_by_what_it_names_and_then() -> None:
    early, late = datetime(2020, 11, 19, tzinfo=UTC), datetime(2020, 11, 20, tzinfo=UTC)
    said = ({Verb.COMPLETED: late}, {Verb.PASSED: early}, {Verb.COMPLETED: late, Verb.PASSED: early})
    assert {move_on: [move_on.met_at(first) for first in said] for move_on in MoveOn} == {
        MoveOn.PASSED: [None, early, early],
        MoveOn.COMPLETED: [late, None, late],
        MoveOn.COMPLETED_AND_PASSED: [None, None, late],
        MoveOn.COMPLETED_OR_PASSED: [late, early, early],
        MoveOn.NOT_APPLICABLE: [None, None, None],
    }


def test_a_statement_voids_another_by_its_id() -> None:
    target = "7BA10C5E-1c51-4f3c-9d6f-9d5a2ac1d9a2"
    said = read_statement(
        statement(Verb.VOIDED, object={"objectType": "StatementRef", "id": target}, context={}), home_page=HOME
    )
    assert isinstance(said, XapiStatement)
    assert (said.voids, said.object_id, said.percent) == (target.lower(), "", None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    (name,) if not isinstance(value, dict) else (name, inner)
    for name, value in statement().items()
    for inner in (value if isinstance(value, dict) else [name])
]


@given(place=st.sampled_from(PLACES), value=JSON)
def test_anything_anywhere_has_an_answer(place: tuple[str, ...], value: Any) -> None:
    changed = copy.deepcopy(statement())
    inside = changed
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    assert isinstance(read_statement(changed, home_page=HOME), XapiStatement | StatementFault)
    assert isinstance(read_statement(value, home_page=HOME), StatementFault)
