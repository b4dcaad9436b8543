"""`prove fuzz`: everything that reads answers whatever is sent, and a careless reader is noticed."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from bekal.proofs.fuzz_planted import PLANTED

pytestmark = pytest.mark.usefixtures("own_databases")
CASES = 4


def test_whatever_is_sent_is_answered(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "fuzz.json"
    call_command("prove", "fuzz", "--seed", "5", "--cases", str(CASES), "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == {}
    assert min(figures["tries_by_place"].values()) >= CASES
    assert figures["planted"].keys() == PLANTED.keys() and None not in figures["planted"].values()
