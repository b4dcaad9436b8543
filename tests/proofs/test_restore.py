"""A dump restored into a new server has every row and every rupiah; one that has not is told."""

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bekal.proofs import restore
from bekal.proofs.own_server import OwnServerError
from bekal.proofs.restore import Restore, lines_of

pytestmark = pytest.mark.usefixtures("own_databases")


def test_everything_is_there_after_a_restore_into_a_new_server(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "restore.json"
    call_command("prove", "restore", "--transfers=600", "--seed=3", f"--result={result}", stdout=out)
    report = out.getvalue()
    assert "restored into a new server" in report
    assert "BROKEN" not in report
    figures = json.loads(result.read_text())
    assert figures["transfers"] >= 600 and (figures["differences"], figures["seed"]) == ([], 3)
    assert f"prove restore: {figures['transfers']} transfers, 50 participations, seed 3" in report
    assert len(figures["losses"]) == 4 and all(figures["losses"].values())
    assert "UNSEEN" not in report


def test_what_a_restore_leaves_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(url: str, to: Path) -> None:
        options = f"--format=directory --exclude-table-data=ledger_trainingbalance --file={to}"
        restore._run("pg_dump", url, options)

    def no_server(**settings: object) -> None:
        raise OwnServerError("there is no room for a second server here")

    monkeypatch.setattr(restore, "_dump", lossy)
    monkeypatch.setattr(restore, "own_server", no_server)
    out = StringIO()
    with pytest.raises(CommandError, match="not everything holds"):
        call_command("prove", "restore", transfers=300, stdout=out)
    report = out.getvalue()
    assert "no room for a second server" in report
    assert "of the same server" in report
    assert "BROKEN ledger_trainingbalance had 25 rows and has 0" in report
    assert "BROKEN after the restore: I2 the stored training balance" in report


def test_nothing_restored_and_a_comparison_that_tells_nothing_do_not_hold() -> None:
    assert not Restore(1, 20).holds
    assert not Restore(1, 20, transfers=5).holds, "nothing was lost on purpose"
    unseen = Restore(1, 20, transfers=5, losses={"a row lost": "a row fewer", "a rupiah more": None})
    assert not unseen.holds
    assert any("UNSEEN" in line for line in lines_of(unseen))
    assert Restore(1, 20, transfers=5, losses={"a row lost": "a row fewer"}).holds


def test_without_the_tools_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_binaries() -> Path:
        raise OwnServerError("The PostgreSQL binaries are not installed: run `python3 dev up` once.")

    monkeypatch.setattr(restore, "server_binaries", no_binaries)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"no pg_dump here: install PostgreSQL's client.*python3 dev up"):
        call_command("prove", "restore")
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho server version 18, pg_dump version 15 >&2\nexit 1\n")
    (tmp_path / "pg_dump").chmod(0o755)
    with pytest.raises(CommandError, match="pg_dump failed: server version 18, pg_dump version 15"):
        restore._dump(os.environ["DATABASE_URL"], tmp_path / "dump")
