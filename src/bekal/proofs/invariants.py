"""The invariants of the ledger as SQL: each query returns the rows that break it, so that no row is the proof.

The checker shares no code with the verbs: table and column names are written out, the kinds are told by number
(1 treasury, 2 training balance, 3 escrow, 4 owed to an institution, 5 incentive committed, 6 survey pay committed,
7 payout in transit, 8 paid to the participant), and it runs as a role that can only read. `%(as_of)s` bounds every
table that has a past; stored balances and live attempts exist only now, so those checks run only where no past instant
is asked for.
"""

from dataclasses import dataclass

ENTRIES = """(
    SELECT owner_id, credit_kind AS kind, amount_rupiah AS amount, posted_at, id FROM ledger_transfer
    WHERE posted_at <= %(as_of)s
    UNION ALL
    SELECT owner_id, debit_kind, -amount_rupiah, posted_at, id FROM ledger_transfer WHERE posted_at <= %(as_of)s
)"""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must hold: `sql` returns at most a handful of rows, each a violation."""

    name: str
    holds: str
    sql: str
    only_now: bool = False


INVARIANTS = (
    Invariant(
        "I1",
        "every transfer moves a whole positive amount between two different kinds",
        """
        SELECT owner_id, id, debit_kind, credit_kind, amount_rupiah FROM ledger_transfer
        WHERE posted_at <= %(as_of)s AND (amount_rupiah <= 0 OR debit_kind = credit_kind
              OR debit_kind NOT BETWEEN 1 AND 8 OR credit_kind NOT BETWEEN 1 AND 8)
        LIMIT 20
        """,
    ),
    Invariant(
        "I1",
        "all kinds together sum to Rp0",
        f"SELECT sum(amount) AS difference FROM {ENTRIES} e HAVING sum(amount) <> 0",
    ),
    Invariant(
        "I2",
        "no training balance is below Rp0 after any transfer, and none is above its grant",
        """
        SELECT owner_id, id, running, granted FROM (
            SELECT owner_id, id, posted_at,
                   sum(amount) OVER (PARTITION BY owner_id ORDER BY posted_at, id) AS running,
                   sum(amount) FILTER (WHERE from_treasury)
                       OVER (PARTITION BY owner_id ORDER BY posted_at, id) AS granted
            FROM (
                SELECT owner_id, id, posted_at, amount_rupiah AS amount, debit_kind = 1 AS from_treasury
                FROM ledger_transfer WHERE credit_kind = 2 AND posted_at <= %(as_of)s
                UNION ALL
                SELECT owner_id, id, posted_at, -amount_rupiah, false
                FROM ledger_transfer WHERE debit_kind = 2 AND posted_at <= %(as_of)s
            ) moves
        ) history WHERE running < 0 OR running > coalesce(granted, 0)
        LIMIT 20
        """,
    ),
    Invariant(
        "I2",
        "the stored training balance equals the derived one",
        f"""
        SELECT owner_id, stored.remaining_rupiah, derived.amount FROM ledger_trainingbalance stored
        FULL JOIN (SELECT owner_id, sum(amount) AS amount FROM {ENTRIES} e WHERE kind = 2 GROUP BY owner_id) derived
            USING (owner_id)
        WHERE stored.remaining_rupiah IS DISTINCT FROM derived.amount
        LIMIT 20
        """,
        only_now=True,
    ),
    Invariant(
        "I3",
        "of each participation, what left the treasury equals balance, escrow, owed, committed, in transit and paid",
        f"""
        SELECT owner_id, sum(amount) AS difference FROM {ENTRIES} e GROUP BY owner_id HAVING sum(amount) <> 0 LIMIT 20
        """,
    ),
    Invariant(
        "I3",
        "no kind of any participation but the treasury's is below Rp0",
        f"""
        SELECT owner_id, kind, sum(amount) AS amount FROM {ENTRIES} e
        WHERE kind <> 1 GROUP BY owner_id, kind HAVING sum(amount) < 0 LIMIT 20
        """,
    ),
    Invariant(
        "I3",
        "every participation has exactly one envelope, committed when it was accepted, or taken over once with the sum "
        "that was noted then, and no money moves without one",
        """
        SELECT coalesce(p.id, c.owner_id) AS owner_id, p.accepted_at, p.opened_at, p.opened_rupiah,
               c.committed_at, c.commitments, c.openings, c.opening_rupiah
        FROM (SELECT id, accepted_at, opened_at, opened_rupiah FROM participants_participation
              WHERE accepted_at <= %(as_of)s) p
        FULL JOIN (
            SELECT owner_id, min(posted_at) AS committed_at, count(*) FILTER (WHERE reason = 1) AS commitments,
                   count(*) FILTER (WHERE reason = 9) AS openings,
                   count(DISTINCT credit_kind) FILTER (WHERE reason = 9) AS opened_kinds,
                   max(posted_at) FILTER (WHERE reason = 9) AS last_opening_at,
                   coalesce(sum(amount_rupiah) FILTER (WHERE reason = 9), 0) AS opening_rupiah
            FROM ledger_transfer WHERE posted_at <= %(as_of)s GROUP BY owner_id
        ) c ON c.owner_id = p.id
        WHERE p.id IS NULL
           OR (p.opened_at IS NULL
               AND (c.owner_id IS NULL OR c.commitments <> 3 OR c.openings > 0 OR c.committed_at <> p.accepted_at))
           OR (p.opened_at > %(as_of)s AND c.owner_id IS NOT NULL)
           OR (p.opened_at <= %(as_of)s
               AND (coalesce(c.opening_rupiah, 0) <> p.opened_rupiah OR c.commitments > 0
                    OR c.openings <> c.opened_kinds
                    OR c.committed_at < p.opened_at OR c.last_opening_at <> p.opened_at))
        LIMIT 20
        """,
    ),
    Invariant(
        "I4",
        "no instalment has more than one live payout",
        """
        SELECT entitlement_id, count(*) AS live FROM incentives_payout
        WHERE ended_at IS NULL GROUP BY entitlement_id HAVING count(*) > 1 LIMIT 20
        """,
        only_now=True,
    ),
    Invariant(
        "I4",
        "no instalment is settled twice, nor in another amount than its entitlement",
        """
        SELECT entitlement.id, count(*) AS settled, sum(t.amount_rupiah) AS paid, entitlement.amount_rupiah
        FROM incentives_entitlement entitlement
        JOIN incentives_payout payout ON payout.entitlement_id = entitlement.id
        JOIN ledger_transfer t ON t.owner_id = entitlement.participation_id
             AND t.idempotency_key = 'settled:' || payout.reference AND t.posted_at <= %(as_of)s
        GROUP BY entitlement.id
        HAVING count(*) > 1 OR sum(t.amount_rupiah) <> entitlement.amount_rupiah
        LIMIT 20
        """,
    ),
    Invariant(
        "I4",
        "what was paid was earned, and committed money covers what is earned and not yet paid",
        """
        SELECT owed.participation_id, owed.earned, money.paid, money.in_transit, money.committed
        FROM (SELECT participation_id, sum(amount_rupiah) AS earned FROM incentives_entitlement
              WHERE entitled_at <= %(as_of)s GROUP BY participation_id) owed
        FULL JOIN (
            SELECT owner_id,
                   coalesce(sum(amount) FILTER (WHERE kind = 8), 0) AS paid,
                   coalesce(sum(amount) FILTER (WHERE kind = 7), 0) AS in_transit,
                   coalesce(sum(amount) FILTER (WHERE kind IN (5, 6)), 0) AS committed
            FROM """
        + ENTRIES
        + """ e GROUP BY owner_id
        ) money ON money.owner_id = owed.participation_id
        WHERE money.owner_id IS NULL
           OR money.paid + money.in_transit > coalesce(owed.earned, 0)
           OR money.paid + money.in_transit + money.committed < coalesce(owed.earned, 0)
        LIMIT 20
        """,
    ),
    Invariant(
        "I4",
        "no participation has earned more of a kind than was committed for it at acceptance or taken over for it",
        """
        SELECT earned.participation_id, earned.kind, earned.rupiah, committed.rupiah AS committed_rupiah
        FROM (SELECT participation_id, kind, sum(amount_rupiah) AS rupiah FROM incentives_entitlement
              WHERE entitled_at <= %(as_of)s GROUP BY participation_id, kind) earned
        LEFT JOIN (SELECT owner_id, CASE credit_kind WHEN 5 THEN 'incentive' ELSE 'survey' END AS kind,
                          sum(amount_rupiah) AS rupiah FROM ledger_transfer
                   WHERE reason IN (1, 9) AND credit_kind IN (5, 6) AND posted_at <= %(as_of)s GROUP BY 1, 2) committed
            ON committed.owner_id = earned.participation_id AND committed.kind = earned.kind
        WHERE earned.rupiah > coalesce(committed.rupiah, 0)
        LIMIT 20
        """,
    ),
    Invariant(
        "I4",
        "incentive instalments of a participation are numbered without gaps, from 1 or after those that were paid "
        "before it was taken over, and carry one amount",
        """
        SELECT participation_id, kind, count(*) AS instalments, min(instalment) AS lowest, max(instalment) AS highest
        FROM incentives_entitlement entitlement
        JOIN participants_participation participation ON participation.id = entitlement.participation_id
        WHERE kind = 'incentive' AND entitled_at <= %(as_of)s
        GROUP BY participation_id, kind, incentives_paid_before_count
        HAVING min(instalment) <> incentives_paid_before_count + 1
            OR count(*) <> max(instalment) - incentives_paid_before_count
            OR min(amount_rupiah) <> max(amount_rupiah)
        LIMIT 20
        """,
    ),
    Invariant(
        "I4",
        "no participation has earned more surveys than its envelope was committed or taken over for, all at one amount",
        """
        SELECT earned.participation_id, earned.surveys, earned.lowest, earned.highest, committed.rupiah
        FROM (SELECT participation_id, count(*) AS surveys, min(amount_rupiah) AS lowest, max(amount_rupiah) AS highest
              FROM incentives_entitlement
              WHERE kind = 'survey' AND entitled_at <= %(as_of)s GROUP BY participation_id) earned
        LEFT JOIN (SELECT owner_id, sum(amount_rupiah) AS rupiah FROM ledger_transfer
                   WHERE reason IN (1, 9) AND credit_kind = 6 AND posted_at <= %(as_of)s GROUP BY owner_id) committed
            ON committed.owner_id = earned.participation_id
        WHERE earned.lowest <> earned.highest OR earned.surveys * earned.highest > coalesce(committed.rupiah, 0)
        LIMIT 20
        """,
    ),
    Invariant(
        "I4",
        "no survey is paid without the response that earned it",
        """
        SELECT entitlement.participation_id, entitlement.instalment AS survey_number, entitlement.entitled_at
        FROM incentives_entitlement entitlement
        WHERE entitlement.kind = 'survey' AND entitlement.entitled_at <= %(as_of)s
          AND NOT EXISTS (SELECT 1 FROM engagement_surveyresponse response
                          WHERE response.participation_id = entitlement.participation_id
                            AND response.survey_number = entitlement.instalment AND response.answered_at <= %(as_of)s)
        LIMIT 20
        """,
    ),
    Invariant(
        "I9",
        "no rupiah of a training balance reaches a payout: that kind pays only escrow and the treasury",
        """
        SELECT owner_id, id, debit_kind, credit_kind FROM ledger_transfer
        WHERE posted_at <= %(as_of)s
          AND ((debit_kind = 2 AND credit_kind NOT IN (1, 3))
               OR (debit_kind = 3 AND credit_kind NOT IN (1, 2, 4))
               OR (credit_kind = 7 AND debit_kind NOT IN (5, 6))
               OR (credit_kind = 8 AND debit_kind <> 7)
               OR (credit_kind IN (5, 6) AND debit_kind NOT IN (1, 7)))
        LIMIT 20
        """,
    ),
    Invariant(
        "I9",
        "the database still holds the closed list that refuses such a transfer, and the trigger that refuses changes",
        """
        SELECT wanted.name
        FROM (VALUES ('ledger_transfer_allowed_movement'), ('ledger_transfer_append_only')) wanted (name)
        WHERE NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = wanted.name AND convalidated)
          AND NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = wanted.name AND tgenabled <> 'D')
        """,
        only_now=True,
    ),
)
