"""`prove fuzz`: everything that reads answers whatever is sent, and a careless reader is noticed."""

import contextlib
import json
import random
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from bekal.accounts.models import Role, User
from bekal.core.money import MAX_RUPIAH, MoneyError, parse_rupiah
from bekal.core.strict_json import StrictJsonError, strict_json
from bekal.proofs.fuzz_corpus import AMOUNTS, BODIES, RAW_JSON, bent_json
from bekal.proofs.fuzz_files import sealed
from bekal.proofs.fuzz_planted import PLANTED
from bekal.proofs.fuzz_tables import BYTES, CELLS, bent_table
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.scratch import scratch_database
from bekal.simulation.fake_partner import answer

CASES = 2


@pytest.mark.usefixtures("own_databases")
def test_whatever_is_sent_is_answered(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "fuzz.json"
    call_command("prove", "fuzz", "--seed", "5", "--cases", str(CASES), "--result", str(result), stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violations"] == {}, out.getvalue()
    assert min(figures["tries_by_place"].values()) >= CASES
    places = {name.partition(" ")[0] for name in figures["tries_by_place"]}
    assert places == {"v2", "v1", "page", "import-data", "status"}
    assert figures["answers"]["a file taken"] > 0 < figures["answers"]["a file refused"]
    assert figures["answers"]["200"] > 0 < figures["answers"]["302"]
    assert figures["planted"].keys() == PLANTED.keys() and None not in figures["planted"].values()
    assert "hangs" in figures["planted"]["an expression that hangs"]
    assert "(95 %)" in out.getvalue()


@pytest.mark.usefixtures("own_databases")
def test_a_fault_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bekal.proofs.fuzz.PLANTED", {})
    out = StringIO()
    with mock.patch("bekal.api.v1.door.fields_of", json.loads), pytest.raises(CommandError, match="prove fuzz"):
        call_command("prove", "fuzz", "--seed", "1", "--cases", "15", "--only", "v1", stdout=out)
    assert "VIOLATED" in out.getvalue() and "api/v1/door.py" in out.getvalue()


def _spins() -> str | None:
    ends_at = time.process_time() + 60
    while time.process_time() < ends_at:
        pass
    return None


def _hangs_once() -> Callable[[], str | None]:
    tries = iter((True, False))
    return lambda: _spins() if next(tries) else None


@pytest.mark.usefixtures("own_databases")
def test_what_one_case_may_do() -> None:
    """A hang is believed the second time; what a case writes is undone; what it raises names its place."""
    with scratch_database("fuzz"):
        watch = Watch()

        def write() -> str | None:
            User.objects.create_user("seseorang", None, role=Role.OFFICER, display_name="Seseorang")
            return None

        def fail() -> str | None:
            parse_rupiah("x")
            return None

        with watch.listening():
            watch.case("spins", "", _spins)
            watch.case("once", "", _hangs_once())
            watch.case("writes", "", write)
            watch.case("raises", "what was sent", fail)
        assert not User.objects.exists()
    assert watch.tries.total() == 4
    first, second = watch.violations
    assert first.startswith("spins: hangs")
    assert "MoneyError at core/money.py" in second and watch.examples[second] == ["what was sent"]


def test_every_text_of_the_corpus_is_read_or_refused() -> None:
    for raw in (*BODIES.values(), *(text.encode("utf-8", "surrogatepass") for text in RAW_JSON)):
        began = time.process_time()
        with contextlib.suppress(StrictJsonError):
            strict_json(raw)
        assert time.process_time() - began < 1
    for text in AMOUNTS:
        with contextlib.suppress(MoneyError):
            assert 0 <= parse_rupiah(text) <= MAX_RUPIAH and str(int(text)) == text


@given(st.integers(0, 2**32), st.sampled_from([{"a": 1, "b": [{"c": "x"}]}, [], {}, "x", None]))
def test_an_example_is_bent_the_same_each_time(number: int, example: object) -> None:
    assert bent_json(example, random.Random(number)) == bent_json(example, random.Random(number))


@given(st.integers(0, 2**32), st.sampled_from([b"a,b\n1,2\n", b"a,b\n", b"a\n\n", b"a,b", b""]))
def test_any_table_can_be_bent(number: int, table: bytes) -> None:
    how, bent = bent_table(table, random.Random(number))
    assert isinstance(bent, bytes) and how
    assert {*BYTES, *CELLS}


def test_a_sealed_file_is_as_a_partner_seals_it() -> None:
    instructions = b"reference,partner,account_number,holder_name,amount_rupiah\n"
    body, trailer, _ = answer_of(instructions).rpartition(b"TRAILER")
    assert trailer and sealed(body) == answer_of(instructions)


def answer_of(instructions: bytes) -> bytes:
    """What the made-up partner answers to one instruction."""
    import hashlib

    body = instructions + b"AB1,bni,0001,Siti,600000\n"
    return answer(body + f"TRAILER,1,600000,{hashlib.sha256(body).hexdigest()}\n".encode())
