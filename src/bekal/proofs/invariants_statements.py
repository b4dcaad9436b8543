"""The partners' statements beside the books, in both directions, and the certificates of the days that were closed.

Written out once more from what must hold: a statement adds up; what it shows the books have, once, in that amount, to
that account, or an exception names it; what the books call paid a statement shows; and a certificate, counted again
from the rows that it covers, says what it says.
"""

from bekal.proofs.look import Invariant, Look

# By then every statement has come, whatever holidays lie between.
LATE_DAYS = 14
_NAMES = """
    EXISTS (SELECT 1 FROM incentives_payoutexception asked
            WHERE asked.partner = {partner} AND asked.opened_at <= %(as_of)s
              AND asked.kind NOT IN ('silent', 'not_the_file', 'file_refused', 'file_unreadable') AND {it})
"""
_IS_TO_ACCOUNT = "(line.account_hash IS NULL OR payout.account_hash IS NULL OR line.account_hash = payout.account_hash)"
_SENT_ON = "greatest(run.planned_for, (sent.recorded_at AT TIME ZONE 'Asia/Jakarta')::date)"

STATEMENTS = Look(
    """
    SELECT statement.id AS statement_id, statement.partner, statement.account, statement.stated_on,
           statement.debits_rupiah - statement.other_debits_rupiah AS paid_rupiah,
           statement.credits_rupiah - statement.other_credits_rupiah AS returned_rupiah, statement.line_count,
           coalesce(lines.paid_rupiah, 0) AS lines_paid_rupiah, coalesce(lines.back_rupiah, 0) AS lines_returned_rupiah,
           coalesce(lines.count, 0) AS lines,
           statement.opening_rupiah + statement.credits_rupiah - statement.debits_rupiah - statement.closing_rupiah
               AS missing_rupiah
    FROM incentives_statement statement
    LEFT JOIN (SELECT statement_id, count(*) AS count,
                      sum(amount_rupiah) FILTER (WHERE said = 'settled')::bigint AS paid_rupiah,
                      sum(amount_rupiah) FILTER (WHERE said = 'returned')::bigint AS back_rupiah
               FROM incentives_statementline GROUP BY statement_id) lines ON lines.statement_id = statement.id
    WHERE statement.stored_at <= %(as_of)s
    """,
    (
        Invariant(
            "I5",
            "every statement of a partner adds up, from its first balance over its lines to its last",
            "missing_rupiah <> 0 OR (paid_rupiah, returned_rupiah, line_count)"
            " <> (lines_paid_rupiah, lines_returned_rupiah, lines)",
            "statement_id, partner, account, stated_on, missing_rupiah, paid_rupiah, lines_paid_rupiah,"
            " returned_rupiah, lines_returned_rupiah",
        ),
    ),
)
STATED = Look(
    f"""
    SELECT stated.* FROM (
        SELECT statement.partner, statement.stated_on, line.id AS line_id, line.reference, line.said,
               line.amount_rupiah,
               coalesce(payout.amount_rupiah = line.amount_rupiah AND said.recorded_at <= %(as_of)s
                        AND {_IS_TO_ACCOUNT}, false) AS is_booked,
               coalesce(line.id > again.first_id, false) AS is_again
        FROM incentives_statementline line
        JOIN incentives_statement statement ON statement.id = line.statement_id AND statement.stored_at <= %(as_of)s
        LEFT JOIN incentives_payout payout ON payout.reference = line.reference AND payout.partner = statement.partner
        LEFT JOIN incentives_payoutstatus said ON said.payout_id = payout.id AND said.state = line.said
        LEFT JOIN (SELECT stated.partner, same.reference, same.said, min(same.id) AS first_id
                   FROM incentives_statementline same JOIN incentives_statement stated ON stated.id = same.statement_id
                   GROUP BY 1, 2, 3 HAVING count(*) > 1) again
            ON again.partner = statement.partner AND again.reference = line.reference AND again.said = line.said
    ) stated
    WHERE (NOT is_booked OR is_again)
      AND NOT {_NAMES.format(partner="stated.partner", it="asked.reference = stated.reference")}
    """,
    (
        Invariant(
            "I5",
            "whatever stands on a partner's statement stands in the books, once, in its amount and to its account, or "
            "an exception names it",
            "true",
            "partner, stated_on, reference, said, amount_rupiah, is_booked, is_again",
        ),
    ),
)
BOOKED = Look(
    f"""
    SELECT payout.partner, payout.reference, status.state, payout.amount_rupiah, status.recorded_at
    FROM incentives_payoutstatus status
    JOIN incentives_payout payout ON payout.id = status.payout_id
    JOIN incentives_payoutrun run ON run.id = payout.run_id
    JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
    JOIN (SELECT partner, min(stated_on) AS first_on, max(stated_on) AS last_on, max(until_status_id) AS until_id
          FROM incentives_dayclosing
          WHERE closed_at <= %(as_of)s GROUP BY partner) closed ON closed.partner = payout.partner
    WHERE status.state IN ('settled', 'returned') AND status.recorded_at <= %(as_of)s AND {_SENT_ON} >= closed.first_on
      AND status.id <= closed.until_id
      AND (status.recorded_at AT TIME ZONE 'Asia/Jakarta')::date + {LATE_DAYS} <= closed.last_on
      AND NOT EXISTS (SELECT 1 FROM incentives_statementline line
                      JOIN incentives_statement statement ON statement.id = line.statement_id
                      WHERE line.reference = payout.reference AND line.said = status.state
                        AND statement.partner = payout.partner AND line.amount_rupiah = payout.amount_rupiah
                        AND {_IS_TO_ACCOUNT} AND statement.stored_at <= %(as_of)s)
      AND NOT {_NAMES.format(partner="payout.partner", it="asked.payout_id = payout.id")}
    """,
    (
        Invariant(
            "I5",
            "whatever the books call paid or returned stands on the partner's statements two weeks later, or an "
            "exception names it",
            "true",
            "partner, reference, state, amount_rupiah, recorded_at",
        ),
    ),
)


def _said(item: str) -> str:
    """The rupiah of one line of a certificate."""
    return rf"substring(content FROM '\n{item},[^,\n]*,[^,\n]*,[0-9]*,(-?[0-9]+),')::bigint"


# Each status belongs to the closing whose numbers it lies between; which that is says its place among their bounds.
_MOVED = f"""
    SELECT closing.id AS closing_id,
           sum(coalesce(moved.amount_rupiah, to_institution_rupiah)) FILTER (WHERE status.state = 'settled')::bigint
               AS paid_rupiah,
           sum(coalesce(moved.amount_rupiah, to_institution_rupiah)) FILTER (WHERE status.state = 'returned')::bigint
               AS back_rupiah
    FROM (SELECT partner, min(stated_on) AS first_on, min(after_status_id) || array_agg(until_status_id ORDER BY number)
              AS bounds FROM incentives_dayclosing GROUP BY partner) chain
    JOIN (SELECT *, CASE WHEN settlement_id IS NOT NULL THEN amount_rupiah END AS to_institution_rupiah
          FROM incentives_payout) payout ON payout.partner = chain.partner
    JOIN incentives_payoutrun run ON run.id = payout.run_id
    JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
    JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state IN ('settled', 'returned')
    LEFT JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
    LEFT JOIN ledger_transfer moved ON moved.owner_id = entitlement.participation_id
         AND moved.idempotency_key = status.state || ':' || payout.reference
    JOIN incentives_dayclosing closing ON closing.partner = chain.partner
         AND closing.number = width_bucket(status.id - 1, chain.bounds)
    WHERE {_SENT_ON} >= chain.first_on GROUP BY closing.id
"""
_SENT_BEFORE = f"""
    SELECT statement.partner, statement.stated_on,
           sum(CASE line.said WHEN 'settled' THEN -line.amount_rupiah ELSE line.amount_rupiah END)::bigint AS rupiah
    FROM incentives_statementline line JOIN incentives_statement statement ON statement.id = line.statement_id
    JOIN (SELECT partner, min(stated_on) AS first_on FROM incentives_dayclosing GROUP BY partner) chain
         ON chain.partner = statement.partner
    JOIN incentives_payout payout ON payout.reference = line.reference AND payout.partner = statement.partner
    JOIN incentives_payoutrun run ON run.id = payout.run_id
    JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
    WHERE {_SENT_ON} < chain.first_on GROUP BY 1, 2
"""
# What an account ended with by a day, and began with on its first.
_STATED = """
    SELECT closing.id AS closing_id,
           sum(stated.closing_rupiah) FILTER (WHERE next_on IS NULL OR next_on > closing.stated_on)::bigint
               AS closing_rupiah,
           sum(stated.opening_rupiah) FILTER (WHERE stated.stated_on = closing.stated_on AND is_first)::bigint
               AS new_rupiah,
           sum(other_credits_rupiah - other_debits_rupiah) FILTER (WHERE stated.stated_on = closing.stated_on)::bigint
               AS others_rupiah
    FROM incentives_dayclosing closing
    JOIN (SELECT *, lead(stated_on) OVER by_day AS next_on, lag(stated_on) OVER by_day IS NULL AS is_first
          FROM incentives_statement WINDOW by_day AS (PARTITION BY partner, account ORDER BY stated_on)) stated
         ON stated.partner = closing.partner AND stated.stated_on <= closing.stated_on
    GROUP BY closing.id
"""
CERTIFICATES = Look(
    f"""
    SELECT closing.id AS closing_id, closing.partner, closing.stated_on, closing.statement_rupiah,
           closing.ledger_rupiah, stated.closing_rupiah AS stated_rupiah,
           closing.before_rupiah + coalesce(stated.new_rupiah, 0) + coalesce(stated.others_rupiah, 0)
               - coalesce(moved.paid_rupiah, 0) + coalesce(moved.back_rupiah, 0) + coalesce(sent_before.rupiah, 0)
               AS counted_rupiah,
           closing.named_rupiah, closing.said_statement, closing.said_ledger, closing.said_difference,
           closing.is_hash AND closing.is_chained AS is_unchanged
    FROM (SELECT *, coalesce(lag(ledger_rupiah) OVER chain, 0) AS before_rupiah,
                 sha256 = sha256(convert_to(content, 'UTF8')) AS is_hash,
                 previous_sha256 IS NOT DISTINCT FROM lag(sha256) OVER chain
                 AND number = row_number() OVER chain
                 AND after_status_id = coalesce(lag(until_status_id) OVER chain, after_status_id)
                 AND coalesce(substring(content FROM '\\nprevious,([0-9a-f]*),'), '-')
                     = coalesce(encode(lag(sha256) OVER chain, 'hex'), '') AS is_chained,
                 {_said("statement_closing")} AS said_statement, {_said("ledger_closing")} AS said_ledger,
                 {_said("difference_total")} AS said_difference,
                 (SELECT coalesce(sum(named[1]::bigint), 0) FROM regexp_matches(
                     content, '\\ndifference,[^,\\n]*,[^,\\n]*,[0-9]*,(-?[0-9]+),', 'g') named)::bigint AS named_rupiah
          FROM incentives_dayclosing WHERE closed_at <= %(as_of)s
          WINDOW chain AS (PARTITION BY partner ORDER BY number)) closing
    LEFT JOIN ({_STATED}) stated ON stated.closing_id = closing.id
    LEFT JOIN ({_MOVED}) moved ON moved.closing_id = closing.id
    LEFT JOIN ({_SENT_BEFORE}) sent_before
        ON sent_before.partner = closing.partner AND sent_before.stated_on = closing.stated_on
    """,
    (
        Invariant(
            "I10",
            "the certificate of every closed day has the hash of its content and names the one before",
            "is_unchanged IS NOT TRUE",
            "closing_id, partner, stated_on",
        ),
        Invariant(
            "I5",
            "the certificate of every closed day says the balances of the statement and of the ledger, counted again, "
            "and names every rupiah between them",
            "(statement_rupiah, ledger_rupiah, statement_rupiah - ledger_rupiah, statement_rupiah, ledger_rupiah,"
            " named_rupiah) IS DISTINCT FROM (stated_rupiah, counted_rupiah, said_difference, said_statement,"
            " said_ledger, said_difference)",
            "closing_id, partner, stated_on, statement_rupiah, stated_rupiah, ledger_rupiah, counted_rupiah,"
            " said_difference, named_rupiah",
        ),
    ),
)
BESIDE_STATEMENTS = (STATEMENTS, STATED, BOOKED, CERTIFICATES)
