"""`manage published` says what cannot be measured yet, fails where it must, and explains itself."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connections

from bekal.proofs.published import FIGURES
from bekal.proofs.published_text import page
from tests import factories
from tests.contracts.house import ROOT
from tests.proofs.published_world import answer

EVERYWHERE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
BY_ID = {figure.id: figure for figure in FIGURES}


@EVERYWHERE
def test_what_cannot_be_measured_yet_says_how_to_get_there_and_fails_unless_left_out(
    clock: Any, tmp_path: Path
) -> None:
    clock.set(2020, 7, 27, 23, 59)
    out, file = StringIO(), tmp_path / "figures.json"
    with pytest.raises(
        CommandError, match=r"not yet measurable: S1\.granted_median, S8\.accepted.*--reached-only"
    ) as failure:
        call_command("published", figures="S8,S1.granted_median", stdout=out, json=file)
    assert failure.value.returncode == 1
    words = " ".join(out.getvalue().split())
    assert "once 27 July 2020 is over, and the programme's clock shows 27 July 2020, 23:59" in words
    assert "`manage simulate --resume --until 2020-07-28`" in words
    assert "there is nothing to count (people accepted in 2020" in words
    assert "`manage simulate --participants 20000 --year 2020` fills an empty database" in words
    call_command("published", figures="S8,S1.granted_median", reached_only=True, stdout=StringIO())
    clock.set(2020, 7, 28, 0)
    out = StringIO()
    call_command("published", figures="S8", reached_only=True, stdout=out)
    assert "once 27 July 2020 is over" not in " ".join(out.getvalue().split()), "the day is over: nobody is counted"
    objects = json.loads(file.read_text())
    assert {each["verdict"] for each in objects} == {"not yet"}
    assert objects[0] | {"as_of": ""} == {
        "id": "S1.granted_median",
        "system": "S1",
        "label": "Training balance granted to one person, median",
        "unit": "rupiah",
        "published": 1_000_000,
        "running": None,
        "difference": None,
        "tolerance": "exact",
        "verdict": "not yet",
        "why": objects[0]["why"],
        "from": None,
        "as_of": "",
        "base": BY_ID["S1.granted_median"].base,
        "counted": 0,
        "half_width_95": None,
        "details": {},
        "source": BY_ID["S1.granted_median"].source,
        "note": BY_ID["S1.granted_median"].note,
    }


@EVERYWHERE
def test_a_figure_outside_its_tolerance_fails_the_command(tmp_path: Path) -> None:
    ids = factories.accepted(10)
    answer(1, {"employment": {"unemployed": 10}, "helped": {"yes": 5, "no": 5}}, ids)
    file = tmp_path / "figures.json"
    with pytest.raises(CommandError) as failure:
        call_command("published", figures="S11.helped,S11.unemployed,S11.employees", json=file, stdout=StringIO())
    assert str(failure.value) == "outside their tolerance: S11.unemployed, S11.employees, S11.helped"
    assert failure.value.returncode == 1
    helped = json.loads(file.read_text())[2]
    assert (helped["running"], helped["difference"], helped["counted"], helped["from"]) == (50, -46, 10, "2020-05-19")
    assert helped["half_width_95"] == pytest.approx(196 * (0.25 / 10) ** 0.5)


@EVERYWHERE
def test_the_checker_sees_that_an_account_is_there_and_nothing_else_of_it() -> None:
    with connections["proof"].cursor() as cursor:
        cursor.execute("SELECT participant_id, verified_at FROM participants_payoutaccount")
        for column in ("masked", "holder_name", "number_encrypted", "partner"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                cursor.execute(f"SELECT {column} FROM participants_payoutaccount")


@pytest.mark.parametrize("name", ["S2", "S8.nothing", ""])
def test_a_figure_nobody_knows_is_named(name: str) -> None:
    with pytest.raises(CommandError, match=r"Write one of S1, S5, S6, S8, S9, S11"):
        call_command("published", figures=name, stdout=StringIO())


def test_the_page_is_made_from_the_figures() -> None:
    """`python3 dev manage published --explain > docs/figures.md` makes it again."""
    out = StringIO()
    call_command("published", explain=True, stdout=out)
    assert out.getvalue() == page(FIGURES) == (ROOT / "docs" / "figures.md").read_text()
    assert "docs/figures.md" in (ROOT / "README.md").read_text()


@EVERYWHERE
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none/figures\.json: No such file or directory\. Name a file in a folder"):
        call_command("published", figures="S1.cash", json=tmp_path / "none" / "figures.json", stdout=StringIO())
