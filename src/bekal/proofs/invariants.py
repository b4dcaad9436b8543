"""All invariants, I1 to I12, each in the look that tells it: SQL whose rows are what breaks it.

The checker shares no code with the verbs: table and column names, kinds and reasons are written out, the promises are
read from the rule files, and it runs as a role that can only read. `%(as_of)s` bounds every table that has a past;
stored balances, counts and live settings exist only now, so those are left out as of a past instant. Told elsewhere:
that the chain recomputes (I10) by `chain.py`, I12 by `exceptions.py`, and that everything sums to Rp0 by
`check.py`, which counts it all.
"""

from bekal.proofs.guards import GUARDS
from bekal.proofs.invariants_match import CLAWBACKS, LAPSED, PAYOUTS, PURCHASES, REFUNDS, RETURNS
from bekal.proofs.invariants_owner import OWNERS
from bekal.proofs.invariants_statements import BESIDE_STATEMENTS
from bekal.proofs.look import Invariant, Look
from bekal.proofs.promises import SETTLEMENT, promised_sql

_HOLD_DAYS = promised_sql(SETTLEMENT, "settlement_hold_days", "proven_on")

# By payout what was said of it, counted, and whether that can be.
_ANSWERS = """SELECT payout_id, settled, rejected, came_back, withheld, settled_at,
           sent + withheld <> 1 OR least(settled + rejected, withheld) > 0 OR settled + rejected > 1
           OR came_back > settled OR least(settled_at, rejected_at) < sent_at OR came_back_at < settled_at
               AS is_disorder
    FROM (SELECT payout_id, count(*) FILTER (WHERE state = 'sent') AS sent,
                 count(*) FILTER (WHERE state = 'settled') AS settled,
                 count(*) FILTER (WHERE state = 'rejected') AS rejected,
                 count(*) FILTER (WHERE state IN ('returned', 'reversed')) AS came_back,
                 count(*) FILTER (WHERE state = 'withheld') AS withheld,
                 min(recorded_at) FILTER (WHERE state = 'sent') AS sent_at,
                 min(recorded_at) FILTER (WHERE state = 'settled') AS settled_at,
                 min(recorded_at) FILTER (WHERE state = 'rejected') AS rejected_at,
                 min(recorded_at) FILTER (WHERE state IN ('returned', 'reversed')) AS came_back_at
          FROM incentives_payoutstatus WHERE recorded_at <= %(as_of)s GROUP BY payout_id) counted"""

ATTEMPTS = Look(
    f"""
    SELECT entitlement.id AS entitlement_id, entitlement.participation_id, entitlement.amount_rupiah AS earned_rupiah,
           count(*) FILTER (WHERE run.planned_at <= %(as_of)s
                            AND (payout.ended_at IS NULL OR payout.ended_at > %(as_of)s)) AS live,
           sum(answer.settled - answer.came_back) AS paid,
           bool_or(payout.amount_rupiah <> entitlement.amount_rupiah) AS is_other_amount,
           bool_or(account.participant_id IS DISTINCT FROM place.participant_id) AS is_other_account,
           bool_or(answer.is_disorder) AS is_disorder,
           bool_or((payout.ended_at IS NOT NULL)
                   <> (coalesce(answer.rejected + answer.came_back + answer.withheld, 0) > 0
                       OR run.cancelled_at IS NOT NULL))
               AS is_ended_otherwise
    FROM incentives_payout payout
    JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
    JOIN incentives_payoutrun run ON run.id = payout.run_id
    JOIN participants_participation place ON place.id = entitlement.participation_id
    LEFT JOIN participants_payoutaccount account ON account.id = payout.account_id
    LEFT JOIN (
        {_ANSWERS}
    ) answer ON answer.payout_id = payout.id
    GROUP BY entitlement.id
    """,
    (
        Invariant(
            "I4",
            "no instalment has more than one live payout",
            "live > 1",
            "entitlement_id, participation_id, live",
        ),
        Invariant(
            "I4",
            "no instalment is paid twice, what came back counted off",
            "paid > 1",
            "entitlement_id, participation_id, paid, earned_rupiah",
        ),
        Invariant(
            "I5",
            "every payout is in the amount of its instalment, to an account of its person",
            "is_other_amount OR is_other_account",
            "entitlement_id, participation_id, earned_rupiah, is_other_amount, is_other_account",
        ),
        Invariant(
            "I5",
            "a payout is sent first or kept back, answered once, and comes back only after it was paid",
            "is_disorder",
            "entitlement_id, participation_id",
        ),
        Invariant(
            "I5",
            "a payout has ended where it was rejected, came back, was kept back or its run was cancelled, and nowhere "
            "else",
            "is_ended_otherwise",
            "entitlement_id, participation_id",
            only_now=True,
        ),
    ),
)
FILES = Look(
    """
    SELECT file.id AS file_id, file.run_id, file.direction, file.partner, file.line_count, file.total_rupiah,
           coalesce(said.count, 0) AS statuses, coalesce(said.rupiah, 0) AS statuses_rupiah
    FROM incentives_payoutfile file
    LEFT JOIN (SELECT status.file_id, count(*) AS count, sum(payout.amount_rupiah)::bigint AS rupiah
               -- A line that says what came back can say that it was paid, too.
               FROM (SELECT DISTINCT file_id, payout_id FROM incentives_payoutstatus) status
               JOIN incentives_payout payout ON payout.id = status.payout_id
               GROUP BY status.file_id) said ON said.file_id = file.id
    WHERE file.stored_at <= %(as_of)s AND file.name NOT LIKE 'imported-%%'
    """,
    (
        Invariant(
            "I5",
            "every file that was sent has as many lines, and the sum, as the payouts sent with it; none that came back "
            "answers more than it has lines",
            "direction = 'out' AND (line_count, total_rupiah) <> (statuses, statuses_rupiah)"
            " OR direction = 'back' AND (statuses > line_count OR statuses_rupiah > total_rupiah)",
            "file_id, run_id, direction, partner, line_count, statuses, total_rupiah, statuses_rupiah",
        ),
    ),
)
ANSWERED = Look(
    """
    SELECT entitlement.participation_id, entitlement.instalment AS survey_number, entitlement.entitled_at,
           response.answered_at
    FROM incentives_entitlement entitlement
    LEFT JOIN engagement_surveyresponse response ON response.participation_id = entitlement.participation_id
         AND response.survey_number = entitlement.instalment AND response.answered_at <= %(as_of)s
    WHERE entitlement.kind = 'survey' AND entitlement.entitled_at <= %(as_of)s
    """,
    (
        Invariant(
            "I4",
            "no survey is paid without the response that earned it",
            "answered_at IS NULL",
            "participation_id, survey_number, entitled_at",
        ),
    ),
)
SETTLEMENTS = Look(
    f"""
    SELECT settlement.id AS settlement_id, settlement.institution_id, settlement.ordered_at, settlement.purchase_count,
           settlement.total_rupiah, count(purchase.id) AS purchases,
           coalesce(sum(purchase.price_rupiah - purchase.refunded_rupiah), 0)::bigint AS purchases_rupiah,
           coalesce(bool_or(training.institution_id <> settlement.institution_id), false) AS is_of_another,
           coalesce(bool_or(settlement.ordered_at < proven.proven_at), false) AS is_before_proof,
           min((settlement.ordered_at AT TIME ZONE 'Asia/Jakarta')::date - proven.proven_on) AS least_days,
           coalesce(bool_or((settlement.ordered_at AT TIME ZONE 'Asia/Jakarta')::date
                            < proven.proven_on + {_HOLD_DAYS}), false) AS is_before_hold
    FROM purchases_institutionsettlement settlement
    LEFT JOIN purchases_purchase purchase ON purchase.settlement_id = settlement.id
    LEFT JOIN catalogue_training training ON training.id = purchase.training_id
    LEFT JOIN LATERAL (SELECT coalesce(purchase.reconciled_at, purchase.ended_at) AS proven_at,
                              (coalesce(purchase.reconciled_at, purchase.ended_at) AT TIME ZONE 'Asia/Jakarta')::date
                                  AS proven_on) proven ON true
    WHERE settlement.ordered_at <= %(as_of)s GROUP BY settlement.id
    """,
    (
        Invariant(
            "I6",
            "every settlement has the count and the sum of its purchases, all of that institution",
            "(purchase_count, total_rupiah) <> (purchases, purchases_rupiah) OR is_of_another",
            "settlement_id, institution_id, purchase_count, purchases, total_rupiah, purchases_rupiah, is_of_another",
        ),
        Invariant(
            "I6",
            "nothing is ordered to be paid to an institution before the session is proven and the hold is over",
            "is_before_proof OR is_before_hold",
            "settlement_id, institution_id, ordered_at, least_days",
        ),
    ),
)
# What institutions are paid is told by the payments of their settlements, as instalments are by theirs; what was paid
# before there were rails, or without one, was ordered in the same moment.
_OF_INSTITUTIONS = "payout_id IN (SELECT id FROM incentives_payout WHERE settlement_id IS NOT NULL)"
_ANSWERS_TO_INSTITUTIONS = _ANSWERS.replace("payoutstatus WHERE", f"payoutstatus WHERE {_OF_INSTITUTIONS} AND")
PAYMENTS = Look(
    f"""
    SELECT settlement.id AS settlement_id, settlement.institution_id, settlement.total_rupiah, settlement.ordered_at,
           settlement.settled_at, count(payout.id) AS attempts,
           count(*) FILTER (WHERE run.planned_at <= %(as_of)s
                            AND (payout.ended_at IS NULL OR payout.ended_at > %(as_of)s)) AS live,
           coalesce(sum(answer.settled - answer.came_back), 0) AS paid,
           max(answer.settled_at) FILTER (WHERE payout.ended_at IS NULL) AS paid_at,
           coalesce(bool_or(payout.amount_rupiah <> settlement.total_rupiah), false) AS is_other_amount,
           coalesce(bool_or(account.institution_id <> settlement.institution_id OR account.agreed_at IS NULL
                            OR account.agreed_at > run.planned_at)
                    FILTER (WHERE payout.id IS NOT NULL), false) AS is_other_account,
           coalesce(bool_or(answer.is_disorder), false) AS is_disorder,
           coalesce(bool_or((payout.ended_at IS NOT NULL)
                   <> (coalesce(answer.rejected + answer.came_back + answer.withheld, 0) > 0
                       OR run.cancelled_at IS NOT NULL)), false) AS is_ended_otherwise,
           coalesce(bool_or((failed.reason_code, failed.recorded_at, failed.came_back) IS DISTINCT FROM
                            (failure.reason_code, failure.failed_at, failure.paid_at IS NOT NULL))
                    FILTER (WHERE failed.payout_id IS NOT NULL OR failure.id IS NOT NULL), false)
           OR count(failure.id) <> (SELECT count(*) FROM purchases_settlementfailure each
                                    WHERE each.settlement_id = settlement.id) AS is_failed_otherwise
    FROM purchases_institutionsettlement settlement
    LEFT JOIN incentives_payout payout ON payout.settlement_id = settlement.id
    LEFT JOIN incentives_payoutrun run ON run.id = payout.run_id
    LEFT JOIN incentives_institutionaccount account ON account.id = payout.institution_account_id
    LEFT JOIN ({_ANSWERS_TO_INSTITUTIONS}) answer ON answer.payout_id = payout.id
    LEFT JOIN (SELECT payout_id, reason_code, recorded_at, state = 'returned' AS came_back
               FROM incentives_payoutstatus WHERE state IN ('rejected', 'returned')) failed
        ON failed.payout_id = payout.id
    LEFT JOIN purchases_settlementfailure failure ON failure.reference = payout.reference
    WHERE settlement.ordered_at <= %(as_of)s GROUP BY settlement.id
    """,
    (
        Invariant(
            "I4",
            "no settlement has more than one live payment, and none is paid twice, what came back counted off",
            "live > 1 OR paid > 1",
            "settlement_id, institution_id, live, paid, total_rupiah",
        ),
        Invariant(
            "I5",
            "every payment to an institution is in the amount of its settlement, to an account of it on which two "
            "officers had agreed, and goes through its states as any other",
            "is_other_amount OR is_other_account OR is_disorder",
            "settlement_id, institution_id, total_rupiah, is_other_amount, is_other_account, is_disorder",
        ),
        Invariant(
            "I5",
            "a settlement is settled when its payment was, and by nothing else; each payment that failed stands with "
            "its reason, and has ended",
            "settled_at IS DISTINCT FROM CASE WHEN attempts = 0 AND settled_at IS NOT NULL THEN ordered_at ELSE paid_at"
            " END OR is_failed_otherwise OR is_ended_otherwise",
            "settlement_id, institution_id, attempts, settled_at, paid_at, is_failed_otherwise, is_ended_otherwise",
            only_now=True,
        ),
    ),
)
SEATS = Look(
    """
    SELECT training.id AS training_id, training.seat_count, training.bought_count, coalesce(sold.count, 0) AS sold
    FROM catalogue_training training
    LEFT JOIN (SELECT training_id, count(*) AS count FROM purchases_purchase WHERE bought_at <= %(as_of)s
               GROUP BY training_id) sold ON sold.training_id = training.id
    """,
    (
        Invariant(
            "I11", "no training has more buyers than seats", "sold > seat_count", "training_id, sold, seat_count"
        ),
        Invariant(
            "I11",
            "the number of buyers kept with a training is the number of its purchases",
            "bought_count <> sold",
            "training_id, bought_count, sold",
            only_now=True,
        ),
    ),
)
# A day is first told as the instant it begins: over millions of rows that costs a third of its date.
SUMS = Look(
    """
    SELECT posted_on, reason, debit_kind, credit_kind, is_clawback, sum(count) AS transfers_unlike,
           sum(rupiah) AS rupiah_unlike
    FROM (SELECT (begins_at AT TIME ZONE 'Asia/Jakarta')::date AS posted_on, reason, debit_kind, credit_kind,
                 is_clawback, count, rupiah
          FROM (SELECT date_bin('1 day', posted_at, TIMESTAMPTZ '2000-01-01 00:00+07') AS begins_at, reason, debit_kind,
                       credit_kind, reason = 7 AND idempotency_key LIKE 'clawback:%%' AS is_clawback, count(*) AS count,
                       sum(amount_rupiah) AS rupiah
                FROM ledger_transfer
                WHERE id <= (SELECT max(link.until_id) FROM ledger_digestlink link
                             WHERE link.number <= (SELECT max(link_number) FROM lifecycle_closedsum))
                GROUP BY 1, 2, 3, 4, 5) grouped
          UNION ALL
          SELECT posted_on, reason, debit_kind, credit_kind, is_clawback, -transfer_count, -moved_rupiah
          FROM lifecycle_closedsum) beside
    GROUP BY 1, 2, 3, 4, 5
    """,
    (
        Invariant(
            "I10",
            "the sums that are kept of the chain's links are, day by day and movement by movement, those of the "
            "transfers the links cover",
            "transfers_unlike <> 0 OR rupiah_unlike <> 0",
            "posted_on, reason, debit_kind, credit_kind, is_clawback, transfers_unlike, rupiah_unlike",
            only_now=True,
        ),
    ),
)
# The heavy ones first: whoever is free takes the next.
LOOKS: tuple[Look, ...] = (
    OWNERS,
    PAYOUTS,
    PURCHASES,
    ATTEMPTS,
    SUMS,
    RETURNS,
    REFUNDS,
    CLAWBACKS,
    LAPSED,
    ANSWERED,
    FILES,
    *BESIDE_STATEMENTS,
    SETTLEMENTS,
    PAYMENTS,
    SEATS,
    GUARDS,
)
INVARIANTS = tuple(invariant for look in LOOKS for invariant in look.invariants)
