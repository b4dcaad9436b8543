"""Reads for an institution's statement: its bank account, and its settlements with what became of their payments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from bekal.incentives.models import InstitutionAccount
from bekal.purchases.settlement_models import PAID_AT_SQL

SETTLEMENTS_SHOWN = 20
# By the reason codes of ISO 20022: what it means for an institution, and what helps.
_SENTENCES: dict[str, Promise] = {
    "AC01": _("There is no account with this number. Give the programme office the right number."),
    "AC04": _("The account is closed. Give the programme office another account."),
    "AC06": _("The account is blocked. Ask your bank to open it, or give the programme office another account."),
    "AG01": _("This account cannot receive such payments. Give the programme office another account."),
    "AM04": _("The programme's own account was short of money at that moment. You need to do nothing."),
    "AM05": _("The bank saw this payment twice. You need to do nothing."),
    "AM14": _("The amount is above what the account may receive. Ask your bank."),
    "BE01": _("The name on the account is not the one that was given. Give the programme office the right name."),
    "RC01": _("The bank of this account was not found. Give the programme office another account."),
}
_UNKNOWN = _("The bank did not pay it. Ask your bank, or the programme office. Its reason:")


class SettlementState(StrEnum):
    """Where the money of a settlement is: owed (ordered, on a list, with the bank), or paid."""

    ORDERED = "ordered"
    LISTED = "listed"
    SENT = "sent"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One settlement as of an instant, with its newest payment that failed: rejected, or sent back (`came_back`)."""

    settlement_id: int
    ordered_at: datetime
    purchase_count: int
    total_rupiah: int
    state: SettlementState
    since_at: datetime
    reason_code: str
    failed_at: datetime | None
    came_back: bool
    masked_account: str

    @property
    def reason(self) -> Promise | str:
        """Why the payment failed and what helps, in the reader's language."""
        return reason_for_institution(self.reason_code) if self.reason_code else ""


@dataclass(frozen=True, slots=True)
class InstitutionAccounts:
    """The account an institution is paid to, and one that waits for a second officer."""

    standing: InstitutionAccount | None
    waiting: InstitutionAccount | None


SETTLEMENTS_SQL = f"""
SELECT id, ordered_at, purchase_count, total_rupiah,
       CASE WHEN paid_at IS NOT NULL THEN 'paid' WHEN sent_at IS NOT NULL THEN 'sent'
            WHEN planned_at IS NOT NULL THEN 'listed' ELSE 'ordered' END,
       coalesce(paid_at, sent_at, planned_at, failed_at, ordered_at), coalesce(reason_code, ''), failed_at,
       coalesce(came_back, false), coalesce(masked_account, '')
FROM (
    SELECT settlement.*, {PAID_AT_SQL} AS paid_at, live.planned_at, live.sent_at, failure.reason_code,
           failure.failed_at, failure.paid_at IS NOT NULL AS came_back, failure.masked_account
    FROM purchases_institutionsettlement settlement
    LEFT JOIN LATERAL (
        SELECT run.planned_at, sent.recorded_at AS sent_at FROM incentives_payout payout
        JOIN incentives_payoutrun run ON run.id = payout.run_id AND run.planned_at <= %(as_of)s
        LEFT JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
             AND sent.recorded_at <= %(as_of)s
        WHERE payout.settlement_id = settlement.id AND (payout.ended_at IS NULL OR payout.ended_at > %(as_of)s)
        ORDER BY payout.attempt DESC LIMIT 1) live ON true
    LEFT JOIN LATERAL (
        SELECT * FROM purchases_settlementfailure each
        WHERE each.settlement_id = settlement.id AND each.failed_at <= %(as_of)s
        ORDER BY each.id DESC LIMIT 1) failure ON true
    WHERE settlement.institution_id = %(institution_id)s AND settlement.ordered_at <= %(as_of)s
    ORDER BY settlement.ordered_at DESC, settlement.id DESC LIMIT %(limit)s
) known ORDER BY ordered_at DESC, id DESC
"""


def institution_settlements(
    *, institution_id: int, as_of: datetime | None = None, limit: int = SETTLEMENTS_SHOWN
) -> tuple[SettlementLine, ...]:
    """The newest settlements of an institution as of an instant, or now."""
    values: dict[str, int | datetime | str] = {
        "institution_id": institution_id,
        "as_of": as_of or "infinity",
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(SETTLEMENTS_SQL, values)
        rows = cursor.fetchall()
    return tuple(_line(row) for row in rows)


def _line(row: Sequence[Any]) -> SettlementLine:
    values = list(row)
    values[4] = SettlementState(values[4])
    return SettlementLine(*values)


def institution_accounts(*, institution_id: int) -> InstitutionAccounts:
    """Where an institution is paid now, and what waits to take its place."""
    rows = InstitutionAccount.objects.filter(institution_id=institution_id, ended_at=None)
    found = {row.agreed_at is None: row for row in rows.select_related("entered_by", "agreed_by").order_by("pk")}
    return InstitutionAccounts(found.get(False), found.get(True))


def reason_for_institution(reason_code: str) -> Promise:
    """What a reason code means for an institution; the code itself where there is no sentence."""
    sentence = _SENTENCES.get(reason_code)
    return format_lazy("{words} {code}", words=_UNKNOWN, code=reason_code) if sentence is None else sentence
