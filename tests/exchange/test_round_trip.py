"""What is exported comes back exactly into an empty database: the same bytes, the same state, a ledger that proves."""

import json
import re
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from bekal.accounts.privacy import blind
from bekal.core.evidence import EvidenceState
from bekal.exchange.export import MANIFEST, export_programme
from bekal.exchange.programme import import_programme
from bekal.exchange.progress import SILENT
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.models import Entitlement, Payout, PayoutFile, PayoutRun
from bekal.incentives.plan_payout_run import LeftOut, LeftOutReason, plan_payout_run
from bekal.participants.models import Participant
from bekal.purchases.evidence_states import evidence_states
from bekal.purchases.models import Purchase
from bekal.simulation.walk import simulate
from tests import factories
from tests.conftest import StoppedClock
from tests.exchange import lived, tables
from tests.exchange.door import prove
from tests.factories import jakarta

AT = jakarta(2021, 1, 2)


def exported(directory: Path, *, file_format: str = "csv", nik: str | None = None) -> dict[str, bytes]:
    """Every file of an export but the manifest, whose instant differs."""
    export_programme(directory=directory, at=AT, file_format=file_format, nik=nik)
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.name != MANIFEST}


def take(directory: Path, *, at: datetime = AT) -> dict[str, dict[str, int]]:
    done = import_programme(directory, at=at, dry_run=False, progress=SILENT)
    assert not done.findings.problems, (done.file, done.findings.problems[:3])
    return {name: dict(counts) for name, counts in done.counts.items()}


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_everything_that_can_happen_comes_back_from_csv_and_from_parquet(tmp_path: Path, clock: StoppedClock) -> None:
    clock.at = AT
    lived.live(tmp_path)
    prove()
    before, rows, proven = lived.state(), tables.contents(), evidence_of_all()
    assert not [table for table, of_it in rows.items() if not of_it], "each of these has a row that could be lost"
    named = set(re.findall(r"SELECT '([a-z ]+)'", lived.STATE_SQL))
    assert set(before) == named and len(named) > 20, "each of these has happened"
    first = exported(tmp_path / "first")
    assert exported(tmp_path / "again") == first, "the same state is the same bytes"
    exported(tmp_path / "columns", file_format="parquet")
    for directory in ("first", "columns"):
        lived.empty_the_database()
        assert take(tmp_path / directory)["completions"]["added"] == 16
        assert lived.state() == before
        for table, of_it in tables.contents().items():
            assert of_it == rows[table], table
        assert evidence_of_all() == proven
        prove()
        call_command("prove", "certificates", verbosity=0, stdout=StringIO())
        assert exported(tmp_path / f"{directory}-second") == first
        assert all(
            not any(count for what, count in counts.items() if "unchanged" not in what)
            for counts in take(tmp_path / directory).values()
        ), "the same directory twice changes nothing"
        assert lived.state() == before
    assert_the_programme_goes_on()


def evidence_of_all() -> dict[tuple[bytes, str], EvidenceState]:
    """Where the evidence of every purchase stands, by person and training."""
    bought = Purchase.objects.order_by("id")
    named = dict(bought.values_list("id", "participation__participant__nikdirectory__nik_hash"))
    codes = dict(bought.values_list("id", "training__code"))
    return {(bytes(named[pk]), codes[pk]): state for pk, state in evidence_states(purchase_ids=named).items()}


def assert_the_programme_goes_on() -> None:
    """A run that was planned elsewhere is still open; new references never repeat an imported one."""
    used = {
        int(name[3:17])
        for name in Entitlement.objects.order_by("id").values_list("payouts__reference", flat=True)
        if name
    }
    assert Entitlement.objects.order_by("id").values_list("id", flat=True)[0] > max(used)
    assert {each.name.partition("-")[0] for each in PayoutFile.objects.order_by("id")} == {"imported"}
    run = PayoutRun.objects.get(approved_at=None, cancelled_at=None)
    seal = bytes(run.list_sha256)
    approval = approve_payout_run(run_id=run.pk, officer_id=factories.officer().pk, list_sha256=seal, at=AT)
    assert approval.refusal is None and export_payout_run(run_id=run.pk, at=AT, proof_limit=None).refusal is None
    planned = plan_payout_run(planned_for=AT.date(), officer_id=factories.officer().pk, at=AT)
    came_back = Payout.objects.filter(statuses__state__in=["returned", "reversed"]).order_by("id")
    left_out = (LeftOut(LeftOutReason.CLAWED_BACK, 1),)
    assert planned.left_out == left_out
    assert planned.payout_count == 2, "everything else due is on the run that came along"
    again = Payout.objects.filter(run_id=planned.run_id).order_by("id")
    assert {each.entitlement_id for each in again} == {each.entitlement_id for each in came_back}


@pytest.mark.django_db(transaction=True)
def test_a_simulated_programme_comes_back(tmp_path: Path) -> None:
    simulate(participant_count=150, year=2020, seed=11)
    before = lived.state()
    assert min(before[what][0] for what in ("purchase", "review", "payout", "transfer")) > 100
    first = exported(tmp_path / "first")
    lived.empty_the_database()
    take(tmp_path / "first", at=jakarta(2024, 1, 1))
    assert lived.state() == before
    assert exported(tmp_path / "second") == first
    prove()


@pytest.mark.django_db(transaction=True)
def test_one_person_takes_everything_of_theirs_and_nothing_else(tmp_path: Path, clock: StoppedClock) -> None:
    clock.at = AT
    lived.live(tmp_path)
    nik = exported(tmp_path / "all")["payouts.csv"].decode().split("\n")[1].partition(",")[0]
    before = lived.state(blind("nik", nik))
    mine = exported(tmp_path / "mine", nik=nik)
    about_people = (
        "participants contact_points payout_accounts completions reviews evidence certificates payouts endings"
    )
    for kind in about_people.split():
        rows = mine[f"{kind}.csv"].decode().splitlines()[1:]
        assert rows and all(row.startswith(nik) for row in rows if row and row[:16].isdigit()), kind
    assert mine["choices.csv"].count(b"\n") == 1, "earlier learners are nobody's own"
    lived.empty_the_database()
    take(tmp_path / "mine")
    assert Participant.objects.count() == 1
    assert lived.state(blind("nik", nik)) == before
    assert exported(tmp_path / "mine-again", nik=nik) == exported(tmp_path / "as-a-whole") == mine
    prove()


@pytest.mark.django_db
@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_every_file_is_of_one_snapshot(tmp_path: Path, file_format: str) -> None:
    factories.accepted(2)  # not committed: only this connection sees them
    files = exported(tmp_path / "out", file_format=file_format)
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert {name: kind["rows"] for name, kind in manifest["kinds"].items() if kind["rows"]} == {
        "waves": 1,
        "participants": 2,
        "contact_points": 2,
        "payout_accounts": 2,
    }
    assert set(files) == {kind["file"] for kind in manifest["kinds"].values()}


@pytest.mark.django_db(transaction=True)
def test_the_commands_say_what_they_did(
    tmp_path: Path, clock: StoppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.at = AT
    lived.live(tmp_path)
    call_command("export-data", str(tmp_path / "out"), "--format", "parquet", verbosity=0)
    said = capsys.readouterr().out
    assert "16 completions" in said and "in the clear" in said
    lived.empty_the_database()
    call_command("import-data", "programme", str(tmp_path / "out"), "--dry-run", verbosity=0)
    assert "Tried and not kept." in capsys.readouterr().out and not Participant.objects.exists()
    call_command("import-data", "programme", str(tmp_path / "out"), verbosity=0)
    assert "completions: 16 added" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["kinds"]["completions"]["rupiah"] == {"price_rupiah": 2_550_000, "refunded_rupiah": 343_333}
