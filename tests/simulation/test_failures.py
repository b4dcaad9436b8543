"""Failures are data and follow the seed: about four of a thousand transfers, for reasons in their shares."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bekal.simulation.draws import Draws
from bekal.simulation.failures import (
    FAILURES,
    FAILURES_FILE,
    NONE,
    FailuresError,
    Kind,
    load_failures,
    next_working_day,
)
from bekal.simulation.life import Life
from bekal.simulation.model import MODEL
from bekal.simulation.walk import REJECT_EVERY

COUNT = 200_000


def drawn(seed: int, attempt: int = 1) -> Any:
    people = np.arange(COUNT)
    ones = np.full(COUNT, attempt)
    return FAILURES.rejections(Draws(seed, COUNT), people, np.zeros(COUNT, dtype=np.int64), ones, 1 / REJECT_EVERY)


def test_four_of_a_thousand_fail_each_time_for_reasons_in_their_shares() -> None:
    assert MODEL.payout_rejected_share == 1 / REJECT_EVERY == 0.004
    for attempt in (1, 2):
        reasons = drawn(1, attempt)
        failed = reasons[reasons != NONE]
        assert abs(len(failed) / COUNT - 0.004) < 0.0006
        for place, weight in enumerate(FAILURES.weights.values()):
            assert abs(np.mean(failed == place) - weight / 100) < 0.08
    assert (drawn(1) == drawn(1)).all() and (drawn(1) != drawn(2)).any() and (drawn(1) != drawn(1, 2)).any()


def test_whoever_asks_in_parts_gets_the_same() -> None:
    people, zeros = np.arange(COUNT), np.zeros(COUNT, dtype=np.int64)
    draws = Draws(1, COUNT)
    parts = [
        FAILURES.rejections(draws, people[part], zeros[part], zeros[part] + 1, 0.2)
        for part in (slice(0, 70), slice(70, COUNT))
    ]
    assert (np.concatenate(parts) == FAILURES.rejections(draws, people, zeros, zeros + 1, 0.2)).all()
    assert (FAILURES.rejections(draws, people, zeros, zeros + 1, 0.0) == NONE).all()


def test_the_file_says_who_fails_when() -> None:
    assert FAILURES.happens(Kind.OUTAGE, "gopay", date(2020, 8, 25))
    assert not FAILURES.happens(Kind.OUTAGE, "gopay", date(2020, 9, 25))
    assert FAILURES.iso_of("bni", date(2020, 12, 31)) is None and FAILURES.iso_of("bni", date(2021, 1, 1)) is not None
    assert {kind for kind, _, _ in FAILURES.events} == set(Kind), "each kind of failure happens in the year"
    assert next_working_day(date(2020, 12, 23)) == date(2020, 12, 28)
    assert FAILURES.place_of("BE01") == 2 and FAILURES.place_of("XX99") == 0


def test_an_account_that_was_rejected_stays_so_until_another_is_named() -> None:
    life = Life.__new__(Life)
    life.draws, life.scripted_places = Draws(1, 4), np.array([3])
    life.failing_for, life.repaired_on = np.array([1, 1, NONE, 1]), np.array([20, 19, -1, 20])
    people, zeros = np.arange(4), np.zeros(4, dtype=np.int64)
    asked = life.rejections(people, zeros, zeros + 2, share=0.0, on=20)
    assert asked.tolist() == [1, NONE, NONE, NONE], "the second has another since yesterday, the fourth has a script"


def bent(change: Callable[[dict[str, Any]], object]) -> str:
    read = yaml.safe_load(FAILURES_FILE.read_text(encoding="utf-8"))
    change(read)
    return yaml.safe_dump(read)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "NoneType"),
        ("reasons: [", "while parsing"),
        (bent(lambda read: read["reasons"].clear()), "name at least one"),
        (bent(lambda read: read["reasons"]["AM14"].update(weight=0)), "weight 0: write a whole number"),
        (bent(lambda read: read["reasons"]["AM14"].update(assumption="")), "needs a label"),
        (bent(lambda read: read["partners"]["bni"].update(form="csv")), "a partner's form is pain.001"),
        (bent(lambda read: read["partners"]["bni"].update(since="soon")), "since soon: write a day"),
        (bent(lambda read: read["partners"].update(bank=read["partners"]["bni"])), "bank is no partner"),
        (bent(lambda read: read["events"][0].update(kind="fire")), "'fire' is not a valid Kind"),
        (bent(lambda read: read["events"][0].update(day=date(2020, 8, 26))), "2020-08-26 is no day of payment"),
        (bent(lambda read: read["events"][3].update(day=date(2020, 8, 25))), "gives no statement of 2020-08-25"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_a_sentence(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "failures.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FailuresError, match=f"failures.yaml: .*{fault}"):
        load_failures(path)
