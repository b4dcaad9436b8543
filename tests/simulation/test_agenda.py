"""What was put down for a day is taken on that day, whole, and in an order that depends on nothing else."""

from datetime import date, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bekal.ledger.clock import JAKARTA
from bekal.simulation.agenda import NEVER, Agenda, What

FIRST = date(2020, 4, 11)
ROWS = st.lists(st.tuples(st.integers(-1, 9), st.integers(0, 50), st.integers(1, 3)), max_size=40)


def put(agenda: Agenda, rows: list[tuple[int, int, int]]) -> None:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    days = np.where(columns[:, 0] < 0, NEVER, FIRST.toordinal() + columns[:, 0])
    agenda.put(What.ATTEND, days, columns[:, 1], columns[:, 2])


@given(ROWS, st.integers(0, 40))
def test_every_row_comes_once_on_its_day_sorted_however_it_was_put_down(
    rows: list[tuple[int, int, int]], cut: int
) -> None:
    whole, parts = Agenda(), Agenda()
    put(whole, rows)
    put(parts, rows[cut:])
    put(parts, rows[:cut])
    for number in range(10):
        day = date.fromordinal(FIRST.toordinal() + number)
        expected = sorted((person, session) for on, person, session in rows if on == number)
        assert [tuple(row) for row in whole.take(day, What.ATTEND).tolist()] == expected
        assert [tuple(row) for row in parts.take(day, What.ATTEND).tolist()] == expected
        assert not len(whole.take(day, What.ATTEND)), "taken is gone"


def test_what_has_been_lived_is_not_put_down_again() -> None:
    agenda = Agenda(datetime(2020, 4, 12, 12, 0, tzinfo=JAKARTA))
    days = np.array([date(2020, 4, 11).toordinal(), date(2020, 4, 12).toordinal(), date(2020, 4, 13).toordinal()])
    for what in (What.BUY, What.REDEEM, What.REVIEW):
        agenda.put(what, days, np.array([1, 2, 3]))
    assert agenda.take(date(2020, 4, 12), What.BUY).tolist() == [], "eleven o'clock has passed"
    assert agenda.take(date(2020, 4, 12), What.REDEEM).tolist() == [], "twelve o'clock has just been lived"
    assert agenda.take(date(2020, 4, 12), What.REVIEW).tolist() == [[2]]
    assert agenda.take(date(2020, 4, 13), What.BUY).tolist() == [[3]]
    assert agenda.take(date(2020, 4, 11), What.REVIEW).tolist() == []
