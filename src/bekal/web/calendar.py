"""The incentive calendar as the participant's pages show it: what matters most now, and where the reader does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bekal.core.entitlement import InstalmentKind
from bekal.incentives.complaint_queries import ComplaintLine
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.instalment_line import TURNS, InstalmentLine, InstalmentState, NextStep
from bekal.ui.instalments import STEP_SENTENCES, Entry

STEP_LINKS: dict[NextStep, tuple[str, Promise]] = {
    NextStep.BUY_TRAINING: ("web:trainings", _("Find a training")),
    NextStep.REDEEM_CODE: ("web:purchases", _("See my redeem code")),
    NextStep.WAIT_FOR_INSTITUTION: ("web:purchases", _("See what is missing")),
    NextStep.CONFIRM_SESSIONS: ("web:purchases", _("Answer now")),
    NextStep.GIVE_REVIEW: ("web:purchases", _("Write my review")),
    NextStep.SET_ACCOUNT: ("web:payout_account", _("Add my account")),
    NextStep.CHECK_ACCOUNT: ("web:account", _("Check my account")),
}
# The most pressing first: what the reader can mend, before what they only wait for.
URGENCY = (
    NextStep.CHECK_ACCOUNT,
    NextStep.SET_ACCOUNT,
    NextStep.CONFIRM_SESSIONS,
    NextStep.GIVE_REVIEW,
    NextStep.REDEEM_CODE,
    NextStep.BUY_TRAINING,
    NextStep.WAIT_FOR_INSTITUTION,
    NextStep.WAIT_FOR_CHANGE,
    NextStep.WAIT_FOR_WORD,
    NextStep.WAIT_FOR_PARTNER,
    NextStep.WAIT_FOR_OFFICE,
    NextStep.WAIT_FOR_DAY,
)


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
        return TURNS[self.step] is Side.PARTICIPANT

    @property
    def next_payment(self) -> Entry | None:
        """The next instalment that is earned and not yet there."""
        open_entries = (each for each in self.incentives if each.line.is_earned and not (each.is_paid or each.is_lost))
        return next(open_entries, None)


def calendar_of(
    lines: Sequence[InstalmentLine], complaints: Mapping[tuple[str, int], ComplaintLine] = MappingProxyType({})
) -> Calendar:
    """Lines of `timeline_of` in their two groups, each with what was complained of it."""
    entries = [Entry(line, complaints.get((line.kind.value, line.instalment))) for line in lines]
    return Calendar(
        incentives=tuple(entry for entry in entries if entry.line.kind is InstalmentKind.INCENTIVE),
        surveys=tuple(entry for entry in entries if entry.line.kind is InstalmentKind.SURVEY),
    )
