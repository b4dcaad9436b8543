"""A dump restored into a new server has every row and every rupiah; one that has not is told."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bekal.proofs import restore
from bekal.proofs.own_server import OwnServerError

pytestmark = pytest.mark.usefixtures("own_databases")


def test_everything_is_there_after_a_restore_into_a_new_server() -> None:
    out = StringIO()
    call_command("prove", "restore", transfers=600, stdout=out)
    report = out.getvalue()
    assert "restored into a new server" in report
    assert "BROKEN" not in report
    assert "prove restore: 691 transfers, 50 participations" in report


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
