"""An export is for its owner's eyes only, whole or not there, and has exactly the columns that the import takes."""

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bekal.exchange.export import MANIFEST, ExportError, export_programme
from bekal.exchange.export_tables import EXTRACTS, columns_of
from bekal.exchange.kinds import KINDS
from bekal.participants.models import Participant
from tests import factories
from tests.factories import jakarta

AT = jakarta(2020, 11, 19)
# What the import takes besides, and an export says in another column.
SAID_OTHERWISE = {"districts": {"province", "total", "accepted_YYYY"}}


@pytest.mark.django_db
def test_every_kind_is_exported_with_exactly_the_columns_its_import_takes() -> None:
    assert set(EXTRACTS) == set(KINDS)
    for name, kind in KINDS.items():
        taken = {field.name for field in kind.fields} - SAID_OTHERWISE.get(name, set())
        assert {column.name for column in columns_of(name)} == taken, name


@pytest.mark.django_db
def test_only_the_owner_may_read_it_and_the_manifest_names_nobody(tmp_path: Path) -> None:
    (participation_id,) = factories.accepted(full_name="Siti Rahayu Ningsih")
    factories.reconciled(participation_id, factories.training(price_rupiah=300_000))
    directory = tmp_path / "made" / "here"
    out = StringIO()
    call_command("export-data", str(directory), verbosity=0, stdout=out)
    assert "1 completions" in out.getvalue() and "in the clear" in out.getvalue()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    text = (directory / MANIFEST).read_text()
    assert "Siti" not in text and not re.search(r"\b[0-9]{16}\b", text)
    manifest = json.loads(text)
    assert manifest["exported_at"] == "2020-11-19T10:00:00+07:00" and manifest["scope"] == "programme"
    assert manifest["kinds"]["completions"]["rupiah"] == {"price_rupiah": 300_000, "refunded_rupiah": 0}


@pytest.mark.django_db
def test_one_person_is_named_by_nik_and_nobody_else_is_there(tmp_path: Path) -> None:
    nik = factories.new_nik()
    factories.accepted(nik=nik)
    factories.accepted(2)
    call_command("export-data", str(tmp_path / "one"), "--participant", nik, verbosity=0, stdout=StringIO())
    with (tmp_path / "one" / "participants.csv").open(encoding="utf-8", newline="") as file:
        assert [row["nik"] for row in csv.DictReader(file)] == [nik]
    assert json.loads((tmp_path / "one" / MANIFEST).read_text())["scope"] == "participant"
    with pytest.raises(CommandError, match="nobody here has this NIK"):
        call_command("export-data", str(tmp_path / "none"), "--participant", "3171010101900009")


@pytest.mark.django_db
def test_a_directory_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(CommandError, match="is not empty"):
        call_command("export-data", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(ExportError, match="cannot be used"):
        export_programme(directory=tmp_path / "mine.txt", at=AT)
    with pytest.raises(ExportError, match="--format is xlsx"):
        export_programme(directory=tmp_path / "new", at=AT, file_format="xlsx")


@pytest.mark.django_db
@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_an_export_that_breaks_off_leaves_nothing_behind(tmp_path: Path, file_format: str) -> None:
    factories.participants(2)
    broken = Participant.objects.order_by("id")[1]
    point = broken.contact_points.get(kind="phone")
    point.value_encrypted = b"gAAAA-no-token"
    point.save()
    with pytest.raises(Exception, match=r".*"):
        export_programme(directory=tmp_path / "out", at=AT, file_format=file_format)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.django_db
def test_a_large_export_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.participants(7)
    monkeypatch.setattr("bekal.exchange.export.BLOCK_COUNT", 3)
    exported = export_programme(directory=tmp_path / "out", at=AT)
    assert exported["participants"].rows == exported["contact_points"].rows == 7
