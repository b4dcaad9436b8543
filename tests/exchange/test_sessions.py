"""Dates of sessions come in whole or not at all, twice without a change, and every bad row says how to mend it."""

from pathlib import Path

import pytest

from bekal.catalogue.models import Session, Training
from bekal.exchange import trainings as trainings_file
from bekal.exchange.kinds import KINDS
from bekal.exchange.progress import SILENT
from bekal.exchange.table_fields import ColumnMap
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 11, 19)
GOOD = """training,sequence,starts_at,ends_at,place
kopi,1,2020-11-25 19:00,2020-11-25 21:00,Ruang daring
kopi,2,2020-12-02T19:00:00+07:00,,
roti,1,2020-11-26 09:00+08:00,,Denpasar
"""


@pytest.fixture(autouse=True)
def shelf(db: None) -> None:
    factories.training(code="kopi", session_count=2)
    factories.training(code="roti", session_count=1)


def loaded(
    tmp_path: Path, text: str, *, kind: str = "sessions", dry_run: bool = False, columns: dict[str, str] | None = None
) -> tuple[dict[str, int], list[tuple[int, str, str, str]]]:
    """(counts, problems) of a file."""
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    taken = KINDS[kind].load(path, ColumnMap(columns=columns or {}), at=AT, dry_run=dry_run, progress=SILENT)
    problems = [(each.line, each.column, each.value, each.mend) for each in taken.findings.problems]
    return dict(taken.counts), problems


def refused(tmp_path: Path, text: str, **more: str) -> list[tuple[int, str, str, str]]:
    with nothing_changes():
        counts, problems = loaded(tmp_path, text, **more)  # type: ignore[arg-type]
    assert counts == {} and problems
    return problems


def test_sessions_come_in_once(tmp_path: Path) -> None:
    with nothing_changes():
        assert loaded(tmp_path, GOOD, dry_run=True) == ({"added": 3, "changed": 0, "unchanged": 0}, [])
    assert loaded(tmp_path, GOOD)[0] == {"added": 3, "changed": 0, "unchanged": 0}
    with nothing_changes():
        assert loaded(tmp_path, GOOD)[0] == {"added": 0, "changed": 0, "unchanged": 3}
    assert loaded(tmp_path, GOOD.replace("Denpasar", "Singaraja"))[0] == {"added": 0, "changed": 1, "unchanged": 2}
    rows = Session.objects.order_by("training__code", "sequence").values_list("starts_at", "ends_at", "place")
    assert list(rows) == [
        (jakarta(2020, 11, 25, 19), jakarta(2020, 11, 25, 21), "Ruang daring"),
        (jakarta(2020, 12, 2, 19), None, ""),
        (jakarta(2020, 11, 26, 8), None, "Singaraja"),
    ]


def test_rows_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    bad = GOOD + "kopi,1,2020-11-25 19:00,,\nroti,nol,19 November,,\n,1,2020-11-25 19:00,,\n"
    found = refused(tmp_path, bad)
    assert [(line, column, value) for line, column, value, _ in found] == [
        (5, "sequence", "1"),
        (6, "sequence", "nol"),
        (6, "starts_at", "19 November"),
        (7, "training", ""),
    ]
    assert found[0][3] == "line 2 has session 1 of kopi already: keep one of them"
    assert "2020-04-16T10:00:00+07:00" in found[2][3]


def test_rows_that_contradict_the_catalogue_are_all_named(tmp_path: Path) -> None:
    bad = "Pelatihan,sequence,starts_at,ends_at\nteh,1,2020-12-01 09:00,\nroti,2,2020-12-01 09:00,2020-12-01 08:00\n"
    found = refused(tmp_path, bad, columns={"training": "Pelatihan"})  # type: ignore[arg-type]
    assert [(line, column, value) for line, column, value, _ in found] == [
        (2, "Pelatihan", "teh"),
        (3, "sequence", "2"),
        (3, "ends_at", "2020-12-01 08:00:00+07:00"),
    ]
    early = "training,sequence,starts_at\nkopi,2,2020-12-01 09:00\nkopi,1,2020-12-02 09:00\n"
    ((line, column, _, mend),) = refused(tmp_path, early)
    assert (line, column) == (2, "starts_at") and "session 2 of kopi would start before session 1" in mend


def test_a_file_without_rows_or_without_a_column_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "training,sequence,starts_at\n")[0][3].startswith("the file has no rows")
    assert refused(tmp_path, "training,starts_at\nkopi,2020-12-01 09:00\n")[0][:2] == (1, "sequence")


def test_seats_come_with_the_trainings_and_never_fall_below_what_is_sold(tmp_path: Path) -> None:
    kopi = Training.objects.get(code="kopi")
    for person in factories.accepted(2):
        factories.bought(person, kopi)
    head = "code,title,institution,category,price,Kuota\nroti,Roti,LKP,Kue,1000,20\n"
    columns = {"seat_count": "Kuota"}
    ((line, column, value, mend),) = refused(
        tmp_path,
        head + "kopi,Kopi,LKP,Kue,300000,1\n",
        kind="trainings",
        columns=columns,  # type: ignore[arg-type]
    )
    assert (line, column, value) == (3, "Kuota", "1")
    assert mend.startswith("2 seats of kopi are sold: write 2 or more")
    assert loaded(tmp_path, head + "kopi,Kopi,LKP,Kue,300000,2\n", kind="trainings", columns=columns)[1] == []
    assert list(Training.objects.order_by("code").values_list("seat_count", flat=True)) == [2, 20]
    same = "code,title,institution,category,price\nkopi,Kopi,LKP,Kue,300000\n"
    assert loaded(tmp_path, same, kind="trainings")[0]["unchanged"] == 1
    blank = "code,title,institution,category,price,seat_count\nkopi,Kopi,LKP,Kue,300000,\n"
    assert loaded(tmp_path, blank, kind="trainings")[0]["changed"] == 1
    assert Training.objects.get(code="kopi").seat_count is None
    assert "seat_count" in [field.name for field in trainings_file.FIELDS]
