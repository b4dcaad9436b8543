"""`prove yearend`: every balance returns in its microsecond, wherever the machine and the database live."""

import json
import os
import signal
from collections.abc import Callable
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.proofs import yearend as module
from bekal.proofs.scratch import scratch_database
from bekal.proofs.small_world import World
from bekal.proofs.yearend import NEXT_AT, PLANTED, ZONES, Yearend, in_zone, lines_of, prove_yearend
from bekal.proofs.yearend_world import balances_by_number, many_balances, wrong_returns


@pytest.mark.usefixtures("own_databases")
def test_every_balance_returns_and_every_planted_day_is_noticed(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "yearend.json"
    call_command("prove", "yearend", "--seed", "3", "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == []
    assert figures["balance_count"] == sum(figures["ended_by"].values()) >= 3_000
    assert figures["returned_rupiah"] == figures["before_rupiah"] > 0
    assert {*ZONES} < figures["ended_by"].keys()
    assert figures["last_purchases"] == module.BUYERS_A_ZONE * len(ZONES)
    assert figures["planted"].keys() == PLANTED.keys()
    assert all("of 50 balances it ended" in told for told in figures["planted"].values())
    assert "seed 3" in out.getvalue()


@pytest.mark.usefixtures("own_databases")
@pytest.mark.parametrize("day", PLANTED.values(), ids=PLANTED)
def test_a_verb_with_another_day_fails_the_command(
    day: Callable[[datetime], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bekal.lifecycle.end_balances.programme_day", day)
    out = StringIO()
    with pytest.raises(CommandError, match="prove yearend"):
        call_command("prove", "yearend", "--balances", "30", stdout=out)
    assert "VIOLATED" in out.getvalue()


@pytest.mark.usefixtures("own_databases")
def test_balances_are_full_empty_and_odd() -> None:
    with scratch_database("yearend"):
        owner_ids = many_balances(World(), 36, module.random.Random(1))
        balances = balances_by_number()
        assert sorted(balances) == sorted(owner_ids)
        counts = [list(balances.values()).count(amount) for amount in (50, 1, 0, 1_000_000)]
        assert counts == [6, 6, 6, 6]
        wrong = wrong_returns(balances, NEXT_AT)
        assert len(wrong) == 36, "nothing has returned yet"


@pytest.mark.usefixtures("own_databases")
def test_a_rupiah_more_or_less_is_seen() -> None:
    with scratch_database("yearend"):
        owner_ids = many_balances(World(), 12, module.random.Random(1))
        before = balances_by_number()
        module.end_balances(at=NEXT_AT)
        assert wrong_returns(before, NEXT_AT) == []
        other = {**before, owner_ids[5]: before[owner_ids[5]] + 1}
        assert len(wrong_returns(other, NEXT_AT)) == 1
        assert len(wrong_returns(before, NEXT_AT + timedelta(microseconds=1))) == 12


@pytest.mark.usefixtures("own_databases")
@pytest.mark.parametrize("zone", ZONES)
def test_a_worker_lives_in_its_zone(zone: str) -> None:
    def hours() -> tuple[str, str]:
        with module.connection.cursor() as cursor:
            cursor.execute("SELECT to_char(%s::timestamptz, 'YYYY-MM-DD HH24:MI')", [NEXT_AT])
            (session,) = cursor.fetchone()
        return f"{NEXT_AT.astimezone():%Y-%m-%d %H:%M}", session

    wanted = f"{NEXT_AT.astimezone(module.ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    assert in_zone(zone, hours) == (wanted, wanted)


def test_nothing_tried_and_a_day_that_went_unnoticed_do_not_hold() -> None:
    assert not Yearend(1).holds
    unseen = Yearend(1, balance_count=5, planted={"the day in UTC": None})
    assert not unseen.holds
    assert any("UNSEEN" in line for line in lines_of(unseen))
    assert Yearend(1, balance_count=5, planted={"the day in UTC": "it ended 5 early"}).holds
    assert not Yearend(1, balance_count=5).holds, "no careless day was tried"


@pytest.mark.usefixtures("own_databases")
@pytest.mark.parametrize("ends", ["raises", "is killed"])
def test_a_planted_day_that_crashes_has_not_been_noticed(ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(at: datetime) -> date:
        if ends == "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise NameError("no such day")

    monkeypatch.setattr(module, "PLANTED", {"a day that crashes": crash})
    yearend = Yearend(1, balance_count=5)
    with scratch_database("yearend"):
        module._plant(yearend, many_balances(World(), 6, module.random.Random(1)))
    assert yearend.planted == {"a day that crashes": None} and not yearend.holds
    (violation,) = yearend.violations
    assert "could not be tried" in violation
    assert ("signal 9" if ends == "is killed" else "no such day") in violation


@pytest.mark.usefixtures("own_databases")
def test_few_balances_are_made_enough_for_every_zone() -> None:
    yearend = Yearend(9)
    prove_yearend(yearend, balances=1)
    assert yearend.holds and yearend.balance_count >= 30
