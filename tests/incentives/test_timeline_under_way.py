"""Di mana uang saya?, once it was given out: what is known of handing it over, silence, words that do not fit."""

from datetime import date, timedelta

import pytest

from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.find_silent import find_silent
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.instalment_line import Happening
from bekal.incentives.models import PayoutException, PayoutFile, PayoutSending
from bekal.incentives.partners.file_exchange import FileAccess
from bekal.incentives.partners.rails import Rail
from bekal.incentives.pause_payout_run import pause_payout_run
from bekal.incentives.queries import InstalmentState, NextStep
from bekal.incentives.settle_payouts import settle_payouts
from tests import factories
from tests.factories import jakarta
from tests.incentives.journey import (
    EXPORTED_AT,
    FIRST_PAY_ON,
    SETTLED_AT,
    approved,
    earners,
    export,
    exported,
    references,
    settled,
)
from tests.incentives.partner import status_file
from tests.incentives.test_timeline import incentives

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("outcome", "on", "state", "turn"),
    [
        (None, FIRST_PAY_ON, InstalmentState.LEAVING, Side.CALENDAR),
        (None, FIRST_PAY_ON + timedelta(days=1), InstalmentState.LEAVING, Side.PROGRAMME),
        ("not_there", FIRST_PAY_ON, InstalmentState.LEAVING, Side.CALENDAR),
        ("begun", FIRST_PAY_ON, InstalmentState.UNKNOWN, Side.PARTNER),
        ("unknown", FIRST_PAY_ON, InstalmentState.UNKNOWN, Side.PARTNER),
        ("taken", FIRST_PAY_ON, InstalmentState.SENT, Side.PARTNER),
        ("refused", FIRST_PAY_ON, InstalmentState.LIST_REFUSED, Side.PROGRAMME),
    ],
)
def test_what_goes_by_itself_is_told_by_what_is_known_of_it(
    outcome: str | None, on: date, state: InstalmentState, turn: Side
) -> None:
    (person,) = earners()
    run_id = approved()
    rails = {"bni": Rail("bni", files=FileAccess("http://127.0.0.1:1", "t"))}
    assert export(run_id=run_id, at=EXPORTED_AT, rails=rails).refusal is None
    if outcome is not None:
        PayoutSending.objects.create(
            file=PayoutFile.objects.get(), act="hand_over", outcome=outcome, noted_at=EXPORTED_AT
        )
    line = incentives(person, on)[0]
    assert (line.state, line.turn, line.state_since_at) == (state, turn, EXPORTED_AT)
    pause_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=SETTLED_AT)
    is_still_here = state is InstalmentState.LEAVING
    assert incentives(person, on)[0].state is (InstalmentState.PAUSED if is_still_here else state)
    settled_line = status_file([(references(run_id)[0], 600_000, "settled", "")])
    settle_payouts(partner="bni", name="a.csv", content=settled_line, at=SETTLED_AT)
    assert incentives(person, on)[0].state is InstalmentState.SETTLED, "what the bank says at last holds"


def test_silence_is_told_and_so_is_its_end() -> None:
    (person,) = earners()
    run = exported()
    file = PayoutFile.objects.get()
    PayoutSending.objects.create(file=file, act="hand_over", outcome="taken", noted_at=EXPORTED_AT)
    later = jakarta(2020, 5, 4)
    assert find_silent(at=later) == 1
    line = incentives(person, date(2020, 5, 4))[0]
    assert (line.state, line.state_since_at, line.next_step) == (InstalmentState.SILENT, later, NextStep.WAIT_FOR_WORD)
    assert line.due_on == FIRST_PAY_ON + timedelta(days=1)
    settled(run, at=jakarta(2020, 5, 5))
    line = incentives(person, date(2020, 5, 5))[0]
    assert line.state is InstalmentState.SETTLED
    assert [step.what for step in line.steps[-3:]] == [Happening.QUESTIONED, Happening.SETTLED, Happening.ANSWERED]


def test_what_does_not_fit_the_books_is_in_question_until_it_is_cleared_up() -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    wrong = status_file([(reference, 600_001, "settled", "")])
    settle_payouts(partner="bni", name="salah.csv", content=wrong, at=SETTLED_AT)
    assert (incentives(person)[0].state, incentives(person)[0].turn) == (InstalmentState.IN_QUESTION, Side.PARTNER)
    settled(run)
    assert incentives(person)[0].state is InstalmentState.SETTLED, "it was paid, whatever was said before"
    contrary = status_file([(reference, 600_000, "rejected", "AC04")])
    settle_payouts(partner="bni", name="lawan.csv", content=contrary, at=SETTLED_AT)
    line = incentives(person)[0]
    assert (line.state, line.next_step) == (InstalmentState.IN_QUESTION, NextStep.WAIT_FOR_WORD)
    for row in PayoutException.objects.filter(resolved_at=None):
        clear_exception(exception_id=row.pk, officer_id=factories.officer().pk, note="Sudah jelas.", at=SETTLED_AT)
    assert incentives(person)[0].state is InstalmentState.SETTLED
