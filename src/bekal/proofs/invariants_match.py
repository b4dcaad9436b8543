"""Each transfer has its cause, and each cause its transfer: payouts and what the partners said of them, purchases and
how they went on, clawbacks and what was paid back.

A look joins what should have been posted with what was, by owner and permanent key, over all time: whatever had
happened by the instant asked for must then agree in amount, in kinds and in its instant. An instant may lie after the
transfer's where a clock was set back, and only there: see `may_be_late`.
"""

from bekal.proofs.look import Invariant, Look

_EXPECTED = "owner_id, idempotency_key, reason, debit_kind, credit_kind, amount_rupiah, at"


def _matched(expected: str, reasons: str) -> str:
    """Both sides side by side; `posted` is NULL where the ledger has nothing, `at` where there is no cause."""
    return f"""
    SELECT coalesce(t.owner_id, x.owner_id) AS owner_id,
           coalesce(t.idempotency_key, x.idempotency_key) AS idempotency_key,
           t.posted_at, t.amount_rupiah AS posted_rupiah, x.at, x.amount_rupiah AS caused_rupiah,
           t.id AS transfer_id,
           (t.reason, t.debit_kind, t.credit_kind) IS NOT DISTINCT FROM (x.reason, x.debit_kind, x.credit_kind)
               AS is_same_movement, x.may_be_late
    FROM (SELECT owner_id, idempotency_key, id, reason, debit_kind, credit_kind, amount_rupiah, posted_at
          FROM ledger_transfer WHERE reason IN ({reasons})) t
    FULL JOIN ({expected}) x ON x.owner_id = t.owner_id AND x.idempotency_key = t.idempotency_key
    WHERE t.owner_id IS NULL OR x.owner_id IS NULL OR t.amount_rupiah <> x.amount_rupiah OR t.posted_at <> x.at
       OR (t.reason, t.debit_kind, t.credit_kind) <> (x.reason, x.debit_kind, x.credit_kind)
    """


_HAPPENED = "least(posted_at, at) <= %(as_of)s"
_SHOWS = "owner_id, idempotency_key, posted_at, posted_rupiah, at AS caused_at, caused_rupiah"


def _both_ways(name: str, transfers: str, causes: str) -> tuple[Invariant, ...]:
    return (
        Invariant(name, f"{transfers} has {causes} behind it", f"{_HAPPENED} AND at IS NULL", _SHOWS),
        Invariant(name, f"{causes} has {transfers}", f"{_HAPPENED} AND posted_at IS NULL", _SHOWS),
        Invariant(
            name,
            f"{transfers} and {causes} agree in amount, kinds and instant",
            f"{_HAPPENED} AND posted_at IS NOT NULL AND at IS NOT NULL AND (posted_rupiah <> caused_rupiah"
            " OR NOT is_same_movement OR posted_at > at OR posted_at < at AND NOT may_be_late)",
            _SHOWS,
        ),
    )


_PAYOUTS = """
    SELECT entitlement.participation_id AS owner_id, status.state || ':' || payout.reference AS idempotency_key,
           CASE status.state WHEN 'sent' THEN 4 WHEN 'settled' THEN 5 WHEN 'rejected' THEN 6 WHEN 'returned' THEN 12
                             WHEN 'reversed' THEN 13 END AS reason,
           CASE status.state WHEN 'sent' THEN committed WHEN 'settled' THEN 7 WHEN 'rejected' THEN 7 ELSE 8 END
               AS debit_kind,
           CASE status.state WHEN 'sent' THEN 7 WHEN 'settled' THEN 8 ELSE committed END AS credit_kind,
           payout.amount_rupiah, status.recorded_at AS at, false AS may_be_late
    FROM incentives_payoutstatus status
    JOIN incentives_payout payout ON payout.id = status.payout_id AND status.state NOT IN ('withheld', 'accepted')
    JOIN (SELECT id, participation_id, CASE kind WHEN 'incentive' THEN 5 ELSE 6 END AS committed
          FROM incentives_entitlement) entitlement ON entitlement.id = payout.entitlement_id
"""
# Each time a settlement was paid: those that came back in their order, and the one that stands.
_PAYMENTS = """SELECT settlement_id, paid_at, came_back_at,
                      row_number() OVER (PARTITION BY settlement_id ORDER BY came_back_at NULLS LAST) AS number
               FROM (SELECT settlement_id, paid_at, failed_at AS came_back_at FROM purchases_settlementfailure
                     WHERE paid_at IS NOT NULL
                     UNION ALL SELECT id, settled_at, NULL FROM purchases_institutionsettlement
                     WHERE settled_at IS NOT NULL) each"""
# What is proven late is owed at once; only the instant of the purchase is kept from going back before its completion.
_PURCHASES = f"""
    SELECT participation_id AS owner_id, 'purchase:' || training_id AS idempotency_key, 2 AS reason, 2 AS debit_kind,
           3 AS credit_kind, price_rupiah AS amount_rupiah, bought_at AS at, false AS may_be_late
    FROM purchases_purchase WHERE price_rupiah > 0
    UNION ALL
    SELECT participation_id, 'completion:' || training_id, 3, 3, 4, price_rupiah - refunded_rupiah,
           coalesce(reconciled_at, ended_at), true
    FROM purchases_purchase
    WHERE price_rupiah > refunded_rupiah AND (reconciled_at IS NOT NULL OR ended_at IS NOT NULL)
    UNION ALL
    SELECT participation_id, 'institution:' || training_id || CASE WHEN number > 1 THEN ':' || number ELSE '' END,
           11, 4, 9, price_rupiah - refunded_rupiah, payment.paid_at, false
    FROM purchases_purchase JOIN ({_PAYMENTS}) payment USING (settlement_id)
    WHERE price_rupiah > refunded_rupiah
    UNION ALL
    SELECT participation_id, 'institution-back:' || training_id || ':' || number, 18, 9, 4,
           price_rupiah - refunded_rupiah, payment.came_back_at, false
    FROM purchases_purchase JOIN ({_PAYMENTS}) payment USING (settlement_id)
    WHERE price_rupiah > refunded_rupiah AND payment.came_back_at IS NOT NULL
"""
_CLAWBACKS = """
    SELECT clawback.participation_id AS owner_id, what.key AS idempotency_key, what.reason, what.debit_kind,
           what.credit_kind, what.amount_rupiah, what.at, false AS may_be_late
    FROM lifecycle_clawback clawback
    LEFT JOIN (SELECT clawback_id, sum(incentive_rupiah)::bigint AS incentive, sum(training_rupiah)::bigint AS training
               FROM lifecycle_repayment GROUP BY clawback_id) repaid ON repaid.clawback_id = clawback.id
    CROSS JOIN LATERAL (VALUES
        ('clawback:' || id || ':incentive', 14, 8, 10, incentive_rupiah, approved_at),
        ('clawback:' || id || ':training', 14, 9, 11, training_rupiah, approved_at),
        ('withdrawal:' || id || ':incentive', 16, 10, 8, incentive_rupiah - coalesce(repaid.incentive, 0),
         withdrawn_at),
        ('withdrawal:' || id || ':training', 16, 11, 9, training_rupiah - coalesce(repaid.training, 0), withdrawn_at)
    ) AS what(key, reason, debit_kind, credit_kind, amount_rupiah, at)
    WHERE what.amount_rupiah > 0 AND what.at IS NOT NULL AND approved_at IS NOT NULL
    UNION ALL
    SELECT clawback.participation_id, what.key, 15, what.debit_kind, 1, what.amount_rupiah, repayment.recorded_at, false
    FROM lifecycle_repayment repayment JOIN lifecycle_clawback clawback ON clawback.id = repayment.clawback_id
    CROSS JOIN LATERAL (VALUES
        ('repayment:' || repayment.id || ':incentive', 10, repayment.incentive_rupiah),
        ('repayment:' || repayment.id || ':training', 11, repayment.training_rupiah)
    ) AS what(key, debit_kind, amount_rupiah)
    WHERE what.amount_rupiah > 0
"""

PAYOUTS = Look(
    _matched(_PAYOUTS, "4, 5, 6, 12, 13"),
    _both_ways("I5", "every transfer of a payout", "what was sent or what the partner said"),
)
PURCHASES = Look(
    _matched(_PURCHASES, "2, 3, 11, 18"),
    _both_ways("I6", "every transfer into escrow, to an institution's claim or to the institution", "a purchase"),
)
# A refund is told by its purchase, too, but may go to either of two kinds.
REFUNDS = Look(
    """
    SELECT coalesce(t.owner_id, x.participation_id) AS owner_id, t.idempotency_key, x.id AS purchase_id, t.posted_at,
           x.ended_at, t.amount_rupiah AS posted_rupiah, x.refunded_rupiah
    FROM (SELECT owner_id, idempotency_key, amount_rupiah, posted_at FROM ledger_transfer WHERE reason = 10) t
    FULL JOIN (SELECT id, participation_id, 'refund:' || training_id AS idempotency_key, refunded_rupiah, ended_at
               FROM purchases_purchase WHERE refunded_rupiah > 0) x
        ON x.participation_id = t.owner_id AND x.idempotency_key = t.idempotency_key
    """,
    (
        Invariant(
            "I6",
            "every refund is that of a purchase that ended, in its amount, and every such purchase was refunded",
            "least(posted_at, ended_at) <= %(as_of)s"
            " AND (posted_rupiah, posted_at <= ended_at) IS DISTINCT FROM (refunded_rupiah, true)",
            "owner_id, idempotency_key, purchase_id, posted_at, ended_at, posted_rupiah, refunded_rupiah",
        ),
    ),
)
CLAWBACKS = Look(
    _matched(_CLAWBACKS, "14, 15, 16"),
    _both_ways("I7", "every transfer of a clawback", "an approved clawback, its repayment or its withdrawal"),
)
# Returns to the treasury carry the instant of what they belong to.
RETURNS = Look(
    """
    SELECT t.owner_id, t.id, t.reason, t.idempotency_key, t.amount_rupiah, t.posted_at, place.revoked_at,
           place.balance_ended_at, place.closed_at, taken.approved_at AS clawed_back_at
    FROM (SELECT owner_id, id, reason, idempotency_key, amount_rupiah, posted_at FROM ledger_transfer
          WHERE reason IN (7, 8, 17) AND posted_at <= %(as_of)s) t
    LEFT JOIN participants_participation place ON place.id = t.owner_id
    LEFT JOIN (SELECT DISTINCT participation_id, approved_at FROM lifecycle_clawback
               WHERE approved_at IS NOT NULL) taken
        ON taken.participation_id = t.owner_id AND taken.approved_at = t.posted_at
    """,
    (
        Invariant(
            "I7",
            "what a revocation returned was returned when the place was revoked or clawed back",
            "reason = 7 AND posted_at IS DISTINCT FROM revoked_at AND clawed_back_at IS NULL",
            "owner_id, id, idempotency_key, amount_rupiah, posted_at, revoked_at, clawed_back_at",
        ),
        Invariant(
            "I8",
            "what the end of a balance or the closing of a year returned was returned then",
            "reason <> 7 AND (posted_at = CASE reason WHEN 8 THEN balance_ended_at ELSE closed_at END) IS NOT TRUE",
            "owner_id, id, idempotency_key, amount_rupiah, posted_at, balance_ended_at, closed_at",
        ),
    ),
)
# What lapses is owed to nobody any more: so much may only a clawback do.
LAPSED = Look(
    """
    SELECT earned.id AS entitlement_id, earned.participation_id, earned.lapsed_at
    FROM incentives_entitlement earned
    LEFT JOIN (SELECT DISTINCT participation_id, approved_at FROM lifecycle_clawback
               WHERE approved_at IS NOT NULL) taken
        ON taken.participation_id = earned.participation_id AND taken.approved_at = earned.lapsed_at
    WHERE earned.lapsed_at <= %(as_of)s AND taken.participation_id IS NULL
    """,
    (
        Invariant(
            "I7",
            "an instalment lapses when a clawback of its person is approved, and only then",
            "true",
            "entitlement_id, participation_id, lapsed_at",
        ),
    ),
)
