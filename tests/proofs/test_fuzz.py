"""`prove fuzz`: everything that reads answers whatever is sent, and a careless reader is noticed."""

import contextlib
import json
import random
import re
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

import bekal
from bekal.accounts.models import Role, User
from bekal.catalogue.models import Platform
from bekal.core.evidence_file import read_evidence_file
from bekal.core.money import MAX_RUPIAH, MoneyError, parse_rupiah
from bekal.core.strict_json import StrictJsonError, strict_json
from bekal.exchange.kinds import KINDS
from bekal.ledger.clock import programme_now
from bekal.partners.models import Partner
from bekal.partners.world import world_of_partner
from bekal.proofs.fuzz import PARTS, _rounds_of
from bekal.proofs.fuzz_corpus import AMOUNTS, BODIES, RAW_JSON, bent_json
from bekal.proofs.fuzz_documents import TURNS, bent_xml
from bekal.proofs.fuzz_files import sealed
from bekal.proofs.fuzz_partner_files import CMI5, COLUMNS, sealed_evidence
from bekal.proofs.fuzz_planted import PLANTED
from bekal.proofs.fuzz_rounds import Place, Rounds
from bekal.proofs.fuzz_tables import BYTES, CELLS, bent_table
from bekal.proofs.fuzz_v1 import v1_paths
from bekal.proofs.fuzz_watch import HANG_SECONDS, Watch
from bekal.proofs.fuzz_world import undone_in_both
from bekal.proofs.result_file import read_progress
from bekal.proofs.scratch import sandbox_beside, scratch_database
from bekal.simulation.fake_partner import answer

CASES = 6
SOURCE = Path(bekal.__file__).parent
OURS = "only files that are shipped with the programme, or that it has written itself"
JSON = "the cases of its operation: its example is JSON"
OPENS = {
    "api/v2/evidence_files.py": "file of evidence (v2)",
    "api/v2/xapi_courses.py": "cmi5 course (v2)",
    "api/v2/xapi_statements.py": JSON,
    "console/evidence_files.py": "file of evidence (page)",
    "console/payout_runs.py": "status file of a payout run",
    "core/recommend/store.py": "arrays of a model",
    "core/rules/reading.py": "rule file",
    "engagement/questionnaires.py": OURS,
    "exchange/export_files.py": OURS,
    "exchange/programme.py": "import-data programme",
    "exchange/table_fields.py": "import-data --map",
    "exchange/table_file.py": "import-data KIND (csv), import-data KIND (parquet)",
    "recommender/price_seats.py": OURS,
    "simulation/catalogue.py": OURS,
    "simulation/failures.py": OURS,
    "simulation/management/commands/fake-partner.py": "instructions for the made-up partner",
    "incentives/partners/rails.py": OURS,
    "simulation/management/commands/bank.py": OURS,
    "simulation/model.py": OURS,
}


@pytest.mark.usefixtures("own_databases")
def test_whatever_is_sent_is_answered(tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "fuzz.json"
    try:
        call_command("prove", "fuzz", "--seed", "5", "--cases", str(CASES), "--result", str(result), stdout=out)
    except CommandError:
        pytest.fail(out.getvalue())
    figures = json.loads(result.read_text())
    assert figures["violations"] == {}, out.getvalue()
    assert figures["cases_by_part"].keys() == PARTS.keys()
    for place, count in figures["cases_by_place"].items():
        assert count >= (1 if place.startswith(("page ", "sandbox ")) else CASES), place
    assert figures["cases_by_place"]["sandbox v2 move_sandbox_clock"] == CASES
    names = figures["cases_by_place"]
    assert {f"import-data {kind} ({form})" for kind in KINDS for form in ("csv", "parquet")} <= names.keys()
    assert figures["answers"]["a file taken"] > 0 < figures["answers"]["a file refused"]
    assert figures["answers"]["200"] > 0 < figures["answers"]["302"]
    assert figures["planted"].keys() == PLANTED.keys() and None not in figures["planted"].values()
    assert "hangs" in figures["planted"]["an expression that hangs"]
    assert "(95 %)" in out.getvalue()


@pytest.mark.usefixtures("own_databases")
def test_a_fault_fails_the_command_and_its_place_begins_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bekal.proofs.fuzz.PLANTED", {})
    out, kept = StringIO(), tmp_path / "progress.json"
    with mock.patch("bekal.api.v1.door.fields_of", json.loads), pytest.raises(CommandError, match="prove fuzz"):
        call_command("prove", "fuzz", "--seed", "1", "--cases", "15", "--only", "v1", "--resume", str(kept), stdout=out)
    assert "VIOLATED" in out.getvalue() and "api/v1/door.py" in out.getvalue()
    assert set(json.loads(kept.read_text())["done"].values()) == {15}
    options = {"cases": 20, "resume": kept}
    begun = _rounds_of(read_progress("fuzz", options), options)
    assert begun.seed == 1 and not begun.watch.violations and len(begun.done) < len(v1_paths())


def test_rounds_go_on_where_they_stopped_and_try_the_same() -> None:
    def tried_in(*stops: int) -> list[tuple[str, int, float]]:
        tried: list[tuple[str, int, float]] = []

        def place(name: str, share: float) -> Place:
            def try_some(numbers: range, rng: random.Random) -> None:
                tried.extend((name, number, rng.random()) for number in numbers)

            return Place(name, try_some, share, forks=False)

        rounds = Rounds(7)
        for cases in stops:
            rounds.go([place("a", 1.0), place("b", 0.05)], cases=cases, databases=[])
        assert rounds.done == {"a": stops[-1], "b": stops[-1] // 20}
        return tried

    at_once, in_pieces = ([each for each in tried_in(*stops) if each[0] == "a"] for stops in ((400,), (100, 400)))
    assert at_once == in_pieces and [number for _, number, _ in at_once] == list(range(400))


def test_every_reader_of_files_is_known() -> None:
    """Whoever opens a file, or takes one from a form or a call, stands in OPENS: beside it the reader that tries it, or
    why none does."""
    opening = re.compile(
        r"request\.FILES|RawBody\(|\.read_bytes\(|np\.load\(|path\.open\((?!\"[xw])|(?<!FILE)\bpath\.read_text\("
    )
    rooms = (path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in ("proofs", "config"))
    found = {path.relative_to(SOURCE).as_posix() for path in rooms if opening.search(path.read_text())}
    assert found == OPENS.keys()
    tried = "".join((SOURCE / f"proofs/{name}.py").read_text() for name in ("fuzz_files", "fuzz_partner_files"))
    names = {reader for told in OPENS.values() for reader in told.split(", ") if told not in (OURS, JSON)}
    assert {name for name in names if f'"{name}"' not in tried} <= {
        "import-data KIND (csv)",
        "import-data KIND (parquet)",
    }


def _spins() -> str | None:
    ends_at = time.process_time() + 10 * HANG_SECONDS
    while time.process_time() < ends_at:
        pass
    return None


class _EndsLate:
    """Hangs in the moment it is thrown away, where nothing that is raised is heard."""

    def __del__(self) -> None:
        ends_at = time.process_time() + 1.2 * HANG_SECONDS
        while time.process_time() < ends_at:
            pass


def _spins_while_it_throws_away(came_to_its_end: list[bool]) -> str | None:
    _EndsLate()
    _spins()
    came_to_its_end.append(True)
    return None


def _hangs_once() -> Callable[[], str | None]:
    tries = iter((True, False))
    return lambda: _spins() if next(tries) else None


@pytest.mark.usefixtures("own_databases")
def test_what_one_case_may_do() -> None:
    """A hang is believed the second time; what a case writes is undone; what it raises names its place."""
    with scratch_database("fuzz"):
        watch = Watch()
        came_to_its_end: list[bool] = []

        def write() -> str | None:
            User.objects.create_user("seseorang", None, role=Role.OFFICER, display_name="Seseorang")
            return None

        def fail() -> str | None:
            parse_rupiah("x")
            return None

        with watch.listening():
            watch.case("spins", "", _spins)
            watch.case("throws away", "", lambda: _spins_while_it_throws_away(came_to_its_end))
            watch.case("once", "", _hangs_once())
            watch.case("writes", "", write)
            watch.case("raises", "what was sent", fail)
        assert not User.objects.exists()
    assert watch.tries.total() == 5 and came_to_its_end == [], "the alarm has ended it"
    first, late, second = watch.violations
    assert first.startswith("spins: hangs") and late.startswith("throws away: hangs")
    assert "MoneyError at core/money.py" in second and watch.examples[second] == ["what was sent"]


@pytest.mark.usefixtures("own_databases")
def test_what_a_case_does_in_the_sandbox_is_undone_there() -> None:
    with scratch_database("fuzz") as built, sandbox_beside(built):
        partner = Partner.objects.create(
            code="uji",
            name="Uji",
            kind=Partner.Kind.PLATFORM,
            platform=Platform.objects.create(code="uji", name="Uji"),
            registered_at=programme_now(),
        )
        watch, seen = Watch(), []

        def write() -> str | None:
            with world_of_partner(partner, is_sandbox=True):
                seen.append(Partner.objects.count())
                User.objects.create_user("seseorang", None, role=Role.OFFICER, display_name="Seseorang")
            with world_of_partner(partner, is_sandbox=True):
                return None if User.objects.exists() else "the case itself does not see it"

        with watch.listening():
            for _ in range(2):
                watch.case("writes", "", write, undo=undone_in_both)
        assert not watch.violations and seen == [1, 1]
        with world_of_partner(partner, is_sandbox=True):
            assert not User.objects.exists()


def test_every_text_of_the_corpus_is_read_or_refused() -> None:
    """How long each takes is watched by the proof, which believes only what is slow twice."""
    for raw in (*BODIES.values(), *(text.encode("utf-8", "surrogatepass") for text in RAW_JSON)):
        with contextlib.suppress(StrictJsonError):
            strict_json(raw)
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


@given(st.integers(0, 2**32), st.sampled_from([CMI5, b"<a/>", b"", b"x"]))
def test_any_document_can_be_bent(number: int, document: bytes) -> None:
    how, bent = bent_xml(document, random.Random(number))
    assert isinstance(bent, bytes) and how and TURNS


def test_a_sealed_file_of_evidence_is_read() -> None:
    lines = COLUMNS + b"3,progress,,40,,true,,\n4,progress,,2,,true,,\n"
    read = read_evidence_file([sealed_evidence(lines)])
    assert not read.faults and [(row.purchase, row.percent) for row in read.rows] == [(3, 40), (4, 2)]


def test_a_sealed_file_is_as_a_partner_seals_it() -> None:
    instructions = b"reference,partner,account_number,holder_name,amount_rupiah\n"
    body, trailer, _ = answer_of(instructions).rpartition(b"TRAILER")
    assert trailer and sealed(body) == answer_of(instructions)


def answer_of(instructions: bytes) -> bytes:
    """What the made-up partner answers to one instruction."""
    import hashlib

    body = instructions + b"AB1,bni,0001,Siti,600000\n"
    return answer(body + f"TRAILER,1,600000,{hashlib.sha256(body).hexdigest()}\n".encode())
