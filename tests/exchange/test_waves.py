"""Waves come in with their days and places, those of the past too."""

from datetime import date
from pathlib import Path

import pytest

from bekal.participants.models import Wave
from tests import factories
from tests.exchange.door import WAVES, imported, places, refused, table
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


def test_waves_come_in_once_and_change_where_they_differ(tmp_path: Path) -> None:
    path = table(tmp_path, WAVES)
    assert "2 waves added, 0 waves changed, 0 waves unchanged" in imported("waves", path)
    assert Wave.objects.order_by("number").values_list("number", "opens_on", "closes_on", "quota_count")[0] == (
        1,
        date(2020, 4, 11),
        date(2020, 4, 16),
        3,
    )
    with nothing_changes():
        assert "0 waves added, 0 waves changed, 2 waves unchanged" in imported("waves", path)
    more = table(tmp_path, WAVES.replace("16,3", "17,5") + "3,2020-04-27,2020-04-30,1\n")
    assert "1 waves added, 1 waves changed, 1 waves unchanged" in imported("waves", more)
    assert Wave.objects.get(number=1).quota_count == 5


def test_a_wave_that_cannot_be_is_refused(tmp_path: Path) -> None:
    bad = "number,opens_on,closes_on,quota_count\n1,2020-04-16,2020-04-11,5\n0,2020-04-11,2020-04-16,5\n"
    bad += (
        "2,2020-04-11,2020-04-16,0\n3,11.04.2020,2020-04-16,5\n4,2020-04-11,2020-04-16,5\n4,2020-04-11,2020-04-16,6\n"
    )
    problems = refused("waves", table(tmp_path, bad))
    assert places(problems) == [
        ("2", "closes_on"),
        ("3", "number"),
        ("4", "quota_count"),
        ("5", "opens_on"),
        ("7", "number"),
    ]


def test_a_wave_keeps_room_and_days_for_those_it_has_accepted(tmp_path: Path) -> None:
    factories.accepted(3, at=factories.jakarta(2020, 4, 20))
    wave = Wave.objects.get()
    text = f"number,opens_on,closes_on,quota_count\n{wave.number},2020-04-21,2020-04-23,2\n"
    problems = refused("waves", table(tmp_path, text))
    assert places(problems) == [("2", "quota_count"), ("2", "opens_on")]
    assert "3 people were accepted" in problems[0][3] and "on 2020-04-20" in problems[1][3]
