"""`prove reconcile`: spoilt papers end as the oracle says, and carelessness is noticed."""

import json
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.proofs import reconcile
from bekal.proofs.reconcile import PLANTED, Reconcile, prove_reconcile
from bekal.proofs.reconcile_cases import CORRUPTIONS
from bekal.proofs.reconcile_oracle import Oracle, Ordered, Paper, Said, Trouble
from bekal.proofs.result_file import read_progress

pytestmark = pytest.mark.usefixtures("own_databases")


def test_twelve_corruptions_by_twenty_banks_end_as_the_oracle_says(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "reconcile.json"
    call_command("prove", "reconcile", "--seed", "5", "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == [] and (figures["seeds"], figures["cases"]) == (20, 240)
    assert len(CORRUPTIONS) == 12 and figures["not_taken"] > 40
    assert all(figures["ended"][state] > 20 for state in ("sent", "settled", "rejected", "returned"))
    kinds = {"unknown_reference", "other_partner", "amount_mismatch", "contradiction", "not_the_file"}
    kinds |= {"paid_twice", "statement_overlap", "other_account"}
    assert figures["troubles"].keys() == kinds
    assert figures["planted"].keys() == PLANTED.keys() and None not in figures["planted"].values()
    assert "240 cases" in out.getvalue() and "seed 5" in out.getvalue()


def test_the_oracle_knows_that_a_day_has_one_statement() -> None:
    oracle = Oracle({"A": Ordered("bni", 5), "B": Ordered("bni", 5)}, {})

    def take(content: bytes, *said: Said, day: str = "1") -> bool:
        return oracle.take(Paper("bni", "", content, said, statement=day))

    paid_a, paid_b = Said("A", 5, "settled"), Said("B", 5, "settled")
    assert take(b"1", paid_a) and take(b"2", paid_a), "the same in another form"
    assert not take(b"3", paid_a, paid_b) and oracle.states["B"] == ("sent", "")
    assert take(b"4", paid_a, paid_b, day="2")
    assert oracle.troubles == {Trouble("statement_overlap", "bni", "1"), Trouble("paid_twice", "bni", "A")}


def test_a_later_start_goes_on_where_the_first_one_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PLANTED", {})
    whole, first = Reconcile(5), Reconcile(5)
    prove_reconcile(whole, seeds=2)
    progress = tmp_path / "progress.json"
    prove_reconcile(first, seeds=1, path=progress)
    second = Reconcile(**read_progress("reconcile", {"resume": progress}))
    assert (second.seeds, second.cases) == (1, 12)
    prove_reconcile(second, seeds=2, path=progress)
    assert second == whole, "the same banks, whether in one start or in two"
    assert read_progress("reconcile", {"resume": progress}) == asdict(whole)


def test_carelessness_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PLANTED", {})
    out = StringIO()
    careless, _ = PLANTED["the amount is not compared"]
    with careless(), pytest.raises(CommandError, match="prove reconcile"):
        call_command("prove", "reconcile", "--seeds", "2", "--seed", "5", stdout=out)
    assert "VIOLATED seed 5." in out.getvalue()


def test_the_oracle_reads_as_the_rails_are_described() -> None:
    oracle = Oracle({"A": Ordered("bni", 5), "B": Ordered("bni", 5)}, {"FILE": "bni"})

    def take(content: bytes, *said: Said, partner: str = "bni", is_whole: bool = True) -> bool:
        return oracle.take(Paper(partner, "", content, said, is_whole))

    assert not take(b"0", Said("A", 5, "settled"), is_whole=False)
    assert take(b"1", Said("A", 5, "returned", "AC04"), Said("B", 6, "settled"), Said("C", 5, "settled"))
    assert take(b"2", Said("A", 5, "settled"), Said("A", 5, "returned", "AC06"))
    assert take(b"2", Said("B", 5, "settled")), "read before: nothing new"
    assert take(b"2", partner="ovo"), "it says what it says to whoever reads it"
    assert take(b"3", Said("B", 5, "rejected", "AC04"), partner="ovo")
    assert take(b"4", Said("B", 5, "accepted"), partner="gopay") and oracle.states["B"] == ("sent", "")
    assert Trouble("other_partner", "gopay", "B") in oracle.troubles
    assert take(b"4", Said("B", 5, "accepted")) and oracle.states["B"] == ("accepted", "")
    assert oracle.states == {"A": ("returned", "AC04"), "B": ("accepted", "")}
    assert oracle.troubles == {
        Trouble("amount_mismatch", "bni", "B"),
        Trouble("unknown_reference", "bni", "C"),
        Trouble("contradiction", "bni", "A"),
        Trouble("other_partner", "ovo", "B"),
    }
