"""What is open: everything that has not come to its end, with who has to act and since when it waits (I12).

The money that is neither where it began nor where it ends (escrow, owed to institutions, earned and not paid, in
transit, to be paid back) is explained by these items to the rupiah; the proof compares. What should have ended and has
not is told by its days (`overdue.py`). Asked as of an instant they are those of then, but for accounts and stops, of
which only the present is known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from bekal.ledger.clock import programme_now
from bekal.proofs.look import Invariant
from bekal.proofs.overdue import DAY, OVERDUE_SQL
from bekal.proofs.promises import SETTLEMENT, promised_sql

# What a kind of item is called. Each explains money of the ledger's kinds beside it; () explains none.
LABELS = {
    "payout_in_transit": _("Payouts sent, the partner has not answered"),
    "payout_waiting_for_export": _("Payouts approved and not sent"),
    "payout_waiting_for_approval": _("Payouts waiting for a second officer"),
    "payout_without_account": _("Payouts due to people without a payout account"),
    "payout_account_not_verified": _("Payouts due to accounts that are not verified"),
    "payout_account_changed": _("Payouts due to accounts that were changed, within the hours that they wait"),
    "payout_held": _("Payouts due that an alarm holds"),
    "payout_to_be_planned": _("Payouts due and not planned"),
    "payout_not_yet_due": _("Payouts earned, their day has not come"),
    "escrow_to_be_redeemed": _("Trainings bought and not begun"),
    "escrow_without_proof": _("Trainings begun, attendance or completion missing"),
    "escrow_without_review": _("Trainings completed, rating or review missing"),
    "institution_in_hold": _("Owed to institutions, within the hold"),
    "institution_held": _("Owed to institutions, held by an alarm"),
    "institution_stopped": _("Owed to institutions whose settlement was stopped"),
    "institution_suspended": _("Owed to institutions for what is suspended"),
    "institution_to_be_settled": _("Owed to institutions, past the hold"),
    "institution_to_be_paid": _("Owed to institutions, ordered to be paid"),
    "institution_with_bank": _("Owed to institutions, sent to the bank"),
    "receivable": _("To be paid back by participants"),
    "receivable_overdue": _("To be paid back by participants, overdue"),
    "place_to_be_revoked": _("Places without a purchase in time, not revoked"),
    "balance_to_be_ended": _("Training balances past their last day, not ended"),
    "clawback_waiting_for_approval": _("Clawbacks waiting for a second officer"),
    "clawback_withdrawal_waiting": _("Clawbacks that one officer asks to withdraw"),
    "payout_reversal_waiting": _("Payouts that one officer asks to take back"),
    "payout_exception_open": _("What payment partners said, or did not say, and the books could not take"),
    "complaint_open": _("Complaints about payments, to be answered"),
    "complaint_overdue": _("Complaints about payments, the day of the answer past"),
    "suspension_standing": _("Suspensions that no officer has lifted"),
    "institution_account_waiting": _("Bank accounts of institutions waiting for a second officer"),
    "settlement_stop_standing": _("Institutions whose settlement an officer has stopped"),
    "hold_undecided": _("Holds of alarms waiting for a decision"),
    "hold_overdue": _("Holds of alarms, the day of decision past"),
    "evidence_case_open": _("Contested evidence waiting for a decision"),
    "evidence_case_overdue": _("Contested evidence, the day of decision past"),
    "case_ruling_waiting": _("Decisions on contested evidence waiting for a second officer"),
    "mass_run_waiting_for_approval": _("Mass runs waiting for a second officer"),
    "mass_run_stop_waiting": _("Mass runs that one officer asks to stop"),
    "mass_chunk_unfinished": _("Parts of mass runs not finished"),
    "mass_chunk_failed": _("Parts of mass runs that failed"),
    "proof_waiting": _("Proofs asked for and not run"),
}
OWNERS = {
    "participant": _("the participant"),
    "institution": _("the training institution"),
    "partner": _("the payment partner"),
    "officer": _("the programme office"),
    "calendar": _("nobody: the day has not come"),
    "worker": _("the background worker"),
}


@dataclass(frozen=True, slots=True)
class OpenItem:
    """So many things of one kind that wait for the same owner, their sum in rupiah, and since when the oldest waits.

    `of` names the one among several owners (the partner); `explains` is the ledger's kind whose money this is."""

    kind: str
    owner: str
    of: str
    count: int
    rupiah: int
    oldest_at: datetime
    age: int
    explains: int | None

    @property
    def label(self) -> str:
        return str(LABELS[self.kind])

    @property
    def owner_label(self) -> str:
        label = str(OWNERS[self.owner])
        return f"{label} ({self.of.upper()})" if self.of else label


_HOLD_DAYS = promised_sql(SETTLEMENT, "settlement_hold_days", "proven_on")
_HELD = "hold.opened_at <= %(as_of)s AND (hold.lifted_at IS NULL OR hold.lifted_at > %(as_of)s)"
_STANDS = "suspended_at <= %(as_of)s AND (lifted_at IS NULL OR lifted_at > %(as_of)s)"
# Whatever is earned and not paid: with a live attempt, or with none.
PAYOUTS_SQL = f"""
SELECT CASE WHEN sent_at IS NOT NULL THEN 'payout_in_transit'
            WHEN approved_at <= %(as_of)s THEN 'payout_waiting_for_export'
            WHEN run_id IS NOT NULL THEN 'payout_waiting_for_approval'
            WHEN payment_on > {DAY} THEN 'payout_not_yet_due'
            WHEN account_id IS NULL THEN 'payout_without_account'
            WHEN verified_at IS NULL THEN 'payout_account_not_verified'
            WHEN held_at IS NOT NULL THEN 'payout_held'
            WHEN waits_until_at IS NOT NULL THEN 'payout_account_changed'
            ELSE 'payout_to_be_planned' END AS kind,
       CASE WHEN sent_at IS NOT NULL THEN 'partner' WHEN run_id IS NOT NULL THEN 'officer'
            WHEN payment_on > {DAY} THEN 'calendar' WHEN account_id IS NULL OR verified_at IS NULL THEN 'participant'
            WHEN held_at IS NULL AND waits_until_at IS NOT NULL THEN 'calendar' ELSE 'officer' END AS owner,
       CASE WHEN sent_at IS NOT NULL THEN partner ELSE '' END AS of, amount_rupiah AS rupiah,
       CASE WHEN sent_at IS NOT NULL THEN sent_at
            WHEN approved_at <= %(as_of)s THEN approved_at
            WHEN run_id IS NOT NULL THEN planned_at
            WHEN payment_on > {DAY} THEN entitled_at
            WHEN account_id IS NOT NULL AND verified_at IS NOT NULL AND held_at IS NOT NULL THEN held_at
            ELSE greatest(payment_on::timestamp AT TIME ZONE 'Asia/Jakarta', entitled_at) END AS since_at,
       CASE WHEN sent_at IS NOT NULL THEN 7 ELSE 5 END AS explains
FROM (
    SELECT earned.payment_on, earned.entitled_at, earned.amount_rupiah, live.run_id, live.planned_at, live.approved_at,
           live.partner, live.sent_at, account.id AS account_id, account.verified_at,
           CASE WHEN account.verified_at <= %(as_of)s AND account.pays_from_at > %(at)s
                THEN account.pays_from_at END AS waits_until_at,
           CASE WHEN live.run_id IS NULL AND earned.payment_on <= {DAY} THEN (
               SELECT min(hold.opened_at) FROM holds_hold hold
               WHERE hold.participation_id = earned.participation_id AND {_HELD}) END AS held_at
    FROM incentives_entitlement earned
    LEFT JOIN (
        SELECT payout.entitlement_id, payout.partner, run.id AS run_id, run.planned_at, run.approved_at,
               sent.recorded_at AS sent_at
        FROM incentives_payout payout
        JOIN incentives_payoutrun run ON run.id = payout.run_id AND run.planned_at <= %(as_of)s
        LEFT JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
             AND sent.recorded_at <= %(as_of)s
        WHERE payout.ended_at IS NULL OR payout.ended_at > %(as_of)s
    ) live ON live.entitlement_id = earned.id
    LEFT JOIN (participants_participation place
               JOIN participants_payoutaccount account ON account.participant_id = place.participant_id)
         -- Asked only of what is due: of an empty key nothing is looked up.
         ON place.id = CASE WHEN live.run_id IS NULL AND earned.payment_on <= {DAY} THEN earned.participation_id END
    WHERE earned.entitled_at <= %(as_of)s AND (earned.lapsed_at IS NULL OR earned.lapsed_at > %(as_of)s)
      AND NOT EXISTS (
          SELECT 1 FROM incentives_payout paid JOIN incentives_payoutstatus status ON status.payout_id = paid.id
               AND status.state = 'settled' AND status.recorded_at <= %(as_of)s
          WHERE paid.entitlement_id = earned.id AND (paid.ended_at IS NULL OR paid.ended_at > %(as_of)s))
) unpaid
"""
ESCROW_SQL = """
SELECT CASE WHEN redeemed_at IS NULL OR redeemed_at > %(as_of)s THEN 'escrow_to_be_redeemed'
            WHEN NOT is_attended THEN 'escrow_without_proof' ELSE 'escrow_without_review' END,
       CASE WHEN redeemed_at IS NULL OR redeemed_at > %(as_of)s THEN 'participant'
            WHEN NOT is_attended THEN 'institution' ELSE 'participant' END,
       '', price_rupiah, CASE WHEN is_attended THEN completed_at WHEN redeemed_at <= %(as_of)s THEN redeemed_at
                              ELSE bought_at END, 3
FROM (
    SELECT purchase.*, coalesce(purchase.completed_at <= %(as_of)s, false) AND training.session_count <= (
               SELECT count(DISTINCT piece.sequence) FROM purchases_evidence piece
               WHERE piece.purchase_id = purchase.id AND piece.piece = 'attendance' AND piece.source = 'institution'
               AND piece.holds AND piece.recorded_at <= %(as_of)s) AS is_attended
    FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
    WHERE purchase.bought_at <= %(as_of)s AND purchase.price_rupiah > 0
      AND (purchase.reconciled_at IS NULL OR purchase.reconciled_at > %(as_of)s)
      AND (purchase.ended_at IS NULL OR purchase.ended_at > %(as_of)s)
) held
"""
INSTITUTIONS_SQL = f"""
SELECT CASE WHEN sent_at IS NOT NULL THEN 'institution_with_bank'
            WHEN settlement_stopped_at IS NOT NULL THEN 'institution_stopped'
            WHEN is_held THEN 'institution_held'
            WHEN is_suspended THEN 'institution_suspended'
            WHEN is_ordered THEN 'institution_to_be_paid'
            WHEN proven_on + {_HOLD_DAYS} > {DAY} THEN 'institution_in_hold' ELSE 'institution_to_be_settled' END,
       CASE WHEN sent_at IS NOT NULL THEN 'partner'
            WHEN settlement_stopped_at IS NULL AND NOT is_held AND NOT is_suspended AND NOT is_ordered
             AND proven_on + {_HOLD_DAYS} > {DAY} THEN 'calendar' ELSE 'officer' END,
       CASE WHEN sent_at IS NOT NULL THEN partner ELSE '' END, rupiah, coalesce(sent_at, proven_at), 4
FROM (
    SELECT coalesce(purchase.reconciled_at, purchase.ended_at) AS proven_at,
           (coalesce(purchase.reconciled_at, purchase.ended_at) AT TIME ZONE 'Asia/Jakarta')::date AS proven_on,
           purchase.price_rupiah - purchase.refunded_rupiah AS rupiah, institution.settlement_stopped_at,
           EXISTS (SELECT 1 FROM holds_hold hold WHERE hold.purchase_id = purchase.id AND {_HELD})
           OR EXISTS (SELECT 1 FROM holds_hold hold WHERE hold.institution_id = institution.id
                      AND hold.subject = 'settlement' AND {_HELD}) AS is_held,
           training.id IN (
               SELECT suspended.id FROM catalogue_suspension suspension JOIN catalogue_training suspended
                   ON suspended.id = suspension.training_id OR suspended.platform_id = suspension.platform_id
                   OR suspended.institution_id = suspension.institution_id
               WHERE {_STANDS}) AS is_suspended,
           coalesce(settlement.ordered_at <= %(as_of)s, false) AS is_ordered, sent.sent_at, sent.partner
    FROM purchases_purchase purchase
    JOIN catalogue_training training ON training.id = purchase.training_id
    JOIN catalogue_institution institution ON institution.id = training.institution_id
    LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
    LEFT JOIN (SELECT payout.settlement_id, payout.partner, status.recorded_at AS sent_at FROM incentives_payout payout
               JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state = 'sent'
                    AND status.recorded_at <= %(as_of)s
               WHERE payout.settlement_id IS NOT NULL
                 AND (payout.ended_at IS NULL OR payout.ended_at > %(as_of)s)) sent
         ON sent.settlement_id = settlement.id
    WHERE coalesce(purchase.reconciled_at, purchase.ended_at) <= %(as_of)s
      AND purchase.price_rupiah > purchase.refunded_rupiah
      AND (settlement.settled_at IS NULL OR settlement.settled_at > %(as_of)s)
      AND NOT EXISTS (SELECT 1 FROM purchases_settlementfailure back WHERE back.settlement_id = purchase.settlement_id
                      AND back.paid_at <= %(as_of)s AND back.failed_at > %(as_of)s)
) owed
"""
RECEIVABLES_SQL = f"""
SELECT CASE WHEN due_on < {DAY} THEN 'receivable_overdue' ELSE 'receivable' END, 'participant', '', owed.rupiah,
       approved_at, owed.explains
FROM (
    SELECT clawback.*, coalesce(sum(repayment.incentive_rupiah), 0)::bigint AS incentive_repaid,
           coalesce(sum(repayment.training_rupiah), 0)::bigint AS training_repaid
    FROM lifecycle_clawback clawback
    LEFT JOIN lifecycle_repayment repayment ON repayment.clawback_id = clawback.id
         AND repayment.recorded_at <= %(as_of)s
    WHERE clawback.approved_at <= %(as_of)s AND (clawback.withdrawn_at IS NULL OR clawback.withdrawn_at > %(as_of)s)
    GROUP BY clawback.id
) standing
CROSS JOIN LATERAL (VALUES (incentive_rupiah - incentive_repaid, 10), (training_rupiah - training_repaid, 11))
    AS owed(rupiah, explains)
WHERE owed.rupiah > 0
"""
WAITING_SQL = f"""
SELECT 'clawback_waiting_for_approval', 'officer', '', incentive_rupiah + training_rupiah, decided_at, NULL::int
FROM lifecycle_clawback
WHERE decided_at <= %(as_of)s AND (approved_at IS NULL OR approved_at > %(as_of)s)
  AND (withdrawn_at IS NULL OR withdrawn_at > %(as_of)s)
UNION ALL
SELECT 'clawback_withdrawal_waiting', 'officer', '', incentive_rupiah + training_rupiah, withdrawal_asked_at, NULL
FROM lifecycle_clawback
WHERE withdrawal_asked_at <= %(as_of)s AND (withdrawn_at IS NULL OR withdrawn_at > %(as_of)s)
UNION ALL
SELECT 'payout_reversal_waiting', 'officer', '', payout.amount_rupiah, asked.asked_at, NULL
FROM incentives_payoutreversal asked JOIN incentives_payout payout ON payout.id = asked.payout_id
WHERE asked.asked_at <= %(as_of)s AND (asked.agreed_at IS NULL OR asked.agreed_at > %(as_of)s)
  AND (asked.dropped_at IS NULL OR asked.dropped_at > %(as_of)s)
  AND (payout.ended_at IS NULL OR payout.ended_at > %(as_of)s)
UNION ALL
SELECT 'payout_exception_open', CASE owner WHEN 'office' THEN 'officer' ELSE owner END,
       CASE owner WHEN 'partner' THEN partner ELSE '' END, 0, opened_at, NULL
FROM incentives_payoutexception
WHERE opened_at <= %(as_of)s AND (resolved_at IS NULL OR resolved_at > %(as_of)s)
UNION ALL
SELECT CASE WHEN due_on < (%(at)s::timestamptz AT TIME ZONE 'Asia/Jakarta')::date THEN 'complaint_overdue'
            ELSE 'complaint_open' END, CASE turn WHEN 'office' THEN 'officer' ELSE turn END, '', 0, opened_at, NULL
FROM incentives_complaint
WHERE opened_at <= %(as_of)s AND (closed_at IS NULL OR closed_at > %(as_of)s)
UNION ALL
SELECT 'institution_account_waiting', 'officer', '', 0, entered_at, NULL FROM incentives_institutionaccount
WHERE entered_at <= %(as_of)s AND (agreed_at IS NULL OR agreed_at > %(as_of)s)
  AND (ended_at IS NULL OR ended_at > %(as_of)s)
UNION ALL
SELECT 'suspension_standing', 'officer', '', 0, suspended_at, NULL FROM catalogue_suspension WHERE {_STANDS}
UNION ALL
SELECT 'settlement_stop_standing', 'officer', '', 0, settlement_stopped_at, NULL FROM catalogue_institution
WHERE settlement_stopped_at <= %(as_of)s
UNION ALL
SELECT CASE WHEN due_on < (%(at)s::timestamptz AT TIME ZONE 'Asia/Jakarta')::date THEN 'hold_overdue'
            ELSE 'hold_undecided' END, 'officer', '', 0, coalesce(appealed_at, opened_at), NULL
FROM holds_hold
WHERE opened_at <= %(as_of)s AND (lifted_at IS NULL OR lifted_at > %(as_of)s)
  AND (confirmed_at IS NULL OR confirmed_at > %(as_of)s OR appealed_at <= %(as_of)s)
UNION ALL
SELECT CASE WHEN due_on < (%(at)s::timestamptz AT TIME ZONE 'Asia/Jakarta')::date THEN 'evidence_case_overdue'
            ELSE 'evidence_case_open' END, owner_role, '', 0, opened_at, NULL
FROM purchases_evidencecase
WHERE opened_at <= %(as_of)s AND (closed_at IS NULL OR closed_at > %(as_of)s)
UNION ALL
SELECT 'case_ruling_waiting', 'officer', '', total_rupiah, proposed_at, NULL FROM purchases_caseruling
WHERE proposed_at <= %(as_of)s AND (confirmed_at IS NULL OR confirmed_at > %(as_of)s)
  AND (dropped_at IS NULL OR dropped_at > %(as_of)s)
UNION ALL
SELECT 'mass_run_waiting_for_approval', 'officer', '', total_rupiah, planned_at, NULL
FROM lifecycle_massrun
WHERE planned_at <= %(as_of)s AND operation NOT IN ('accept_wave', 'entitle')
  AND (approved_at IS NULL OR approved_at > %(as_of)s) AND (cancelled_at IS NULL OR cancelled_at > %(as_of)s)
UNION ALL
SELECT 'mass_run_stop_waiting', 'officer', '', total_rupiah, stop_asked_at, NULL
FROM lifecycle_massrun
WHERE stop_asked_at <= %(as_of)s AND (stopped_at IS NULL OR stopped_at > %(as_of)s)
  AND (finished_at IS NULL OR finished_at > %(as_of)s)
UNION ALL
SELECT CASE WHEN chunk.failed_at <= %(as_of)s THEN 'mass_chunk_failed' ELSE 'mass_chunk_unfinished' END,
       CASE WHEN chunk.failed_at <= %(as_of)s THEN 'officer' ELSE 'worker' END, '', chunk.total_rupiah,
       coalesce(CASE WHEN chunk.failed_at <= %(as_of)s THEN chunk.failed_at END, run.approved_at, run.planned_at), NULL
FROM lifecycle_massrun run JOIN lifecycle_masschunk chunk ON chunk.run_id = run.id
WHERE (run.operation IN ('accept_wave', 'entitle') AND run.planned_at <= %(as_of)s OR run.approved_at <= %(as_of)s)
  AND (run.cancelled_at IS NULL OR run.cancelled_at > %(as_of)s)
  AND (run.stopped_at IS NULL OR run.stopped_at > %(as_of)s)
  AND (run.finished_at IS NULL OR run.finished_at > %(as_of)s)
  AND (chunk.done_at IS NULL OR chunk.done_at > %(as_of)s)
UNION ALL
SELECT 'proof_waiting', 'worker', '', 0, requested_at, NULL FROM ledger_proofrequest
WHERE requested_at <= %(as_of)s AND (answered_at IS NULL OR answered_at > %(as_of)s)
"""
# Behind the fence the planner knows nothing of how many kinds there are, so it adds them up without sorting all items.
ITEMS_SQL = """
SELECT kind, owner, of, count(*), sum(rupiah)::bigint, min(since_at), explains
FROM (SELECT * FROM ({sql}) found OFFSET 0) item(kind, owner, of, rupiah, since_at, explains)
GROUP BY kind, owner, of, explains ORDER BY kind, owner, of, explains
"""
QUESTIONS = (PAYOUTS_SQL, ESCROW_SQL, INSTITUTIONS_SQL, RECEIVABLES_SQL, f"{OVERDUE_SQL} UNION ALL {WAITING_SQL}")

EXPLAINED = Invariant(
    "I12",
    "escrow, what institutions are owed, what is earned and not paid, in transit and to be paid back is explained by "
    "open items, each with an owner and an age",
    "",
    "",
)


def open_items(cursor: Any, as_of: datetime | None = None, *, at: datetime | None = None) -> list[OpenItem]:
    """Everything that was open as of an instant, or now (`at`, or the programme's clock), by kind and owner."""
    return _items(cursor, QUESTIONS, as_of, at or as_of or programme_now())


def _items(cursor: Any, questions: Iterable[str], as_of: datetime | None, at: datetime) -> list[OpenItem]:
    found = []
    for sql in questions:
        cursor.execute(ITEMS_SQL.format(sql=sql), {"as_of": as_of or "infinity", "at": at})
        for kind, owner, of, count, rupiah, oldest_at, explains in cursor.fetchall():
            age = max((at - oldest_at) // timedelta(days=1), 0)
            found.append(OpenItem(kind, owner, of, count, rupiah, oldest_at, age, explains))
    return found


def unexplained(
    cursor: Any, items: Iterable[OpenItem], moved: Mapping[tuple[int, int, int], int], as_of: datetime | None
) -> list[dict[str, Any]]:
    """The ledger's kinds whose money the open items do not explain to the rupiah, and items without owner or age.

    `moved` has the sum of all transfers by (paying kind, paid kind, reason)."""
    held = {kind: _held(kind, moved) for kind in (3, 4, 7, 10, 11)}
    held[5] = _earned_unpaid(cursor, moved, as_of or "infinity")
    explained: dict[int, int] = {}
    rows: list[dict[str, Any]] = []
    for item in items:
        if item.explains is not None:
            explained[item.explains] = explained.get(item.explains, 0) + item.rupiah
        if item.kind not in LABELS or item.owner not in OWNERS:
            rows.append({"kind": item.kind, "owner": item.owner, "count": item.count})
    for kind in sorted(held.keys() | explained.keys()):
        if held.get(kind, 0) != explained.get(kind, 0):
            rows.append({"kind": kind, "held_rupiah": held.get(kind, 0), "explained_rupiah": explained.get(kind, 0)})
    return rows


def _held(kind: int, moved: Mapping[tuple[int, int, int], int]) -> int:
    return sum(rupiah * ((credit == kind) - (debit == kind)) for (debit, credit, _), rupiah in moved.items())


def _earned_unpaid(cursor: Any, moved: Mapping[tuple[int, int, int], int], as_of: object) -> int:
    """What was earned and has not left the committed money, less what lapsed with a clawback before it was paid."""
    cursor.execute(
        "SELECT coalesce(sum(amount_rupiah) FILTER (WHERE lapsed_at IS NULL OR lapsed_at > %(as_of)s), 0)::bigint"
        " FROM incentives_entitlement WHERE entitled_at <= %(as_of)s",
        {"as_of": as_of},
    )
    (owed,) = cursor.fetchone()
    sent = sum(rupiah for (_, _, reason), rupiah in moved.items() if reason == 4)
    came_back = sum(rupiah for (_, _, reason), rupiah in moved.items() if reason in (6, 12, 13))
    return int(owed - sent + came_back)
