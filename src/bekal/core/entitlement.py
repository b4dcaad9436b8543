"""Who may be accepted, buy, be revoked; what is owed. Pure decisions over plain values.

A ``refusal_to_…`` function returns None where the thing is allowed, else a :class:`~bekal.core.refusal.Refusal` with a
closed code and the values that a sentence about it needs. The set-based verbs ask the same questions in SQL; where they
do, the docstring says so, and a test of the verb compares the two.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bekal.core.refusal import Refusal
from bekal.core.rules import RULES, Rules, Scheme
from bekal.core.schedule import payment_on, scheduled_on


class RefusalCode(StrEnum):
    """Every reason for which the rules say no. The front doors translate by this code; keep the names stable."""

    TOO_YOUNG = "too_young"
    TOO_OLD = "too_old"
    NOT_PARTICIPATING = "not_participating"
    REVOKED = "revoked"
    NOT_ON_SALE = "not_on_sale"
    ALREADY_BOUGHT = "already_bought"
    FIRST_PURCHASE_DEADLINE_PASSED = "first_purchase_deadline_passed"
    BALANCE_ENDED = "balance_ended"
    ABOVE_BALANCE = "above_balance"
    HAS_BOUGHT = "has_bought"
    DEADLINE_NOT_PASSED = "deadline_not_passed"


def age_years(born_on: date, on: date) -> int:
    """Completed years of life on that day; born on 29 February, the birthday is 1 March in other years."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def refusal_to_accept(*, born_on: date, scheme: Scheme) -> Refusal | None:
    """Whether age forbids acceptance on ``scheme.accepted_on``; None is no."""
    on = scheme.accepted_on
    age = age_years(born_on, on)
    if scheme.minimum_age_years is not None and age < scheme.minimum_age_years:
        return Refusal(RefusalCode.TOO_YOUNG, {"age_years": age, "limit_years": scheme.minimum_age_years})
    if scheme.maximum_age_years is not None and age > scheme.maximum_age_years:
        return Refusal(RefusalCode.TOO_OLD, {"age_years": age, "limit_years": scheme.maximum_age_years})
    return None


def refusal_to_buy(
    *,
    scheme: Scheme | None,
    on: date,
    revoked: bool,
    purchase_count: int,
    already_bought: bool,
    on_sale: bool,
    price_rupiah: int,
    balance_rupiah: int,
) -> Refusal | None:
    """Whether a person may buy one training on a day; None is yes.

    ``scheme`` is that of the person's acceptance (None: never accepted), ``purchase_count`` counts every training
    bought so far, ``already_bought`` is about this training. Both last days are still allowed. The purchase verb
    repeats the balance condition inside its conditional UPDATE, which alone is safe against rivals.
    """
    if scheme is None or on < scheme.accepted_on:
        return Refusal(RefusalCode.NOT_PARTICIPATING)
    if revoked:
        return Refusal(RefusalCode.REVOKED)
    if purchase_count == 0 and on > scheme.first_purchase_due_on:
        return Refusal(RefusalCode.FIRST_PURCHASE_DEADLINE_PASSED, {"deadline_on": scheme.first_purchase_due_on})
    if on > scheme.balance_ends_on:
        return Refusal(RefusalCode.BALANCE_ENDED, {"deadline_on": scheme.balance_ends_on})
    if already_bought:
        return Refusal(RefusalCode.ALREADY_BOUGHT)
    if not on_sale:
        return Refusal(RefusalCode.NOT_ON_SALE)
    if price_rupiah > balance_rupiah:
        return Refusal(RefusalCode.ABOVE_BALANCE, {"price_rupiah": price_rupiah, "balance_rupiah": balance_rupiah})
    return None


def refusal_to_revoke(*, scheme: Scheme | None, on: date, revoked: bool, purchase_count: int) -> Refusal | None:
    """Whether a person's place may be revoked for not buying; None is yes, from the day after the deadline.

    Mirrored in SQL by the revocation run: accepted, not revoked, no purchase, ``first_purchase_due_on < on``.
    """
    if scheme is None or on < scheme.accepted_on:
        return Refusal(RefusalCode.NOT_PARTICIPATING)
    if revoked:
        return Refusal(RefusalCode.REVOKED)
    if purchase_count > 0:
        return Refusal(RefusalCode.HAS_BOUGHT)
    if on <= scheme.first_purchase_due_on:
        return Refusal(RefusalCode.DEADLINE_NOT_PASSED, {"deadline_on": scheme.first_purchase_due_on})
    return None


class InstalmentKind(StrEnum):
    """What a payout is for."""

    INCENTIVE = "incentive"
    SURVEY = "survey"


@dataclass(frozen=True, slots=True)
class Instalment:
    """One amount a person is owed: which, how much in rupiah, the calendar's day and the day of payment."""

    kind: InstalmentKind
    number: int
    amount_rupiah: int
    scheduled_on: date
    payment_on: date


def instalments_owed(scheme: Scheme, first_reconciled_on: date, rules: Rules = RULES) -> tuple[Instalment, ...]:
    """Every incentive instalment of a person whose first training was reconciled on that day: amounts and number by
    the rules of acceptance, each payment day by the rules of its own month."""
    return tuple(
        _instalment(InstalmentKind.INCENTIVE, number, scheme.incentive_rupiah, first_reconciled_on, number, rules)
        for number in range(1, scheme.instalment_count + 1)
    )


def survey_owed(scheme: Scheme, number: int, answered_on: date, rules: Rules = RULES) -> Instalment:
    """What the answer to survey ``number`` (1, 2, …) earns: paid on the next scheduled day after the answer.

    Raises ValueError for a number the person's rules do not have.
    """
    if not 1 <= number <= scheme.survey_count:
        raise ValueError(f"surveys are numbered 1 to {scheme.survey_count} for this person, got {number}")
    return _instalment(InstalmentKind.SURVEY, number, scheme.survey_rupiah, answered_on, 1, rules)


def _instalment(
    kind: InstalmentKind, number: int, amount_rupiah: int, entitled_on: date, month: int, rules: Rules
) -> Instalment:
    due_on = scheduled_on(entitled_on, month, rules)
    return Instalment(kind, number, amount_rupiah, due_on, payment_on(due_on, entitled_on, rules))
