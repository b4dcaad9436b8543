"""`prove evidence`: every order, repetition and split of a set of messages ends alike, and carelessness is noticed."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.proofs import evidence
from bekal.proofs.evidence import PLANTED

pytestmark = pytest.mark.usefixtures("own_databases")


def test_a_thousand_permutations_end_alike(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "evidence.json"
    call_command("prove", "evidence", "--seed", "5", "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == [] and figures["permutations"] == 1_000
    assert min(figures["completed"], figures["reconciled"], figures["contested"]) > 50
    assert figures["planted"].keys() == PLANTED.keys() and None not in figures["planted"].values()
    assert "1_000 permutations" in out.getvalue() and "seed 5" in out.getvalue()


def test_an_order_that_matters_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "PLANTED", {})
    out = StringIO()
    with PLANTED["the last arrival wins"](), pytest.raises(CommandError, match="prove evidence"):
        call_command("prove", "evidence", "--permutations", "60", "--seed", "5", stdout=out)
    assert "VIOLATED set" in out.getvalue()
