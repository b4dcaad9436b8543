"""Runs the examples of this folder: facts above ``expect``, answers below it. The YAML files are for everyone.

An answer is a promise of the scheme (``accepted_on``), a parameter on a ``day``, or what the named facts lead to.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bekal.core.entitlement import (
    Instalment,
    Refusal,
    instalments_owed,
    refusal_to_accept,
    refusal_to_buy,
    refusal_to_revoke,
    survey_owed,
)
from bekal.core.evidence import Piece, Source, Statement, state_of
from bekal.core.rules import RULES, MonthDay, Rules, RuleValue, Scheme
from bekal.core.schedule import is_calendar_published, is_working_day, payment_on

HERE = Path(__file__).parent
EXAMPLES = [
    (path.stem, example) for path in sorted(HERE.glob("*.yaml")) for example in yaml.safe_load(path.read_text("utf-8"))
]
HISTORIES = {parameter: RULES.history(parameter) for parameter in RULES}


def answers(example: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """Everything the facts of one example determine, by name."""
    facts = {key: value for key, value in example.items() if key not in ("name", "expect")}
    found: dict[str, Any] = {}
    if "accepted_on" in facts:
        found |= _promised(rules.scheme(facts["accepted_on"]), facts, rules)
    if "day" in facts:
        found |= {parameter: _plain(rules.value(parameter, facts["day"]), facts["day"]) for parameter in rules}
        found["working_day"] = is_working_day(facts["day"], rules)
        found["calendar_published"] = is_calendar_published(facts["day"], rules)
    if "scheduled_on" in facts:
        found["payment_on"] = payment_on(facts["scheduled_on"], facts.get("entitled_on"), rules)
    return found


def _promised(scheme: Scheme, facts: dict[str, Any], rules: Rules) -> dict[str, Any]:
    names = [
        *(name for name in Scheme.__dataclass_fields__),
        *(n for n in dir(Scheme) if n.endswith(("_rupiah", "_on"))),
    ]
    found = {name: _plain(getattr(scheme, name), scheme.accepted_on) for name in names}
    found["envelopes_rupiah"] = scheme.envelope_rupiah * facts.get("people", 1)
    if "evidence" in facts:
        by_institution = {Piece.ATTENDANCE, Piece.COMPLETION}
        pieces = [Piece(piece) for piece in facts["evidence"]]
        state = state_of(
            [Statement(Source.INSTITUTION if each in by_institution else Source.PARTICIPANT, each) for each in pieces],
            scheme=scheme,
            is_live=facts.get("is_live", False),
            session_count=1,
            redeemed_on=scheme.accepted_on,
            rules=rules,
        )
        found["missing"] = {str(each.piece): str(each.owed_by) for each in state.pieces if not each.is_present}
        found["releasable"] = state.is_releasable
    if "evidence_complete_on" in facts:
        found["instalments"] = [_line(i) for i in instalments_owed(scheme, facts["evidence_complete_on"], rules)]
    if "survey_answered_on" in facts:
        found["survey_instalment"] = _line(survey_owed(scheme, facts["survey"], facts["survey_answered_on"], rules))
    if any(key in facts for key in ("born_on", "buys_on", "revoked_on")):
        refusal = _refusal(scheme, facts)
        found["refused"] = "none" if refusal is None else str(refusal.code)
    return found


def _refusal(scheme: Scheme, facts: dict[str, Any]) -> Refusal | None:
    bought = facts.get("trainings_bought", 0)
    if "born_on" in facts:
        return refusal_to_accept(born_on=facts["born_on"], scheme=scheme)
    if "revoked_on" in facts:
        return refusal_to_revoke(scheme=scheme, on=facts["revoked_on"], revoked=False, purchase_count=bought)
    return refusal_to_buy(
        scheme=scheme,
        on=facts["buys_on"],
        revoked=False,
        purchase_count=bought,
        already_bought=False,
        on_sale=True,
        price_rupiah=facts.get("price_rupiah", 1),
        balance_rupiah=facts.get("balance_rupiah", scheme.training_balance_rupiah),
    )


def _line(instalment: Instalment) -> dict[str, Any]:
    shown = ("number", "amount_rupiah", "scheduled_on", "payment_on")
    return {name: getattr(instalment, name) for name in shown}


def _plain(value: Any, on: date) -> Any:
    """A value the way the examples write it."""
    if isinstance(value, Mapping):
        return value.get(MonthDay(on.month, on.day), "none")
    if isinstance(value, MonthDay):
        return f"{value.month:02}-{value.day:02}"
    return "none" if value is None else value


def holds(example: dict[str, Any], rules: Rules) -> bool:
    """Whether every expected answer comes out (no third survey under rules that give two, say, is a no)."""
    try:
        found = answers(example, rules)
    except ValueError:
        return False
    return all(found[name] == expected for name, expected in example["expect"].items())


@pytest.mark.parametrize("example", [pytest.param(e, id=f"{topic}: {e['name']}") for topic, e in EXAMPLES])
def test_example(example: dict[str, Any]) -> None:
    found = answers(example, RULES)
    assert {name: found[name] for name in example["expect"]} == example["expect"]
    assert example["expect"], "an example expects something"


def test_every_parameter_has_an_example() -> None:
    named = {name for _, example in EXAMPLES for name in example["expect"]}
    assert sorted(set(RULES) - named) == []


def _changed(value: RuleValue) -> RuleValue:
    """The same entry with a wrong value."""
    wrong: Any = value.value
    if wrong is None:
        wrong = 40
    elif isinstance(wrong, bool):
        wrong = not wrong
    elif isinstance(wrong, MonthDay):
        wrong = MonthDay(11, 30)
    elif isinstance(wrong, int):
        wrong -= 1
    else:
        wrong = {}
    return replace(value, value=wrong)


@pytest.mark.parametrize(
    ("parameter", "index"), [(name, index) for name, history in HISTORIES.items() for index in range(len(history))]
)
def test_a_wrong_value_fails_an_example(parameter: str, index: int) -> None:
    """No value of any date may change without an example noticing."""
    history = list(HISTORIES[parameter])
    history[index] = _changed(history[index])
    wrong = Rules({**HISTORIES, parameter: tuple(history)}, "planted")
    assert not all(holds(example, wrong) for _, example in EXAMPLES)
