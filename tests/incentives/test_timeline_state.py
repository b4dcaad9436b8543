"""Every combination of rows has its state, and no state says what the rows do not: all of them are walked."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from bekal.core.rules import RULES
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.instalment_line import TURNS, Happening, InstalmentState, NextStep
from bekal.incentives.models import PayoutCall, PayoutException, PayoutSending, PayoutStatus
from bekal.incentives.reasons import NOT_THE_ACCOUNT
from bekal.incentives.timeline_rows import Attempt, EarnedRow, Question, Word
from bekal.incentives.timeline_state import Standing, standing_of, steps_of
from bekal.participants.models import PayoutAccount
from tests.factories import jakarta
from tests.incentives.journey import APPROVED_AT, EXPORTED_AT, FIRST_PAY_ON, PLANNED_AT, SETTLED_AT

Said, Trouble, State = PayoutStatus.State, PayoutException.Kind, InstalmentState
BEFORE, LATE = FIRST_PAY_ON - timedelta(days=3), FIRST_PAY_ON + timedelta(days=9)
# What can be said of one payment, in the order in which it can be: what was rejected was never paid.
SAID: tuple[tuple[Said, ...], ...] = (
    (),
    (Said.WITHHELD,),
    (Said.SENT,),
    (Said.SENT, Said.ACCEPTED),
    (Said.SENT, Said.SETTLED),
    (Said.SENT, Said.ACCEPTED, Said.SETTLED),
    (Said.SENT, Said.REJECTED),
    (Said.SENT, Said.ACCEPTED, Said.REJECTED),
    (Said.SENT, Said.SETTLED, Said.RETURNED),
    (Said.SENT, Said.SETTLED, Said.REVERSED),
)
QUESTIONS: tuple[Trouble | None, ...] = (None, *(kind for kind in Trouble if kind != Trouble.UNKNOWN_REFERENCE))
ENDS = (Said.REJECTED, Said.RETURNED, Said.REVERSED)


def words_of(said: tuple[Said, ...], reason: str) -> tuple[Word, ...]:
    return tuple(
        Word(state, reason if state in ENDS else "", EXPORTED_AT + timedelta(hours=number))
        for number, state in enumerate(said)
    )


def attempt(**fields: Any) -> Attempt:
    known: dict[str, Any] = {
        "attempt": 1,
        "reference": "BKL00000000000001A01",
        "partner": "bni",
        "masked_account": "••••••6789",
        "run_id": 1,
        "planned_for": FIRST_PAY_ON,
        "planned_at": PLANNED_AT,
        "approved_at": APPROVED_AT,
        "paused_at": None,
        "cancelled_at": None,
        "is_stale": False,
        "form": "csv",
        "leaves_by_itself": False,
        "sending": None,
        "call": None,
    }
    return Attempt(**known | fields)


def attempts() -> Iterator[Attempt]:
    """Whatever one attempt can be."""
    ways: list[tuple[str, str | None, str | None]] = [
        ("csv", None, None),
        *(("pain.001", outcome, None) for outcome in (None, *PayoutSending.Outcome.values)),
        *(("calls", None, outcome) for outcome in (None, *PayoutCall.Outcome.values)),
    ]
    for said, kind, paused, (form, sending, call), reason in product(
        SAID, QUESTIONS, (None, SETTLED_AT), ways, ("AC04", "AM04")
    ):
        owner = PayoutException.Owner.OFFICE if kind == Trouble.CLAWED_BACK else PayoutException.Owner.PARTNER
        asked = () if kind is None else (Question(kind, owner, SETTLED_AT, None),)
        yield attempt(
            words=words_of(said, reason),
            questions=asked,
            paused_at=paused,
            form=form,
            leaves_by_itself=form != "csv",
            sending=sending,
            call=call,
        )
    for approved, cancelled, stale, paused in product((None, APPROVED_AT), (None, SETTLED_AT), (False, True), (0, 1)):
        at = SETTLED_AT if paused else None
        yield attempt(approved_at=approved, cancelled_at=cancelled, is_stale=stale, paused_at=at)


def accounts() -> list[PayoutAccount | None]:
    def account(verified_at: datetime | None, pays_from_at: datetime | None) -> PayoutAccount:
        return PayoutAccount(partner="bni", masked="••••••6789", verified_at=verified_at, pays_from_at=pays_from_at)

    long_ago = jakarta(2020, 4, 1)
    changed = (None, long_ago, SETTLED_AT + timedelta(days=3))
    return [None, account(None, None), *(account(long_ago, pays_from_at) for pays_from_at in changed)]


def earned(*tries: Attempt, held: bool = False, **fields: Any) -> EarnedRow:
    known: dict[str, Any] = {
        "participation_id": 1,
        "kind": "incentive",
        "instalment": 1,
        "amount_rupiah": 600_000,
        "scheduled_on": date(2020, 4, 25),
        "payment_on": FIRST_PAY_ON,
        "entitled_at": jakarta(2020, 4, 20),
        "lapsed_at": None,
        "revoked_before_at": None,
        "held_at": PLANNED_AT if held else None,
        "held_due_on": LATE if held else None,
    }
    return EarnedRow(**known | fields, attempts=tries)


def check(row: EarnedRow, account: PayoutAccount | None, on: date, told: Standing) -> None:
    """What the state says is what the rows say; asked the other way round than it was decided."""
    newest = row.newest
    said = {word.state for word in newest.words} if newest is not None else set()
    last = newest.last.state if newest is not None and newest.last is not None else None
    asked = {one.kind for one in newest.questions} if newest is not None else set()
    is_out = Said.SENT in said and not said & {Said.SETTLED, *ENDS}
    claims = {
        State.SETTLED: last == Said.SETTLED and not asked & {Trouble.CONTRADICTION, Trouble.CLAWED_BACK},
        State.IN_QUESTION: bool(asked - {Trouble.SILENT}),
        State.SILENT: is_out and Trouble.SILENT in asked,
        State.ACCEPTED: is_out and (Said.ACCEPTED in said or (newest is not None and newest.call == "accepted")),
        State.UNKNOWN: is_out
        and newest is not None
        and "begun unknown".find(newest.sending or newest.call or "-") >= 0,
        State.LIST_REFUSED: is_out and newest is not None and newest.sending == "refused",
        State.SENT: is_out,
        State.LEAVING: is_out and newest is not None and newest.leaves_by_itself and newest.paused_at is None,
        State.PAUSED: newest is not None and newest.paused_at is not None and last in (None, Said.SENT),
        State.APPROVED: newest is not None and last is None and newest.approved_at is not None,
        State.IN_RUN: newest is not None and last is None and newest.approved_at is None,
        State.TO_LIST_ANEW: newest is not None and last is None and newest.is_stale,
        State.REJECTED: last == Said.REJECTED,
        State.SENT_BACK: last == Said.RETURNED,
        State.TAKEN_BACK: last == Said.REVERSED,
        State.HELD: row.held_at is not None and not is_out,
        State.WAITING_ACCOUNT: account is None or account.verified_at is None,
        State.WAITING_CHANGE: account is not None and account.pays_from_at is not None,
        State.PLANNED: on < row.payment_on and account is not None,
        State.DUE: on >= row.payment_on and account is not None and not is_out,
    }
    assert claims[told.state], (told, row, account)
    # Money that is out is never told to be waiting for its owner, nor money that is there.
    if is_out or last == Said.SETTLED:
        assert TURNS[told.step] is not Side.PARTICIPANT, (told, row)
        assert told.state not in (State.PLANNED, State.DUE, State.HELD, State.WAITING_ACCOUNT, State.WAITING_CHANGE)
    if TURNS[told.step] is Side.NOBODY:
        assert told.state is State.SETTLED, (told, row)
    if told.step is NextStep.CHECK_ACCOUNT:
        assert newest is not None and newest.last is not None and newest.last.reason_code not in NOT_THE_ACCOUNT


def test_every_combination_of_one_attempt_is_told_truly() -> None:
    seen: set[InstalmentState] = set()
    for one, account, held, on in product(attempts(), accounts(), (False, True), (BEFORE, FIRST_PAY_ON, LATE)):
        row = earned(one, held=held)
        told = standing_of(row, account, on)
        check(row, account, on, told)
        seen.add(told.state)
    before_earned = {State.WAITING_PURCHASE, State.WAITING_EVIDENCE, State.WAITING_RECONCILIATION, State.WAITING_ANSWER}
    of_the_account = {State.ACCOUNT_FAILED}
    elsewhere = before_earned | of_the_account | {State.DEADLINE_PASSED, State.UNPROVEN, State.RETURNED}
    assert seen == set(InstalmentState) - elsewhere


def test_what_the_bank_says_of_the_account_counts_where_nothing_is_under_way() -> None:
    account = accounts()[2]
    failed = {"standing": "failed", "check_reason": "AC04", "checked_at": SETTLED_AT}
    for one, on in product(attempts(), (BEFORE, FIRST_PAY_ON, LATE)):
        without, told = standing_of(earned(one), account, on), standing_of(earned(one, **failed), account, on)
        if without.state in (State.PLANNED, State.DUE):
            assert told == Standing(State.ACCOUNT_FAILED, SETTLED_AT, NextStep.CHECK_ACCOUNT)
        else:
            assert told == without
    # Once it says that the account is in order again, what it had rejected is due.
    later = SETTLED_AT + timedelta(days=1)
    rejected = attempt(words=words_of(SAID[6], "AC04"))
    for checked_at, state in ((later, State.DUE), (EXPORTED_AT, State.REJECTED)):
        row = earned(rejected, standing="payable", checked_at=checked_at)
        assert standing_of(row, account, LATE).state is state


def test_of_several_attempts_the_newest_that_counts_is_told() -> None:
    account = accounts()[2]
    ended = [attempt(words=words_of(said, "AC04")) for said in SAID if said and said[-1] in (*ENDS, Said.WITHHELD)] + [
        attempt(cancelled_at=SETTLED_AT)
    ]
    for first, second, held, on in product(ended, attempts(), (False, True), (BEFORE, FIRST_PAY_ON)):
        both = standing_of(earned(first, second, held=held), account, on)
        alone = standing_of(earned(second, held=held), account, on)
        if second.was_ever_live:
            assert both == alone
        else:
            assert both == standing_of(earned(first, held=held), account, on)


def test_what_lapsed_or_was_earned_after_the_place_was_lost_is_returned_whatever_else_was() -> None:
    for one, account in product((attempt(), attempt(words=words_of(SAID[6], "AC04"))), accounts()):
        for fields in ({"lapsed_at": SETTLED_AT}, {"revoked_before_at": SETTLED_AT}):
            told = standing_of(earned(one, **fields), account, LATE)
            assert told == Standing(State.RETURNED, SETTLED_AT, NextStep.NOTHING)


def test_every_step_has_its_turn() -> None:
    assert set(TURNS) == set(NextStep)


def test_everything_that_happened_stands_in_order() -> None:
    seen: set[Happening] = set()
    for one in attempts():
        steps = steps_of(earned(one, lapsed_at=SETTLED_AT + timedelta(days=1)))
        assert [step.at for step in steps] == sorted(step.at for step in steps)
        told = [step.what for step in steps]
        assert told[0] is Happening.EARNED and told[-1] is Happening.LAPSED
        assert len(told) == 3 + len(one.words) + len(one.questions) + sum(
            at is not None for at in (one.approved_at, one.cancelled_at, None if one.cancelled_at else one.paused_at)
        )
        seen.update(told)
    ended = attempt(questions=(Question(Trouble.SILENT, PayoutException.Owner.PARTNER, SETTLED_AT, SETTLED_AT),))
    seen.update(step.what for step in steps_of(earned(ended)))
    assert seen == set(Happening)


@pytest.mark.parametrize("sent_at", [EXPORTED_AT, EXPORTED_AT + timedelta(days=4)])
def test_by_when_the_partner_has_to_answer_follows_the_rule(sent_at: datetime) -> None:
    one = attempt(words=(Word(Said.SENT, "", sent_at),))
    due_on = standing_of(earned(one), None, FIRST_PAY_ON).due_on
    assert due_on is not None and RULES.value("payout_answer_days", FIRST_PAY_ON) == 1
    # 27 April is a Monday; 1 May a Friday and Labour Day.
    assert due_on == (date(2020, 4, 28) if sent_at == EXPORTED_AT else date(2020, 5, 4))
