"""The rules that were in force for one transfer: value, unit, since when, and the source they are taken from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bekal.core.rules import RULES, Basis, RuleError, RuleValue, Unit
from bekal.ledger.movements import Kind, Reason
from bekal.ledger.queries import TransferLine
from bekal.ui.display import count, days, rupiah

LABELS = {
    "training_balance_rupiah": gettext_lazy("Training balance of one person"),
    "incentive_rupiah": gettext_lazy("Incentive, each instalment"),
    "survey_rupiah": gettext_lazy("Pay for each answered survey"),
    "instalment_count": gettext_lazy("Instalments of the incentive"),
    "survey_count": gettext_lazy("Paid surveys"),
    "minimum_age_years": gettext_lazy("Youngest age at acceptance"),
    "maximum_age_years": gettext_lazy("Oldest age at acceptance"),
    "first_purchase_days": gettext_lazy("Days within which the first training must be bought"),
    "balance_end_month_day": gettext_lazy("Last day of the year on which the balance can be spent"),
    "attendance_required": gettext_lazy("The institution must record attendance"),
    "completion_required": gettext_lazy("The institution must record completion"),
    "rating_required": gettext_lazy("The participant must rate"),
    "review_required": gettext_lazy("The participant must write a review"),
    "scheduled_day_of_month": gettext_lazy("Day of the month for which instalments are scheduled"),
    "front_loading": gettext_lazy("What is scheduled for a month is paid on its first working day"),
    "settlement_hold_days": gettext_lazy("Days between the proof and the settlement to the institution"),
    "clawback_days": gettext_lazy("Days within which money received unjustly has to be paid back"),
    "earning_days": gettext_lazy("Days after the end of the balance in which money can still be earned"),
}
_EVIDENCE = ("attendance_required", "completion_required", "rating_required", "review_required")
_PAY = {
    "incentive": ("incentive_rupiah", "instalment_count"),
    "survey": ("survey_rupiah", "survey_count"),
}
_CALENDAR = ("scheduled_day_of_month", "front_loading")
_PROMISED = {
    Kind.TRAINING_BALANCE: ("training_balance_rupiah",),
    Kind.INCENTIVE_COMMITTED: _PAY["incentive"],
    Kind.SURVEY_COMMITTED: _PAY["survey"],
}
_AGES = ("minimum_age_years", "maximum_age_years")
# Those of a movement that does not depend on its kinds. Purses and payouts: see `parameters`.
_BY_REASON: Mapping[Reason, tuple[str, ...]] = {
    Reason.PURCHASE: ("first_purchase_days", "balance_end_month_day"),
    Reason.COMPLETION: _EVIDENCE,
    Reason.REVOCATION: ("first_purchase_days",),
    Reason.END_OF_BALANCE: ("balance_end_month_day",),
    Reason.REFUND: ("attendance_required", "completion_required", "balance_end_month_day"),
    Reason.SETTLEMENT: ("settlement_hold_days", *_EVIDENCE),
    Reason.SETTLEMENT_RETURNED: ("settlement_hold_days", *_EVIDENCE),
    Reason.CLAWBACK: ("clawback_days", *_AGES),
    Reason.REPAYMENT: ("clawback_days",),
    Reason.CLAWBACK_WITHDRAWN: ("clawback_days",),
    Reason.YEAR_CLOSING: ("earning_days", "balance_end_month_day"),
}
_PAYOUTS = frozenset(
    {
        Reason.PAYOUT_SENT,
        Reason.PAYOUT_SETTLED,
        Reason.PAYOUT_REJECTED,
        Reason.PAYOUT_RETURNED,
        Reason.PAYOUT_REVERSED,
    }
)


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """One rule as an auditor reads it; `asked_on` is the day that picked its value."""

    parameter: str
    label: str
    value: str
    since_on: date
    asked_on: date
    is_kept: bool  # from the day of acceptance on
    source: str
    file: str


def parameters(transfer: TransferLine, paid_kind: str = "") -> tuple[str, ...]:
    """The names of the rules behind a transfer; `paid_kind` (incentive, survey) tells what a payout pays."""
    if transfer.reason in (Reason.ACCEPTANCE, Reason.OPENING):
        promised = _PROMISED[transfer.credit_kind]
        return (*promised, *_AGES) if transfer.reason == Reason.ACCEPTANCE else promised
    if transfer.reason in _PAYOUTS:
        of_kind = paid_kind or ("survey" if Kind.SURVEY_COMMITTED in _kinds(transfer) else "incentive")
        return (*_PAY[of_kind], *_CALENDAR)
    return _BY_REASON[transfer.reason]


def _kinds(transfer: TransferLine) -> tuple[Kind, Kind]:
    return transfer.debit_kind, transfer.credit_kind


def rules_in_force(names: Iterable[str], *, accepted_on: date, event_on: date) -> tuple[RuleInForce, ...]:
    """Each rule by the day of acceptance, or by the day of the event where its basis says so."""
    return tuple(rule for name in names if (rule := _in_force(name, accepted_on, event_on)) is not None)


def _in_force(name: str, accepted_on: date, event_on: date) -> RuleInForce | None:
    is_kept = RULES.history(name)[0].basis is Basis.ACCEPTANCE
    asked_on = accepted_on if is_kept else event_on
    try:
        cited = RULES.cited(name, asked_on)
    except RuleError:
        return None  # history from before the first date of the rule
    return RuleInForce(
        name, str(LABELS[name]), value_text(cited), cited.since_on, asked_on, is_kept, cited.source, cited.file
    )


def value_text(cited: RuleValue) -> str:
    """A value with its unit, as people read it."""
    if cited.value is None:
        return _("no limit")
    if cited.unit is Unit.FLAG:
        return _("yes") if cited.value else _("no")
    if cited.unit is Unit.RUPIAH:
        return rupiah(cited.value)
    if cited.unit is Unit.DAYS:
        return days(cited.value)
    if cited.unit is Unit.YEARS:
        return _("%(count)s years") % {"count": count(cited.value)}
    if cited.unit is Unit.PERCENT:
        return f"{count(cited.value)}%"
    if cited.unit is Unit.DAY_OF_MONTH:
        return _("the %(number)sth") % {"number": cited.value}
    if cited.unit is Unit.MONTH_DAY:
        return date_format(date(2000, cited.value.month, cited.value.day), "j F")
    return count(cited.value)
