"""A directory that is not what it says is refused with the sentence that says why, and nothing is kept."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bekal.exchange import programme
from bekal.exchange.export import MANIFEST, export_programme
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

Change = Callable[[Path], None]


@pytest.fixture
def directory(db: None, tmp_path: Path) -> Path:
    """An export of two people, one of whom has completed a training."""
    first, _ = factories.accepted(2)
    factories.reconciled(first, factories.training(code="jahit", price_rupiah=300_000))
    export_programme(directory=tmp_path / "out", at=jakarta(2020, 11, 19))
    return tmp_path / "out"


def refused(directory: Path) -> str:
    out = StringIO()
    with nothing_changes(), pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import-data", "programme", str(directory), verbosity=0, stdout=out, stderr=out)
    return out.getvalue()


def edit(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest."""
    manifest = json.loads((directory / MANIFEST).read_text())
    change(manifest)
    (directory / MANIFEST).write_text(json.dumps(manifest))


def rewrite(directory: Path, name: str, column: str, value: str) -> None:
    """Change the first row of a file, and the manifest so that it agrees."""
    path = directory / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0][column] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

    def agree(manifest: dict[str, Any]) -> None:
        stated = manifest["kinds"][name]
        stated["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        for summed in stated["rupiah"]:
            stated["rupiah"][summed] = sum(int(row[summed] or 0) for row in rows)

    edit(directory, agree)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))


def test_it_is_taken_as_it_was_exported(directory: Path) -> None:
    with nothing_changes():
        call_command("import-data", "programme", str(directory), verbosity=0, stdout=StringIO())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda out: flip(out / "completions.csv"), "completions.csv:\nits SHA-256 is not the manifest's"),
        (lambda out: (out / "reviews.csv").write_text("nik\n"), "reviews.csv:\nits SHA-256"),
        (
            lambda out: (out / "participants.csv").write_bytes((out / "participants.csv").read_bytes()[:-9]),
            "changed or cut",
        ),
        (lambda out: (out / "waves.csv").unlink(), "waves.csv:\nthe manifest names this file, and it is not there"),
        (lambda out: (out / "notes.csv").write_text("x"), "notes.csv is no part of an export"),
        (lambda out: (out / MANIFEST).unlink(), "name the directory of an export"),
        (lambda out: shutil.rmtree(out), "name the directory of an export"),
        (lambda out: (out / MANIFEST).write_text("{"), "it is no JSON"),
        (lambda out: (out / MANIFEST).write_text("[" * 100_000), "it is no JSON"),
        (lambda out: (out / MANIFEST).write_text("[]"), "it is no manifest of an export"),
        (lambda out: edit(out, lambda m: m.update(version=5)), "it has version 5, this program reads 1 to 4"),
        (lambda out: edit(out, lambda m: m.update(file_format="exe")), "its parts are not those of an export"),
        (lambda out: edit(out, lambda m: m.update(file_format=["csv"])), "its parts are not those of an export"),
        (lambda out: edit(out, lambda m: m["kinds"].pop("reviews")), "it names no reviews"),
        (lambda out: edit(out, lambda m: m["kinds"].update(more=m["kinds"]["waves"])), "more is no part of an export"),
        (
            lambda out: edit(out, lambda m: m["kinds"]["waves"].update(file="../waves.csv")),
            "its file of waves is not waves.csv",
        ),
        (lambda out: edit(out, lambda m: m["kinds"]["waves"].update(rows=-1)), "its parts are not those"),
        (
            lambda out: edit(out, lambda m: m["kinds"]["participants"].update(rows=1)),
            "states 1 rows of participants.csv, which has 2",
        ),
        (
            lambda out: edit(out, lambda m: m["kinds"]["completions"]["rupiah"].update(price_rupiah=299_999)),
            "it states 299,999 rupiah of price_rupiah in completions.csv, which sums to 300,000",
        ),
        (
            lambda out: edit(out, lambda m: m["kinds"]["waves"]["rupiah"].update(gold=1)),
            'a sum of "gold", which waves.csv does not have',
        ),
        (lambda out: rewrite(out, "completions", "nik", "3171010101900009"), "completions.csv:\nline 2, column nik"),
        (lambda out: rewrite(out, "completions", "training", "menjahit"), "no training has this code"),
        (lambda out: rewrite(out, "completions", "price_rupiah", "300001"), "is known already with other values"),
    ],
)
def test_a_lie_is_told_from_the_truth(directory: Path, change: Change, words: str) -> None:
    change(directory)
    assert words in refused(directory)


def test_an_export_of_before_there_were_clawbacks_is_still_taken(directory: Path) -> None:
    for name in programme.SINCE_VERSION:
        (directory / f"{name}.csv").unlink()

    def older(manifest: dict[str, Any]) -> None:
        manifest["version"] = 1
        for name in programme.SINCE_VERSION:
            del manifest["kinds"][name]

    edit(directory, older)
    with nothing_changes():
        call_command("import-data", "programme", str(directory), verbosity=0, stdout=StringIO())
    edit(directory, lambda manifest: manifest.update(version=2))
    assert "it names no" in refused(directory)


def test_a_file_that_is_a_link_is_not_followed(directory: Path, tmp_path: Path) -> None:
    target = (directory / "waves.csv").rename(tmp_path / "elsewhere.csv")
    (directory / "waves.csv").symlink_to(target)
    assert "it is not there" in refused(directory)


def test_a_mapping_is_for_files_of_other_systems(directory: Path) -> None:
    with pytest.raises(CommandError, match="--map is for files of other systems"):
        call_command("import-data", "programme", str(directory), "--map", "nik=x")


def test_a_file_that_changes_after_the_check_is_not_taken(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = programme._check_totals

    def check_and_touch(path: Path, *rest: Any) -> None:
        checked(path, *rest)
        if path.name == "completions.csv":
            path.write_bytes(path.read_bytes() + b"\n")

    monkeypatch.setattr(programme, "_check_totals", check_and_touch)
    assert "completions.csv:\nits SHA-256" in refused(directory)
