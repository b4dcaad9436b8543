"""Where an earned instalment is, decided from its rows alone: no query, no clock, every combination has its state."""

from dataclasses import dataclass
from datetime import date, datetime

from bekal.incentives.account_standing import Standing as OfAccount
from bekal.incentives.find_silent import answer_due_on
from bekal.incentives.instalment_line import Happening, InstalmentState, NextStep, TimelineStep
from bekal.incentives.models import PayoutCall, PayoutException, PayoutSending, PayoutStatus
from bekal.incentives.reasons import NOT_THE_ACCOUNT
from bekal.incentives.timeline_rows import Attempt, EarnedRow, Question, Word
from bekal.ledger.clock import programme_day
from bekal.participants.models import PayoutAccount

Trouble, Said = PayoutException.Kind, PayoutStatus.State
# What a partner may have said of a payment that is under way, of one that ended, and of one that was paid.
_WHILE_SENT = (Trouble.OTHER_PARTNER, Trouble.AMOUNT_MISMATCH, Trouble.CONTRADICTION)
_WHEN_PAID = (Trouble.CONTRADICTION, Trouble.CLAWED_BACK)
_NOT_KNOWN = frozenset(
    {
        PayoutSending.Outcome.BEGUN.value,
        PayoutSending.Outcome.UNKNOWN.value,
        PayoutCall.Outcome.BEGUN.value,
        PayoutCall.Outcome.UNKNOWN.value,
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where it stands, since when, what happens next, and by when it is to."""

    state: InstalmentState
    since_at: datetime | None
    step: NextStep
    due_on: date | None = None


def standing_of(row: EarnedRow, account: PayoutAccount | None, on: date) -> Standing:
    """Where one earned instalment stands on a day, for the account its owner has now."""
    # With a clawback everything went that had been earned and not been paid; what was earned after the place was lost
    # is never paid.
    if lost_at := row.lapsed_at or row.revoked_before_at:
        return Standing(InstalmentState.RETURNED, lost_at, NextStep.NOTHING)
    newest = row.newest
    if newest is not None and newest.last is None and row.held_at is None:
        return _listed(newest, account, on)
    # Who named another account since a partner said no, or whose account is in order again, has done their part.
    if newest is not None and newest.last is not None:
        is_mended = (
            _changed_since(newest.last, account) or _is_payable_since(newest.last, row) or has_turned(newest, account)
        )
        found = _answered(newest, newest.last, is_mended=is_mended, on=on)
        if found is not None:
            return found
    return _to_be_listed(row, account, on)


def _listed(newest: Attempt, account: PayoutAccount | None, on: date) -> Standing:
    """On a list that has not left."""
    step, due_on = NextStep.WAIT_FOR_OFFICE, newest.planned_for
    if newest.is_stale:
        waiting = _waiting_change(account, on)
        return waiting or Standing(InstalmentState.TO_LIST_ANEW, newest.planned_at, step, due_on)
    if newest.paused_at is not None:
        return Standing(InstalmentState.PAUSED, newest.paused_at, step, due_on)
    if newest.approved_at is not None:
        return Standing(InstalmentState.APPROVED, newest.approved_at, step, due_on)
    return Standing(InstalmentState.IN_RUN, newest.planned_at, step, due_on)


def _answered(newest: Attempt, last: Word, *, is_mended: bool, on: date) -> Standing | None:
    """Once it was sent; None where it came to an end and is simply due again."""
    match last.state:
        case Said.SETTLED:
            asked = newest.question(*_WHEN_PAID)
            return _in_question(asked) or Standing(InstalmentState.SETTLED, last.at, NextStep.NOTHING)
        case Said.SENT | Said.ACCEPTED:
            return _in_question(newest.question(*_WHILE_SENT)) or _under_way(newest, last, on)
        case Said.WITHHELD:
            raise AssertionError("what was kept back is no attempt that counts")
    if asked := newest.question(Trouble.CONTRADICTION):
        return _in_question(asked)
    if last.state == Said.REVERSED:
        return Standing(InstalmentState.TAKEN_BACK, last.at, NextStep.WAIT_FOR_OFFICE)
    if is_mended:
        return None
    # Mostly another look at the account helps, sometimes there is nothing the person could do.
    step = NextStep.WAIT_FOR_OFFICE if last.reason_code in NOT_THE_ACCOUNT else NextStep.CHECK_ACCOUNT
    state = InstalmentState.REJECTED if last.state == Said.REJECTED else InstalmentState.SENT_BACK
    return Standing(state, last.at, step)


def _in_question(asked: Question | None) -> Standing | None:
    if asked is None:
        return None
    is_partners = asked.owner == PayoutException.Owner.PARTNER
    step = NextStep.WAIT_FOR_WORD if is_partners else NextStep.WAIT_FOR_OFFICE
    return Standing(InstalmentState.IN_QUESTION, asked.at, step)


def _under_way(newest: Attempt, last: Word, on: date) -> Standing:
    """Sent, with whatever is known of it: the partner's turn once it has it, ours before."""
    due_on = answer_due_on(max(newest.planned_for, programme_day(newest.at_of(Said.SENT) or last.at)))
    if silent := newest.question(Trouble.SILENT):
        return Standing(InstalmentState.SILENT, silent.at, NextStep.WAIT_FOR_WORD, due_on)
    if last.state == Said.ACCEPTED or newest.call == PayoutCall.Outcome.ACCEPTED:
        return Standing(InstalmentState.ACCEPTED, last.at, NextStep.WAIT_FOR_PARTNER, due_on)
    heard = newest.call if newest.is_by_call else newest.sending
    if heard in _NOT_KNOWN:
        return Standing(InstalmentState.UNKNOWN, last.at, NextStep.WAIT_FOR_WORD, due_on)
    if heard == PayoutSending.Outcome.REFUSED:
        return Standing(InstalmentState.LIST_REFUSED, last.at, NextStep.WAIT_FOR_OFFICE)
    # An officer hands it over by hand, or the partner has it.
    if not newest.leaves_by_itself or heard == PayoutSending.Outcome.TAKEN:
        return Standing(InstalmentState.SENT, last.at, NextStep.WAIT_FOR_PARTNER, due_on)
    if newest.paused_at is not None:
        return Standing(InstalmentState.PAUSED, newest.paused_at, NextStep.WAIT_FOR_OFFICE, newest.planned_for)
    step = NextStep.WAIT_FOR_DAY if on <= newest.planned_for else NextStep.WAIT_FOR_OFFICE
    return Standing(InstalmentState.LEAVING, last.at, step, newest.planned_for)


def _to_be_listed(row: EarnedRow, account: PayoutAccount | None, on: date) -> Standing:
    """On no list: what it waits for before it can be on one."""
    if account is None or account.verified_at is None:
        due_on = row.payment_on if on <= row.payment_on else None
        return Standing(InstalmentState.WAITING_ACCOUNT, row.entitled_at, NextStep.SET_ACCOUNT, due_on)
    if row.held_at is not None:
        return Standing(InstalmentState.HELD, row.held_at, NextStep.WAIT_FOR_OFFICE, row.held_due_on)
    if waiting := _waiting_change(account, on):
        return waiting
    if row.standing == OfAccount.FAILED:
        return Standing(InstalmentState.ACCOUNT_FAILED, row.checked_at, NextStep.CHECK_ACCOUNT)
    if on < row.payment_on:
        return Standing(InstalmentState.PLANNED, row.entitled_at, NextStep.WAIT_FOR_DAY, row.payment_on)
    # Nobody is late before there was an account to pay to, and an attempt that had come to its end.
    ended_at = row.newest.last.at if row.newest is not None and row.newest.last is not None else None
    since_at = [at for at in (account.verified_at, account.pays_from_at, ended_at) if at is not None]
    due_on = max([row.payment_on, *(programme_day(at) for at in since_at)])
    return Standing(InstalmentState.DUE, None, NextStep.WAIT_FOR_OFFICE, due_on)


def _waiting_change(account: PayoutAccount | None, on: date) -> Standing | None:
    if account is None or account.pays_from_at is None or programme_day(account.pays_from_at) < on:
        return None
    due_on = programme_day(account.pays_from_at)
    return Standing(InstalmentState.WAITING_CHANGE, None, NextStep.WAIT_FOR_CHANGE, due_on)


def _changed_since(last: Word, account: PayoutAccount | None) -> bool:
    """Whether another account took the place of the one a partner could not pay to: what goes to it is planned only
    when its waiting is over, so an answer from before that is not about it."""
    if account is None or account.pays_from_at is None:
        return False
    return last.state in (Said.REJECTED, Said.RETURNED) and account.pays_from_at > last.at


def has_turned(newest: Attempt, account: PayoutAccount | None) -> bool:
    """Whether the next attempt goes to another account than the one that a partner could not pay to."""
    is_no = newest.last is not None and newest.last.state in (Said.REJECTED, Said.RETURNED)
    return is_no and newest.is_stale and account is not None and account.verified_at is not None


def _is_payable_since(last: Word, row: EarnedRow) -> bool:
    """Whether the bank or wallet, asked again after its no, says that the account can be paid to."""
    if last.state not in (Said.REJECTED, Said.RETURNED) or row.checked_at is None:
        return False
    return row.standing == OfAccount.PAYABLE and row.checked_at > last.at


_HAPPENED = {
    Said.SENT: Happening.SENT,
    Said.ACCEPTED: Happening.ACCEPTED,
    Said.SETTLED: Happening.SETTLED,
    Said.REJECTED: Happening.REJECTED,
    Said.RETURNED: Happening.SENT_BACK,
    Said.REVERSED: Happening.TAKEN_BACK,
    Said.WITHHELD: Happening.KEPT_BACK,
}


def steps_of(row: EarnedRow) -> tuple[TimelineStep, ...]:
    """Everything that happened to one instalment, the oldest first."""
    steps = [TimelineStep(Happening.EARNED, row.entitled_at)]
    for one in row.attempts:
        steps += _steps_of_attempt(one)
    if row.lapsed_at is not None:
        steps.append(TimelineStep(Happening.LAPSED, row.lapsed_at))
    # Of one instant in the order in which they are written here.
    return tuple(sorted(steps, key=lambda step: step.at))


def _steps_of_attempt(one: Attempt) -> list[TimelineStep]:
    def step(what: Happening, at: datetime, reason_code: str = "") -> TimelineStep:
        about = (one.attempt, one.reference, one.run_id, one.partner, one.masked_account, one.planned_for)
        return TimelineStep(what, at, *about, reason_code)

    found = [step(Happening.LISTED, one.planned_at)]
    if one.approved_at is not None:
        found.append(step(Happening.LIST_APPROVED, one.approved_at))
    if one.cancelled_at is not None:
        found.append(step(Happening.LIST_CANCELLED, one.cancelled_at))
    if one.paused_at is not None and one.cancelled_at is None:
        found.append(step(Happening.PAUSED, one.paused_at))
    found += [step(_HAPPENED[word.state], word.at, word.reason_code) for word in one.words]
    for asked in one.questions:
        found.append(step(Happening.QUESTIONED, asked.at, asked.kind.value))
        if asked.ended_at is not None:
            found.append(step(Happening.ANSWERED, asked.ended_at, asked.kind.value))
    return found
