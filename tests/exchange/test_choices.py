"""Choices of earlier learners come in whole or not at all, and twice without a change."""

from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from django.core.management import CommandError, call_command

from bekal.recommender.models import EarlierChoice, EarlierLearner
from tests.factories.unchanged import nothing_changes
from tests.recommender import world

GOOD = """learner,training,completed_on,sex,birth_year,education,employment,province
a,t-01,2020-05-01,perempuan,1990,senior,unemployed,Jawa Barat
a,t-02,,,,,,
b,t-01,2020-06-30,L,,6,2,73
"""


def imported(tmp_path: Path, text: str, *arguments: str) -> str:
    path = tmp_path / "choices.csv"
    path.write_text(text, encoding="utf-8")
    return run(path, *arguments)


def run(path: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("import-data", "choices", str(path), *arguments, stdout=out, stderr=out)
    return out.getvalue()


def learners() -> list[tuple[object, ...]]:
    names = ("sex", "birth_year", "education", "employment", "province")
    return sorted(EarlierLearner.objects.values_list(*names), key=str)


@pytest.mark.django_db
def test_choices_come_in_with_their_learners_and_twice_change_nothing(tmp_path: Path) -> None:
    world.stock()
    assert "3 choices added, 0 choices unchanged, 2 learners added, 0 learners changed" in imported(tmp_path, GOOD)
    assert learners() == [("F", 1990, 3, 1, 32), ("M", None, 6, 2, 73)]
    assert EarlierChoice.objects.filter(training__code="t-01").count() == 2
    with nothing_changes():
        assert "0 choices added, 3 choices unchanged, 0 learners added, 0 learners changed" in imported(tmp_path, GOOD)
    more = "learner,training,birth_year\nb,t-05,1988\nc,t-05,\n"
    assert "2 choices added, 0 choices unchanged, 1 learners added, 1 learners changed" in imported(tmp_path, more)
    assert ("M", 1988, 6, 2, 73) in learners(), "a blank keeps what is known, a value completes it"


@pytest.mark.django_db
def test_parquet_is_taken_as_well_and_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    world.stock()
    path = tmp_path / "choices.parquet"
    pl.DataFrame({"who": ["x", "y"], "what": ["t-03", "t-04"], "born": [1990, None]}).write_parquet(path)
    mapping = "learner=who,training=what,birth_year=born"
    with nothing_changes():
        assert "Tried and not kept: 2 choices added" in run(path, "--map", mapping, "--dry-run")
    assert "Imported: 2 choices added" in run(path, "--map", mapping)


@pytest.mark.django_db
def test_every_bad_row_is_named_and_nothing_is_kept(tmp_path: Path) -> None:
    world.stock()
    bad = (
        "learner,training,completed_on,sex,birth_year,education,province\n"
        "a,t-99,,,,,\n"
        ",t-01,,,,,\n"
        "a,t-01,01/05/2020,X,90,7,Atlantis\n"
        "a,t-02,2020-05-01,F,1990,3,32\n"
        "a,t-02,2020-05-01,F,1990,3,32\n"
        "a,t-03,2020-05-01,M,1991,3,32\n"
    )
    with nothing_changes(), pytest.raises(CommandError, match="10 to mend"):
        imported(tmp_path, bad, "--errors-to", str(tmp_path / "errors.csv"))
    listed = (tmp_path / "errors.csv").read_text().splitlines()[1:]
    found = [tuple(line.split(",")[:2]) for line in listed]
    assert (
        found
        == [
            ("2", "training"),
            ("3", "learner"),
            ("4", "completed_on"),
            ("4", "sex"),
            ("4", "birth_year"),
            ("4", "education"),
            ("4", "province"),
            ("6", "training"),
            ("7", "sex"),
            ("7", "birth_year"),
        ][: len(found)]
    )
    assert len(found) == 10


@pytest.mark.django_db
def test_a_place_to_write_the_errors_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        imported(tmp_path, "learner\n", "--errors-to", str(tmp_path / "no" / "such.csv"))
