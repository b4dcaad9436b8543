"""Instalments in words: for every state what it is called, what it means, whose turn it is and by when, why it is paid
on that day, and what has happened. One place for the participant's pages, the console and the participant's JSON."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bekal.core.schedule import Closed, DayOff, PaymentDay
from bekal.incentives.complaint_queries import ComplaintLine
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.instalment_line import Happening, InstalmentLine, InstalmentState, NextStep, TimelineStep
from bekal.incentives.models import PayoutException
from bekal.incentives.reasons import sentence_of
from bekal.participants.models import PaymentPartner
from bekal.ui.display import day

STATE_WORDS: dict[InstalmentState, Promise] = {
    InstalmentState.WAITING_PURCHASE: _("waits for your first training"),
    InstalmentState.WAITING_EVIDENCE: _("waits for proof of learning"),
    InstalmentState.WAITING_RECONCILIATION: _("proof is being matched"),
    InstalmentState.WAITING_ANSWER: _("waits for a survey"),
    InstalmentState.DEADLINE_PASSED: _("the deadline has passed"),
    InstalmentState.WAITING_ACCOUNT: _("needs your account"),
    InstalmentState.WAITING_CHANGE: _("waits, because your account was changed"),
    InstalmentState.ACCOUNT_FAILED: _("your account cannot be paid to"),
    InstalmentState.PLANNED: _("scheduled"),
    InstalmentState.DUE: _("due, on the next list"),
    InstalmentState.HELD: _("waits for a check"),
    InstalmentState.IN_RUN: _("being prepared"),
    InstalmentState.APPROVED: _("approved"),
    InstalmentState.TO_LIST_ANEW: _("being prepared again"),
    InstalmentState.PAUSED: _("stopped for a while"),
    InstalmentState.LEAVING: _("ready to be sent"),
    InstalmentState.UNKNOWN: _("sent, no clear answer yet"),
    InstalmentState.LIST_REFUSED: _("the list was not taken"),
    InstalmentState.SENT: _("sent to your bank or wallet"),
    InstalmentState.ACCEPTED: _("accepted by your bank or wallet"),
    InstalmentState.SILENT: _("no answer in time"),
    InstalmentState.IN_QUESTION: _("being cleared up"),
    InstalmentState.SETTLED: _("received"),
    InstalmentState.REJECTED: _("refused by the bank or wallet"),
    InstalmentState.SENT_BACK: _("sent back by the bank or wallet"),
    InstalmentState.TAKEN_BACK: _("taken back by the programme"),
    InstalmentState.UNPROVEN: _("no training was proven"),
    InstalmentState.RETURNED: _("returned to the state treasury"),
}
STATE_SENTENCES: dict[InstalmentState, Promise] = {
    InstalmentState.WAITING_PURCHASE: _("It starts with your first training: buy one and finish it."),
    InstalmentState.WAITING_EVIDENCE: _(
        "It is earned once your first training is proven. Some proof is still missing."
    ),
    InstalmentState.WAITING_RECONCILIATION: _("All proof is there. The programme office matches it."),
    InstalmentState.WAITING_ANSWER: _("It is earned by your answer to this survey."),
    InstalmentState.DEADLINE_PASSED: _("No training was bought in time, so it cannot be earned any more."),
    InstalmentState.WAITING_ACCOUNT: _("It is earned. It can be paid once we know an account in your own name."),
    InstalmentState.WAITING_CHANGE: _("Your account was changed. For your safety nothing is paid to it for 72 hours."),
    InstalmentState.ACCOUNT_FAILED: _(
        "It is earned. Your bank or wallet says that it cannot pay to your account. It is paid once that is in order."
    ),
    InstalmentState.PLANNED: _("It is earned, and is paid on its day."),
    InstalmentState.DUE: _("It can be paid now. The programme office puts it on the next list of payments."),
    InstalmentState.HELD: _("The programme office checks something first. Until that is decided it stays yours."),
    InstalmentState.IN_RUN: _("It is on a list of payments. A second officer has to approve the list."),
    InstalmentState.APPROVED: _("It is on a list that two officers have approved. The list is sent next."),
    InstalmentState.TO_LIST_ANEW: _("Your account was changed after the list was made. So it comes on the next list."),
    InstalmentState.PAUSED: _("The programme office has stopped this list for a while. Your payment has not left."),
    InstalmentState.LEAVING: _("The list is ready. Your payment has not left yet."),
    InstalmentState.UNKNOWN: _("We handed it over and have no clear answer. We ask your bank or wallet until we know."),
    InstalmentState.LIST_REFUSED: _(
        "Your bank or wallet did not take the list with your payment. The office clears it up. Nothing is lost."
    ),
    InstalmentState.SENT: _("It was sent to your bank or wallet, which has not answered yet."),
    InstalmentState.ACCEPTED: _(
        "Your bank or wallet has accepted it. It has not confirmed yet that the money is in your account."
    ),
    InstalmentState.SILENT: _("Your bank or wallet should have answered by now. We are asking what became of it."),
    InstalmentState.IN_QUESTION: _(
        "What the bank or wallet says of this payment does not fit what we know. It is being cleared up."
    ),
    InstalmentState.SETTLED: _("Your bank or wallet has confirmed that it paid the money into your account."),
    InstalmentState.REJECTED: _("Your bank or wallet could not pay it. The money is with the programme, still yours."),
    InstalmentState.SENT_BACK: _(
        "It was paid, and the bank or wallet sent it back to the programme. It is still yours."
    ),
    InstalmentState.TAKEN_BACK: _("It was paid, and the programme took it back. It will be paid again."),
    InstalmentState.UNPROVEN: _("No training was proven and none can be bought any more, so it cannot be earned."),
    InstalmentState.RETURNED: _("It is not paid. The money has returned to the state treasury."),
}
# Class of the point on the timeline, tone of the chip.
STATE_TONES: dict[InstalmentState, tuple[str, str]] = {
    InstalmentState.WAITING_ACCOUNT: ("next", "sun"),
    InstalmentState.WAITING_CHANGE: ("next", "sun"),
    InstalmentState.ACCOUNT_FAILED: ("bad", "bad"),
    InstalmentState.PLANNED: ("next", "sun"),
    InstalmentState.DUE: ("next", "sun"),
    InstalmentState.HELD: ("next", "sun"),
    InstalmentState.IN_RUN: ("now", "accent"),
    InstalmentState.APPROVED: ("now", "accent"),
    InstalmentState.TO_LIST_ANEW: ("now", "sun"),
    InstalmentState.PAUSED: ("now", "sun"),
    InstalmentState.LEAVING: ("now", "accent"),
    InstalmentState.UNKNOWN: ("now", "sun"),
    InstalmentState.LIST_REFUSED: ("now", "sun"),
    InstalmentState.SENT: ("now", "accent"),
    InstalmentState.ACCEPTED: ("now", "accent"),
    InstalmentState.SILENT: ("now", "sun"),
    InstalmentState.IN_QUESTION: ("now", "sun"),
    InstalmentState.SETTLED: ("done", "good"),
    InstalmentState.REJECTED: ("bad", "bad"),
    InstalmentState.SENT_BACK: ("bad", "bad"),
    InstalmentState.TAKEN_BACK: ("bad", "bad"),
    InstalmentState.UNPROVEN: ("bad", "bad"),
    InstalmentState.DEADLINE_PASSED: ("bad", "bad"),
    InstalmentState.RETURNED: ("bad", "bad"),
}
STEP_SENTENCES: dict[NextStep, Promise] = {
    NextStep.BUY_TRAINING: _("Buy your first training and finish it. Then the incentive starts."),
    NextStep.REDEEM_CODE: _("Give your redeem code to the institution and start learning."),
    NextStep.WAIT_FOR_INSTITUTION: _("The institution must still record your attendance or that you have finished."),
    NextStep.CONFIRM_SESSIONS: _("Say for each session whether you were there."),
    NextStep.GIVE_REVIEW: _("Give your rating and write your review. It is the last proof that is missing."),
    NextStep.WAIT_FOR_OFFICE: _("You need to do nothing. The programme office is working on it."),
    NextStep.WAIT_FOR_SURVEY: _("Answer the survey when it opens. We tell you when it does."),
    NextStep.SET_ACCOUNT: _("Tell us the bank account or wallet that we should pay to. It must be in your own name."),
    NextStep.CHECK_ACCOUNT: _("Check your account, correct it if needed. Then we send the money again."),
    NextStep.WAIT_FOR_CHANGE: _(
        "You need to do nothing. Your account was changed, so the money waits 72 hours. Was it not you? Tell the "
        "programme office at once."
    ),
    NextStep.WAIT_FOR_DAY: _("You need to do nothing. The money is sent on its day."),
    NextStep.WAIT_FOR_PARTNER: _("You need to do nothing. The bank or wallet will confirm that the money has arrived."),
    NextStep.WAIT_FOR_WORD: _(
        "You need to do nothing. We are asking the bank or wallet. Before it has answered nothing is sent again, so "
        "that nothing is paid twice."
    ),
    NextStep.NOTHING: _("There is nothing to do."),
}
TURN_WORDS: dict[Side, Promise] = {
    Side.PARTICIPANT: _("you"),
    Side.INSTITUTION: _("the training institution"),
    Side.PROGRAMME: _("the programme office"),
    Side.PARTNER: _("your bank or wallet"),
    Side.WORKER: _("the programme office"),
    Side.CALENDAR: _("nobody: the day has not come"),
    Side.NOBODY: _("nobody"),
}
HAPPENED: dict[Happening, Promise] = {
    Happening.EARNED: _("You earned it."),
    Happening.LISTED: _("Put on the list of payments for %(planned_for)s."),
    Happening.LIST_APPROVED: _("A second officer approved the list."),
    Happening.LIST_CANCELLED: _("The list was cancelled. Nothing was sent."),
    Happening.PAUSED: _("The list was stopped for a while."),
    Happening.KEPT_BACK: _("Kept back for a check. It was not sent."),
    Happening.SENT: _("Given out for sending to %(partner)s %(account)s."),
    Happening.ACCEPTED: _("%(partner)s accepted it."),
    Happening.QUESTIONED: _("What %(partner)s says of it does not fit. It is being cleared up."),
    Happening.ANSWERED: _("That was cleared up."),
    Happening.SETTLED: _("%(partner)s paid it into %(account)s."),
    Happening.REJECTED: _("%(partner)s could not pay it."),
    Happening.SENT_BACK: _("%(partner)s sent it back to the programme."),
    Happening.TAKEN_BACK: _("The programme took it back."),
    Happening.LAPSED: _("It returned to the state treasury."),
}
_SILENT = _("%(partner)s did not answer in time. We are asking.")
_ANSWERED = _("%(partner)s has answered.")
_CHANGED = _("Kept back, because your account was changed. It was not sent.")
# The holidays of the rules, by their names there.
HOLIDAYS: dict[str, Promise] = {
    "New Year": _("New Year"),
    "Labour Day": _("Labour Day"),
    "Pancasila Day": _("Pancasila Day"),
    "Independence Day": _("Independence Day"),
    "Christmas": _("Christmas"),
    "Lunar New Year": _("Lunar New Year"),
    "Isra Miraj": _("Isra Miraj"),
    "Nyepi": _("Nyepi"),
    "Good Friday": _("Good Friday"),
    "Easter": _("Easter"),
    "Waisak": _("Waisak"),
    "Ascension": _("Ascension Day"),
    "Idul Fitri": _("Idul Fitri"),
    "Idul Fitri and Ascension": _("Idul Fitri and Ascension Day"),
    "Idul Fitri (moved)": _("Idul Fitri (moved)"),
    "Idul Adha": _("Idul Adha"),
    "Islamic New Year": _("Islamic New Year"),
    "Maulid": _("Maulid"),
    "Regional elections": _("regional elections"),
    "General election": _("general election"),
}


@dataclass(frozen=True, slots=True)
class ToldStep:
    """One thing that happened, in words; `reason`: why, and what helps, where there is one."""

    step: TimelineStep
    words: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One instalment or survey with its words, and the newest complaint about it."""

    line: InstalmentLine
    complaint: ComplaintLine | None = None

    @property
    def may_be_wrong(self) -> bool:
        """Whether there is anything yet that could be: not while it waits for a first training or a survey."""
        not_begun = (InstalmentState.WAITING_PURCHASE, InstalmentState.WAITING_ANSWER)
        return self.line.state not in not_begun or self.complaint is not None

    @property
    def state(self) -> Promise:
        return STATE_WORDS[self.line.state]

    @property
    def sentence(self) -> Promise:
        """What the state means."""
        return STATE_SENTENCES[self.line.state]

    @property
    def point(self) -> str:
        return STATE_TONES.get(self.line.state, ("", ""))[0]

    @property
    def tone(self) -> str:
        return STATE_TONES.get(self.line.state, ("", ""))[1]

    @property
    def next_step(self) -> Promise:
        """What happens next, or what the reader can do."""
        return STEP_SENTENCES[self.line.next_step]

    @property
    def turn(self) -> Promise:
        return TURN_WORDS[self.line.turn]

    @property
    def reason(self) -> str:
        """Why the bank or wallet said no and what helps, or why the programme took it back; empty in other states."""
        if self.line.state in (InstalmentState.REJECTED, InstalmentState.SENT_BACK, InstalmentState.ACCOUNT_FAILED):
            return str(sentence_of(self.line.reason_code))
        return _own_reason(self.line.reason_code) if self.line.state is InstalmentState.TAKEN_BACK else ""

    @property
    def why(self) -> str:
        """Why it is paid on its day; empty where that is not by a rule."""
        return " ".join(_why(self.line.why)) if self.line.why is not None else ""

    @property
    def steps(self) -> tuple[ToldStep, ...]:
        return tuple(_told(step) for step in self.line.steps)

    @property
    def partner(self) -> str:
        return str(PaymentPartner(self.line.partner).label) if self.line.partner else ""

    @property
    def next_partner(self) -> str:
        """Where the next attempt goes, if to another account than the one that could not be paid to."""
        return str(PaymentPartner(self.line.next_partner).label) if self.line.next_partner else ""

    @property
    def is_paid(self) -> bool:
        return self.line.state is InstalmentState.SETTLED

    @property
    def came_back(self) -> bool:
        """It was paid and is not any more; it will be paid again."""
        return self.line.state in (InstalmentState.SENT_BACK, InstalmentState.TAKEN_BACK)

    @property
    def is_lost(self) -> bool:
        return self.line.state in (InstalmentState.RETURNED, InstalmentState.DEADLINE_PASSED)

    @property
    def is_over(self) -> bool:
        """Whether it is nobody's turn any more."""
        return self.line.turn is Side.NOBODY


def _why(why: PaymentDay) -> Iterator[str]:
    values = {"scheduled": day(why.scheduled_on), "earliest": day(why.earliest_on), "payment": day(why.payment_on)}
    if why.is_front_loaded:
        yield gettext("It is scheduled for %(scheduled)s, and paid in the first week of that month.") % values
    else:
        yield gettext("It is scheduled for %(scheduled)s.") % values
    if why.is_earned_late:
        yield gettext("It was earned later, on %(earliest)s.") % values
    if why.days_off:
        values["closed"] = ", ".join(_day_off(off) for off in why.days_off)
        yield gettext("No working day: %(closed)s. So it is paid on %(payment)s.") % values


def _day_off(off: DayOff) -> str:
    if off.closed is Closed.WEEKEND:
        return formats.date_format(off.on, "l, j F")
    on, name = formats.date_format(off.on, "j F"), str(HOLIDAYS.get(off.name, off.name))
    if off.closed is Closed.JOINT_LEAVE:
        name = gettext("joint leave for %(holiday)s") % {"holiday": name}
    return f"{on} ({name})"


def _own_reason(reason_code: str) -> str:
    """Why the programme itself took something back: a code of its own."""
    return gettext("The programme's reason: %(code)s.") % {"code": reason_code} if reason_code else ""


def _told(step: TimelineStep) -> ToldStep:
    words = HAPPENED[step.what]
    if step.what is Happening.KEPT_BACK and step.reason_code:
        words = _CHANGED
    elif step.reason_code == PayoutException.Kind.SILENT:
        words = _SILENT if step.what is Happening.QUESTIONED else _ANSWERED
    values = {
        "partner": str(PaymentPartner(step.partner).label) if step.partner else "",
        "account": step.masked_account,
        "planned_for": day(step.planned_for) if step.planned_for else "",
    }
    reason = ""
    if step.what in (Happening.REJECTED, Happening.SENT_BACK):
        reason = str(sentence_of(step.reason_code))
    elif step.what is Happening.TAKEN_BACK:
        reason = _own_reason(step.reason_code)
    return ToldStep(step, str(words) % values, reason)
