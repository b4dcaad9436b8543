"""`prove race`: nothing goes wrong when rivals start together, and what goes wrong is seen."""

import json
import random
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.proofs import race as module
from bekal.proofs.race import WORKER_COUNT, Race, _beats, _race_of, lines_of, prove_race
from bekal.proofs.race_contest import Contest, Tally
from bekal.proofs.race_ledger import LastRupiahPosted
from bekal.proofs.race_purchases import DoubleClick, LastRupiah


class Told(Contest):
    """A contest without a database."""

    name = "told"
    rivals = 2
    stages = ("first", "second")
    expected: Mapping[str, Mapping[str, int]] = {"first": {"won": 1, "lost": 1}}
    wrong: tuple[tuple[int, str], ...] = ()

    def prepare(self, count: int, rng: random.Random) -> None:
        self.rounds = list(range(count))

    def attempt(self, round_: int, stage: str, rival: int) -> str:
        if round_ == 1:
            raise RuntimeError("a lock was not there")
        return "won of 7" if rival == round_ % 2 else "lost"

    def careless(self, round_: int, stage: str, rival: int) -> str:
        return "won"

    def faults(self) -> Iterator[tuple[int, str]]:
        yield from self.wrong


@pytest.fixture
def told() -> Told:
    contest = Told(None)  # type: ignore[arg-type]
    contest.prepare(3, random.Random(1))
    return contest


def answers(contest: Told, *, careless: bool = False) -> list[dict[str, list[str]]]:
    return [
        {
            "first": [contest.outcome(number, "first", rival, careless=careless) for rival in range(2)],
            "second": ["", ""],
        }
        for number in range(3)
    ]


def test_an_exception_in_a_rival_is_a_violation(told: Told) -> None:
    tally = told.judge(answers(told))
    assert (tally.round_count, tally.attempt_count, tally.violation_count) == (3, 6, 1)
    assert tally.examples == ["round 1: RAISED RuntimeError: a lock was not there"]
    assert tally.outcomes["won"] == tally.outcomes["lost"] == 2


def test_two_winners_are_a_violation(told: Told) -> None:
    tally = told.judge(answers(told, careless=True))
    assert tally.violation_count == 3
    assert "told {'won': 2}, not {'won': 1, 'lost': 1}" in tally.examples[0]


def test_what_the_database_says_and_a_missing_answer_are_violations(told: Told) -> None:
    told.wrong = ((2, "one seat: sold twice"),)
    given = answers(told)
    given[0]["first"].pop()
    assert told.judge(given).examples == [
        "round 0: 1 of 2 rivals answered",
        "round 1: RAISED RuntimeError: a lock was not there",
        "round 2: one seat: sold twice",
    ]


def test_every_rival_has_a_turn_in_every_stage(told: Told) -> None:
    beats = list(_beats(0, told, random.Random(1), None))
    assert all(len(beat) == WORKER_COUNT for beat in beats)
    turns = [(turn.round, turn.stage, turn.rival) for beat in beats for turn in beat if turn]
    assert sorted(turns) == sorted((n, stage, rival) for n in range(3) for stage in told.stages for rival in range(2))
    places = {(turn.round, turn.stage): number for number, beat in enumerate(beats) for turn in beat if turn}
    assert all(places[number, "first"] < places[number, "second"] for number in range(3))
    until_careless = [turn.stage for beat in _beats(0, told, random.Random(1), "first") for turn in beat if turn]
    assert set(until_careless) == {"first"}


def test_what_an_earlier_start_kept_is_added_to(tmp_path: Path) -> None:
    race = Race(5, 2, {"told": Tally(1, 2, 0, [], {"won": 1})})
    path = tmp_path / "race.json"
    module.keep_progress(path, "race", module.asdict(race))
    assert _race_of(module.read_progress("race", {"resume": path, "seed": 5})) == race


def test_a_blind_harness_and_an_empty_run_do_not_hold() -> None:
    fine = Race(1, tallies={"told": Tally(1, 2)}, careless={"told": Tally(1, 2, 1)})
    assert fine.holds
    blind = Race(1, tallies={"told": Tally(1, 2)}, careless={"told": Tally(1, 2, 0)})
    assert not blind.holds
    assert any("UNSEEN" in line for line in lines_of(blind))
    assert not Race(1, careless={"told": Tally(1, 2, 1)}).holds


@pytest.mark.parametrize(("attempts", "told"), [("0", "tries nothing"), ("-5", "no whole number from 0 up")])
def test_to_try_nothing_is_refused(attempts: str, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("prove", "race", f"--attempts={attempts}")


@pytest.mark.usefixtures("own_databases")
def test_the_careless_variants_can_be_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONTESTS", (LastRupiahPosted,))
    out = StringIO()
    call_command("prove", "race", "--naive", "--attempts=0", "--seed=1", stdout=out)
    assert "0 attempts" in out.getvalue() and "noticed  careless" in out.getvalue()
    monkeypatch.setattr(module, "CONTESTS", ())
    with pytest.raises(CommandError, match="prove race"):
        call_command("prove", "race", "--naive", stdout=out)


@pytest.mark.usefixtures("own_databases")
def test_nothing_goes_wrong_and_every_careless_variant_is_noticed(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "race.json"
    call_command("prove", "race", "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == 0
    assert figures["attempts"] >= 6_000 * 0.98
    assert figures["contests"].keys() == {contest.name for contest in module.CONTESTS}
    assert all(one["rounds"] > 0 for one in figures["contests"].values())
    assert len(figures["careless"]) == sum(len(contest.careless_stages) for contest in module.CONTESTS)
    assert all(one["violations"] > 0 for one in figures["careless"].values())
    for contest in ("revocation against purchase", "end of the balance against purchase"):
        told = figures["contests"][contest]["outcomes"]
        assert told["bought"] > 0, "each of two rivals comes first at times"
        assert told["bought"] < figures["contests"][contest]["rounds"]
    assert "seed" in out.getvalue() and "fewer than" in out.getvalue()


@pytest.mark.usefixtures("own_databases")
def test_a_harness_that_sees_nothing_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind(LastRupiahPosted):
        unguard: tuple[str, ...] = ()

        def careless(self, round_: Any, stage: str, rival: int) -> str:
            return self.attempt(round_, stage, rival)

    monkeypatch.setattr(module, "CONTESTS", (Blind,))
    monkeypatch.setattr(module, "CARELESS_TRIES", 1)
    race = Race(1)
    prove_race(race, attempts=8)
    assert race.violation_count == 0 and race.blind == [Blind.name]
    with pytest.raises(CommandError, match="prove race"):
        call_command("prove", "race", "--attempts", "4", "--seed", "1", stdout=StringIO())


@pytest.mark.usefixtures("own_databases")
def test_orders_of_one_person_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONTESTS", (LastRupiah, DoubleClick))
    race = Race(1)
    prove_race(race, attempts=80)
    assert race.holds


@pytest.mark.usefixtures("own_databases")
def test_a_verb_that_lets_two_win_is_a_violation_of_the_real_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    class TwoWin(LastRupiahPosted):
        """As if the guard of the balance were gone: every rival is told that it was posted."""

        def attempt(self, round_: Any, stage: str, rival: int) -> str:
            super().attempt(round_, stage, rival)
            return "posted"

    monkeypatch.setattr(module, "CONTESTS", (TwoWin,))
    race = Race(1)
    prove_race(race, attempts=8)
    assert race.violation_count == 2 and not race.holds
