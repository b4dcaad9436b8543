"""`prove crash` over the path of a payout: whoever dies, everybody is paid once, and what is not so is seen."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.proofs.crash import PAYOUT, Crash, lines_of, prove_payouts
from bekal.proofs.crash_bank import BANK, CALLED
from bekal.proofs.crash_careless import CARELESS
from bekal.proofs.crash_ends import held_against_the_bank
from bekal.proofs.crash_payers import PayBase, Site, approve, call, pay_base, plan, site_of, write_out
from bekal.proofs.crash_payouts import STAGES, finish, kill_at_every_boundary, work_off
from bekal.proofs.crash_runs import looking

pytestmark = pytest.mark.usefixtures("own_databases")


@dataclass(frozen=True, slots=True)
class Place:
    """A site whose first run has left, and a look at it that forks do not disturb."""

    site: Site
    look: BaseDatabaseWrapper

    def faults(self, *, is_over: bool = False) -> tuple[str, ...]:
        return held_against_the_bank(self.site, self.look, is_over=is_over).faults


@pytest.fixture
def base() -> Iterator[PayBase]:
    with pay_base() as made:
        yield made


@pytest.fixture
def place(base: PayBase) -> Iterator[Place]:
    with site_of(base) as site, looking() as look:
        for step in (plan, approve, write_out):
            work_off(site, step)
        yield Place(site, look)


def killed_at(place: Place, *names: str) -> tuple[dict[str, int], list[str]]:
    """Kill payers in these stages, at so many boundaries as a round of that stage may have."""
    stages = tuple(stage for stage in STAGES if stage.name in names)
    died, faults = kill_at_every_boundary(place.site, place.look, dict.fromkeys(names, ["?"] * 40), stages)
    return died, [fault for fault in faults if "no payer came to boundary" not in fault]


def test_calls_are_made_once_wherever_a_payer_dies(place: Place) -> None:
    died, faults = killed_at(place, "calls", "calls asked for")
    assert faults == [] and died["calls"] >= 20 and died["calls asked for"] >= 15


def test_files_are_handed_over_once_wherever_a_payer_dies(place: Place) -> None:
    died, faults = killed_at(place, "files", "files asked for")
    place.site.bank.work()
    assert faults == [] and place.faults() == ()
    assert died["files"] >= 12 and died["files asked for"] >= 10


def test_every_kill_of_a_payer_is_survived_and_careless_payers_are_noticed(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "crash.json"
    try:
        call_command("prove", "crash", "--only", "payouts", "--result", str(result), stdout=out)
    except CommandError:
        pytest.fail(out.getvalue())
    figures = json.loads(result.read_text())
    assert figures["violation_count"] == 0
    assert figures["boundaries"].keys() == {f"{PAYOUT}{stage.name}" for stage in STAGES}
    assert figures["boundaries"] == figures["passed"], "a payer died at each boundary that one passes"
    assert sum(figures["boundaries"].values()) > 350
    assert (figures["payer_kills"], figures["payer_backend_kills"]) == (50, 5)
    assert figures["payer_server_kills"] == 1 and figures["kills"] == 0
    assert 0 < figures["payer_kills_at_work"] <= 50
    assert figures["paid_rupiah"] == figures["paid_count"] * 600_000 > 0
    assert figures["careless"].keys() == CARELESS.keys()
    for name, noticed in figures["careless"].items():
        assert ("has not" in noticed) if name.startswith("mark") else ("was paid 2 times" in noticed)
    assert f"seed {figures['seed']}" in out.getvalue()


def test_what_does_not_agree_with_the_banks_books_is_seen(place: Place) -> None:
    site = place.site
    work_off(site, call)
    assert place.faults() == ()
    ((reference, (_, total)), *_) = site.bank.books.paid(CALLED).items()
    with site.bank.books.transaction() as books:
        copy = "INSERT INTO transfer (partner, reference, message_id, number, holder_name, amount, day, state)"
        columns = "partner, {}, message_id, number, holder_name, {}, day, state FROM transfer WHERE reference = ?"
        books.execute(f"{copy} SELECT {columns.format('reference', 'amount')}", [reference])
        books.execute(f"{copy} SELECT {columns.format(repr('BKL9'), 'amount')} LIMIT 1", [reference])
        others = (
            "SELECT reference FROM transfer WHERE partner = ? AND state = 'settled' AND reference NOT IN (?, 'BKL9')"
        )
        (less, missing) = [row[0] for row in books.execute(f"{others} ORDER BY id DESC LIMIT 2", [CALLED, reference])]
        books.execute("DELETE FROM transfer WHERE reference = ?", [missing])
        books.execute("UPDATE transfer SET amount = amount - 1 WHERE reference = ?", [less])
    faults = " ".join(place.faults())
    assert "was paid 2 times" in faults
    assert f"{missing} is called paid, and {CALLED} has not paid it" in faults
    assert f"{less}: Rp{total - 1} paid by {CALLED}, Rp{total} ordered" in faults
    assert f"BKL9 was paid by {CALLED}, and nobody has ordered it" in faults
    assert any("neither paid nor over" in fault for fault in place.faults(is_over=True)), "the files have not left"
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM incentives_payoutfile WHERE form = 'pain.001' ORDER BY id LIMIT 1")
        values = [cursor.fetchone()[0]]
    connection.close()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO incentives_payoutsending (file_id, act, outcome, words, noted_at)"
            " VALUES (%s, 'hand_over', 'taken', '', now())",
            values,
        )
    assert any(f"is called taken, and {BANK} has not got it" in fault for fault in place.faults())


def test_a_later_start_goes_on_and_a_place_nobody_died_at_fails_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    every = {f"{PAYOUT}{stage.name}": 20 for stage in STAGES}
    crash = Crash(
        7, passed=dict(every), boundaries=dict(every), payer_kills=3, careless=dict.fromkeys(CARELESS, "seen")
    )
    prove_payouts(crash, kills=5, backend_kills=0, server_kills=0)
    assert (crash.payer_kills, crash.boundaries, crash.violations) == (5, every, []) and crash.holds
    assert any("payers killed at every boundary: plan 20 of 20" in line for line in lines_of(crash))
    crash.boundaries[f"{PAYOUT}calls"] = 19
    assert not crash.holds


def test_a_run_that_never_ends_is_no_end(base: PayBase, monkeypatch: pytest.MonkeyPatch) -> None:
    with site_of(base) as site:
        monkeypatch.setattr(type(site.bank), "work", lambda bank: 0)
        with pytest.raises(RuntimeError, match="no end in a week"):
            finish(site)
