"""`prove attack`: the recommender holds, the one without a prior does not, and each is noticed."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.core.recommend.attack import Attack
from bekal.proofs import attack
from bekal.proofs.attack import Attacked, holds, lines_of, made_up

PEOPLE = ("--people", "4000", "--seed", "1")


def test_the_recommender_holds_and_the_careless_one_is_noticed(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "attack.json"
    call_command("prove", "attack", *PEOPLE, "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["seed"] == 1 and figures["people"] == 4000
    fitted, careless = figures["as it is fitted"], figures["careless: no prior"]
    assert len(fitted) == len(careless) >= 2
    assert all(each["accomplices"] >= each["needed"] for each in fitted)
    assert any(each["accomplices"] < each["needed"] for each in careless)
    assert "TOO CHEAP careless" in out.getvalue() and "TOO CHEAP as it is fitted" not in out.getvalue()


@pytest.mark.parametrize(
    ("fitted", "careless", "is_proven"),
    [
        ((5, None), (2, None), True),
        ((5, 4), (2, 2), False),  # too cheap
        ((5, None), (5, None), False),  # attackers too weak to show anything
        ((), (2,), False),  # nothing was attacked
    ],
)
def test_it_holds_where_only_the_careless_one_is_too_cheap(
    fitted: tuple[int | None, ...], careless: tuple[int | None, ...], is_proven: bool
) -> None:
    one, other = (
        Attacked(name, tuple(Attack(100, cost, tried=20, needed=5, strategy="the pushed one alone") for cost in costs))
        for name, costs in (("as it is fitted", fitted), ("careless: no prior", careless))
    )
    assert holds(one, other) is is_proven
    told = list(lines_of(one, other))
    assert len(told) == max(len(fitted), 1) + len(careless)
    assert any("more than 20 accomplices" in line for line in told) == (None in (*fitted, *careless))


def test_what_does_not_hold_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attack, "attacked", lambda name, world, strength=None: Attacked(name, ()))
    out = StringIO()
    with pytest.raises(CommandError, match="prove attack"):
        call_command("prove", "attack", *PEOPLE, stdout=out)
    assert "NOTHING   as it is fitted: no group of a hundred people to attack" in out.getvalue()


def test_the_same_seed_makes_the_same_people() -> None:
    one, again, other = made_up(2000, 1), made_up(2000, 1), made_up(2000, 2)
    assert one.keys() == again.keys() and all((one[name] == again[name]).all() for name in one)
    assert not (one["profile"] == other["profile"]).all()
    assert one["ptr"][-1] == len(one["items"]) and 1.5 < len(one["items"]) / 2000 < 2.5
