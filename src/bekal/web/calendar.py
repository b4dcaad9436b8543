"""The incentive calendar as pages show it: for every state its words, its tone, and what the reader can do now."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bekal.core.entitlement import InstalmentKind
from bekal.incentives.queries import InstalmentLine, InstalmentState, NextStep
from bekal.incentives.reasons import sentence_of
from bekal.participants.models import PaymentPartner

STATE_WORDS: dict[InstalmentState, Promise] = {
    InstalmentState.WAITING_PURCHASE: _("waits for your first training"),
    InstalmentState.WAITING_EVIDENCE: _("waits for proof of learning"),
    InstalmentState.WAITING_RECONCILIATION: _("proof is being matched"),
    InstalmentState.WAITING_ANSWER: _("waits for a survey"),
    InstalmentState.DEADLINE_PASSED: _("the deadline has passed"),
    InstalmentState.WAITING_ACCOUNT: _("needs your account"),
    InstalmentState.WAITING_CHANGE: _("waits, because your account was changed"),
    InstalmentState.PLANNED: _("scheduled"),
    InstalmentState.HELD: _("waits for a check"),
    InstalmentState.IN_RUN: _("being prepared"),
    InstalmentState.SENT: _("sent to your bank or wallet"),
    InstalmentState.SETTLED: _("received"),
    InstalmentState.REJECTED: _("refused by the bank or wallet"),
    InstalmentState.SENT_BACK: _("sent back by the bank or wallet"),
    InstalmentState.TAKEN_BACK: _("taken back by the programme"),
    InstalmentState.UNPROVEN: _("no training was proven"),
    InstalmentState.RETURNED: _("returned to the state treasury"),
}
# Class of the point on the timeline, tone of the chip.
STATE_TONES: dict[InstalmentState, tuple[str, str]] = {
    InstalmentState.WAITING_ACCOUNT: ("next", "sun"),
    InstalmentState.WAITING_CHANGE: ("next", "sun"),
    InstalmentState.PLANNED: ("next", "sun"),
    InstalmentState.HELD: ("next", "sun"),
    InstalmentState.IN_RUN: ("now", "accent"),
    InstalmentState.SENT: ("now", "accent"),
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
    NextStep.GIVE_REVIEW: _("Give your rating and write your review. It is the last proof that is missing."),
    NextStep.WAIT_FOR_OFFICE: _("You need to do nothing. The programme office is working on it."),
    NextStep.WAIT_FOR_SURVEY: _("There is no survey for you now. We tell you when one opens."),
    NextStep.SET_ACCOUNT: _("Tell us the bank account or wallet that we should pay to. It must be in your own name."),
    NextStep.CHECK_ACCOUNT: _("Check your account, correct it if needed. Then we send the money again."),
    NextStep.WAIT_FOR_CHANGE: _(
        "You need to do nothing. Your account was changed, so the money waits 72 hours. Was it not you? Tell the "
        "programme office at once."
    ),
    NextStep.WAIT_FOR_DAY: _("You need to do nothing. The money is sent on its day."),
    NextStep.WAIT_FOR_PARTNER: _("You need to do nothing. The bank or wallet will confirm that the money has arrived."),
    NextStep.NOTHING: _("There is nothing to do."),
}
STEP_LINKS: dict[NextStep, tuple[str, Promise]] = {
    NextStep.BUY_TRAINING: ("web:trainings", _("Find a training")),
    NextStep.REDEEM_CODE: ("web:purchases", _("See my redeem code")),
    NextStep.WAIT_FOR_INSTITUTION: ("web:purchases", _("See what is missing")),
    NextStep.GIVE_REVIEW: ("web:purchases", _("Write my review")),
    NextStep.SET_ACCOUNT: ("web:payout_account", _("Add my account")),
    NextStep.CHECK_ACCOUNT: ("web:payout_account", _("Check my account")),
}
# The most pressing first: what the reader can mend, before what they only wait for.
URGENCY = (
    NextStep.CHECK_ACCOUNT,
    NextStep.SET_ACCOUNT,
    NextStep.GIVE_REVIEW,
    NextStep.REDEEM_CODE,
    NextStep.BUY_TRAINING,
    NextStep.WAIT_FOR_INSTITUTION,
    NextStep.WAIT_FOR_CHANGE,
    NextStep.WAIT_FOR_PARTNER,
    NextStep.WAIT_FOR_OFFICE,
    NextStep.WAIT_FOR_DAY,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One instalment or survey with its words."""

    line: InstalmentLine

    @property
    def state(self) -> Promise:
        return STATE_WORDS[self.line.state]

    @property
    def point(self) -> str:
        return STATE_TONES.get(self.line.state, ("", ""))[0]

    @property
    def tone(self) -> str:
        return STATE_TONES.get(self.line.state, ("", ""))[1]

    @property
    def reason(self) -> Promise:
        """Why the bank or wallet said no, and what helps."""
        return sentence_of(self.line.reason_code)

    @property
    def partner(self) -> str:
        return str(PaymentPartner(self.line.partner).label) if self.line.partner else ""

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


@dataclass(frozen=True, slots=True)
class Calendar:
    """All instalments and surveys of one person."""

    incentives: tuple[Entry, ...]
    surveys: tuple[Entry, ...]

    @property
    def paid_rupiah(self) -> int:
        return sum(entry.line.amount_rupiah for entry in (*self.incentives, *self.surveys) if entry.is_paid)

    @property
    def incentives_rupiah(self) -> int:
        return sum(entry.line.amount_rupiah for entry in self.incentives)

    @property
    def surveys_rupiah(self) -> int:
        return sum(entry.line.amount_rupiah for entry in self.surveys)

    @property
    def total_rupiah(self) -> int:
        return self.incentives_rupiah + self.surveys_rupiah

    @property
    def is_lost(self) -> bool:
        return any(entry.is_lost for entry in self.incentives)

    @property
    def is_unproven(self) -> bool:
        """Whether the incentive cannot be earned any more, though surveys can."""
        return any(entry.line.state is InstalmentState.UNPROVEN for entry in self.incentives)

    @property
    def has_come_back(self) -> bool:
        return any(entry.line.state is InstalmentState.SENT_BACK for entry in self.incentives)

    @property
    def step(self) -> NextStep:
        """What matters most now, over all instalments."""
        steps = {entry.line.next_step for entry in self.incentives}
        return next((step for step in URGENCY if step in steps), NextStep.NOTHING)

    @property
    def step_sentence(self) -> Promise:
        return STEP_SENTENCES[self.step]

    @property
    def step_link(self) -> tuple[str, Promise] | None:
        """Address and words of the button that does it, where the reader can do it here."""
        if self.step not in STEP_LINKS:
            return None
        name, words = STEP_LINKS[self.step]
        return reverse(name), words

    @property
    def is_mine(self) -> bool:
        """Whether it is the reader's turn."""
        mine = (NextStep.CHECK_ACCOUNT, NextStep.SET_ACCOUNT, NextStep.GIVE_REVIEW, NextStep.REDEEM_CODE)
        return self.step in (*mine, NextStep.BUY_TRAINING)

    @property
    def next_payment(self) -> Entry | None:
        """The next instalment that is earned and not yet there."""
        open_entries = (each for each in self.incentives if each.line.is_earned and not (each.is_paid or each.is_lost))
        return next(open_entries, None)


def calendar_of(lines: Sequence[InstalmentLine]) -> Calendar:
    """Lines of `timeline_of` in their two groups."""
    return Calendar(
        incentives=tuple(Entry(line) for line in lines if line.kind is InstalmentKind.INCENTIVE),
        surveys=tuple(Entry(line) for line in lines if line.kind is InstalmentKind.SURVEY),
    )
