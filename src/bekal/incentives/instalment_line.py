"""What is told of one instalment: its state, whose turn it is and by when, why it is paid that day, what happened."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bekal.core.entitlement import InstalmentKind
from bekal.core.schedule import PaymentDay
from bekal.incentives.finished_unpaid import Side


class InstalmentState(StrEnum):
    """From the first training to the money in the account, and what can come instead.

    Due: its day has come, and the next list takes it. To list anew: the account was changed since the list was made,
    so it stays behind when that leaves. Leaving: with its list made, the payment is not handed over yet. Unknown:
    handed over, or perhaps so, and not clearly answered. Silent: not a word although the time for an answer is over.
    List refused: the partner did not take the file it stands in. In question: what a partner said of it does not fit
    the books. Sent back: it was paid, and the bank returned it to the programme. Taken back: it was paid, and the
    programme reversed it. Both are due again. Held: an officer decides whether it is paid. Waiting change: the account
    took the place of another, and is not paid to before its hours are over. Account failed: its bank or wallet,
    asked before money goes there, says that it cannot be paid to. Unproven: every training ended without its proof, and
    none can be bought any more. Returned: to the treasury.
    """

    WAITING_PURCHASE = "waiting_purchase"
    WAITING_EVIDENCE = "waiting_evidence"
    WAITING_RECONCILIATION = "waiting_reconciliation"
    WAITING_ANSWER = "waiting_answer"
    DEADLINE_PASSED = "deadline_passed"
    WAITING_ACCOUNT = "waiting_account"
    WAITING_CHANGE = "waiting_change"
    ACCOUNT_FAILED = "account_failed"
    PLANNED = "planned"
    DUE = "due"
    HELD = "held"
    IN_RUN = "in_run"
    APPROVED = "approved"
    TO_LIST_ANEW = "to_list_anew"
    PAUSED = "paused"
    LEAVING = "leaving"
    UNKNOWN = "unknown"
    LIST_REFUSED = "list_refused"
    SENT = "sent"
    ACCEPTED = "accepted"
    SILENT = "silent"
    IN_QUESTION = "in_question"
    SETTLED = "settled"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"
    TAKEN_BACK = "taken_back"
    UNPROVEN = "unproven"
    RETURNED = "returned"


class NextStep(StrEnum):
    """What happens next, and so whose turn it is (`TURNS`)."""

    BUY_TRAINING = "buy_training"
    REDEEM_CODE = "redeem_code"
    WAIT_FOR_INSTITUTION = "wait_for_institution"
    CONFIRM_SESSIONS = "confirm_sessions"
    GIVE_REVIEW = "give_review"
    WAIT_FOR_OFFICE = "wait_for_office"
    WAIT_FOR_SURVEY = "wait_for_survey"
    SET_ACCOUNT = "set_account"
    CHECK_ACCOUNT = "check_account"
    WAIT_FOR_CHANGE = "wait_for_change"
    WAIT_FOR_DAY = "wait_for_day"
    WAIT_FOR_PARTNER = "wait_for_partner"
    WAIT_FOR_WORD = "wait_for_word"
    NOTHING = "nothing"


TURNS: dict[NextStep, Side] = {
    NextStep.BUY_TRAINING: Side.PARTICIPANT,
    NextStep.REDEEM_CODE: Side.PARTICIPANT,
    NextStep.WAIT_FOR_INSTITUTION: Side.INSTITUTION,
    NextStep.CONFIRM_SESSIONS: Side.PARTICIPANT,
    NextStep.GIVE_REVIEW: Side.PARTICIPANT,
    NextStep.WAIT_FOR_OFFICE: Side.PROGRAMME,
    NextStep.WAIT_FOR_SURVEY: Side.PARTICIPANT,
    NextStep.SET_ACCOUNT: Side.PARTICIPANT,
    NextStep.CHECK_ACCOUNT: Side.PARTICIPANT,
    NextStep.WAIT_FOR_CHANGE: Side.CALENDAR,
    NextStep.WAIT_FOR_DAY: Side.CALENDAR,
    NextStep.WAIT_FOR_PARTNER: Side.PARTNER,
    NextStep.WAIT_FOR_WORD: Side.PARTNER,
    NextStep.NOTHING: Side.NOBODY,
}


class Happening(StrEnum):
    """What can have happened to an instalment."""

    EARNED = "earned"
    LISTED = "listed"
    LIST_APPROVED = "list_approved"
    LIST_CANCELLED = "list_cancelled"
    PAUSED = "paused"
    KEPT_BACK = "kept_back"
    SENT = "sent"
    ACCEPTED = "accepted"
    QUESTIONED = "questioned"
    ANSWERED = "answered"
    SETTLED = "settled"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"
    TAKEN_BACK = "taken_back"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One thing that happened, with its instant. `attempt` 0: to the instalment itself, else to that attempt, with the
    partner and the account it was to go to, and the day its list was made for. `reason_code`: of what a partner or the
    programme gave as reason; of a question its kind."""

    what: Happening
    at: datetime
    attempt: int = 0
    reference: str = ""
    run_id: int | None = None
    partner: str = ""
    masked_account: str = ""
    planned_for: date | None = None
    reason_code: str = ""


@dataclass(frozen=True, slots=True)
class InstalmentLine:
    """One instalment as its owner sees it.

    `is_earned` False: the days are the earliest possible ones, if everything that is missing came today. `is_late`:
    the day of payment is past and the money is not there. `partner`, `masked_account` and `reference` are those of
    the newest attempt, else the account that would be paid to today. `paid_at`: when that attempt reached the
    account, also where the money came back since. `next_partner`, `next_masked`: where the next attempt goes, if to
    another account than the one that could not be paid to. `due_on`: by when whose turn it is has to have done it;
    None where no rule gives a day. `is_overdue`: that day is past. `why`: how the day of payment comes about; None
    where it is not by the rules of today. `steps`: what has happened, the oldest first.
    """

    kind: InstalmentKind
    instalment: int
    amount_rupiah: int
    scheduled_on: date | None
    payment_on: date | None
    is_earned: bool
    is_late: bool
    state: InstalmentState
    state_since_at: datetime | None
    next_step: NextStep
    reason_code: str = ""
    partner: str = ""
    masked_account: str = ""
    reference: str = ""
    paid_at: datetime | None = None
    next_partner: str = ""
    next_masked: str = ""
    due_on: date | None = None
    is_overdue: bool = False
    why: PaymentDay | None = None
    steps: tuple[TimelineStep, ...] = ()

    @property
    def turn(self) -> Side:
        """Whose turn it is."""
        return TURNS[self.next_step]
