"""The demo's clock goes on to the next day of payment, and never back."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bekal.ledger.clock import programme_now, set_programme_clock
from tests.factories import RECONCILED_AT, jakarta
from tests.incentives.journey import FIRST_PAY_ON, earners, exported

pytestmark = pytest.mark.django_db


def moved(*arguments: str) -> str:
    out = StringIO()
    call_command("demo-clock", *arguments, stdout=out)
    return out.getvalue()


def test_it_goes_to_the_next_day_on_which_money_is_due() -> None:
    earners(1)
    set_programme_clock(at=RECONCILED_AT)
    assert f"{FIRST_PAY_ON} 09:00" in moved()
    assert jakarta(2020, 4, 27, 9) <= programme_now() < jakarta(2020, 4, 27, 10)
    exported()
    assert "2020-05-26 09:00" in moved(), "the 25th is a holiday"
    assert "2020-06-01 09:00" in moved("--day", "2020-06-01")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--day", "soon"], "--day is soon"),
        (["--day", "2020-04-24"], "only goes on"),
        ([], "Nothing is due after 2020-04-25"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], said: str) -> None:
    set_programme_clock(at=RECONCILED_AT)
    before = programme_now()
    with pytest.raises(CommandError, match=said):
        moved(*arguments)
    assert (programme_now() - before).total_seconds() < 60


def test_a_real_programme_has_no_other_clock() -> None:
    earners(1)
    with pytest.raises(CommandError, match="was not simulated"):
        moved()
