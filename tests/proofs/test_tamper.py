"""Whatever a superuser changes of history, the digest chain finds it; and the harness notices a chain that does not."""

import argparse
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bekal.ledger import digests
from bekal.proofs import chain, tamper


@pytest.mark.usefixtures("own_databases")
def test_every_single_bit_and_every_deed_is_found(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "tamper.json"
    call_command("prove", "tamper", "--flips=200", "--seed=7", f"--result={result}", stdout=out)
    figures = json.loads(result.read_text())
    assert (figures["seed"], figures["flips"], figures["not_found"]) == (7, 200, [])
    assert sum(figures["found"].values()) == 214
    report = out.getvalue()
    assert figures["transfers"] >= 800
    assert f"prove tamper: {figures['transfers']} transfers, 200 flips, 14 deeds, seed 7" in report
    assert "NOT FOUND" not in report
    for column in tamper.COLUMNS:
        assert f"found    25  a bit of {column}" in report
    for deed in tamper.DEEDS:
        assert f"found     1  {deed}" in report
    assert "no failure in 214 tries: fewer than 0.014 of all" in report


# The sum of a link still tells a single amount; that two have changed places only its lines can tell.
LEFT_OUT = {
    "reason": ("reason, ", "a bit of reason, number"),
    "posted_at": ("extract(epoch FROM posted_at), ", "a bit of posted_at, number"),
    "amount_rupiah": ("amount_rupiah,", "two transfers that change places"),
}


@pytest.mark.usefixtures("own_databases")
@pytest.mark.parametrize("column", LEFT_OUT)
def test_a_digest_that_leaves_out_a_column_is_named(column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written, unseen = LEFT_OUT[column]
    for code, name in ((digests, "CLOSE_SQL"), (chain, "COMPARE_SQL")):
        statement = getattr(code, name)
        shorter = statement.replace(code.LINE_SQL, code.LINE_SQL.replace(written, ""))
        assert shorter != statement
        monkeypatch.setattr(code, name, shorter)
    out = StringIO()
    with pytest.raises(CommandError, match="not everything holds"):
        call_command("prove", "tamper", flips=len(tamper.COLUMNS), seed=1, stdout=out)
    assert f"NOT FOUND: {unseen}" in out.getvalue()


def test_its_size_can_be_chosen() -> None:
    parser = argparse.ArgumentParser()
    tamper.add_arguments(parser)
    assert parser.parse_args([]).flips == 200
    assert parser.parse_args(["--full", "--seed", "3"]).full
