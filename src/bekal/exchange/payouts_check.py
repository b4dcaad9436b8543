"""What `payouts` asks of the database before anything is written: could the verbs have made these attempts?"""

from datetime import date
from typing import Any

from bekal.core.money import format_rupiah
from bekal.core.rules import RULES
from bekal.exchange.export_columns import instant_sql
from bekal.exchange.history import LIMIT, refuse_other
from bekal.exchange.payout_runs import NUMBERED_RUNS
from bekal.exchange.staging import Staged
from bekal.ledger.clock import JAKARTA

# How Bekal makes references itself: the number of the instalment, the number of the attempt.
OWN_REFERENCE = "^BKL([0-9]{14,15})A[0-9]{2,}$"
# Numbers up to the highest of the file are passed over; more than that is no programme's.
MAX_OWN_NUMBER = 200_000_000
_INSTALMENT = "participation_id, kind, instalment"

# The rows with what they leave open, and with the rows of ours that they mean (NULL where there is none). What an
# incentive rests on is a first training proven here, or the part of it that was paid before the take-over.
PREPARE_SQL = f"""
CREATE TEMPORARY TABLE payout_row ON COMMIT DROP AS
SELECT line, participation_id, accepted_at, opened_at, proven_at, kind, instalment, amount_rupiah, scheduled_on,
       payment_on,
       coalesce(entitled_at, min(least(greatest(scheduled_on::timestamp AT TIME ZONE '{JAKARTA.key}', proven_at),
                                       sent_at)) OVER (PARTITION BY {_INSTALMENT})) AS entitled_at,
       run_id, run_exported_at, run_cancelled_at, account_id, partner, masked, attempt, reference, state, sent_at,
       reason_code, answered_at, came_back_at, entitlement_id, payout.id AS payout_id, is_planned
FROM (
    SELECT row.line, row.participation_id, row.accepted_at, row.opened_at, row.kind, row.instalment, row.amount_rupiah,
           row.scheduled_on, row.payment_on, row.entitled_at, row.attempt, row.reference, row.state, row.reason_code,
           row.answered_at, row.came_back_at, row.planned_at IS NOT NULL AS is_planned, run.id AS run_id,
           run.exported_at AS run_exported_at, run.cancelled_at AS run_cancelled_at, account.id AS account_id,
           coalesce(row.partner, account.partner) AS partner, coalesce(row.masked, account.masked) AS masked,
           coalesce(row.sent_at, CASE WHEN row.state NOT IN ('planned', 'cancelled') THEN run.exported_at END)
               AS sent_at,
           entitlement.id AS entitlement_id,
           CASE WHEN row.kind = 'incentive' THEN
               CASE WHEN place.incentives_paid_before_count > 0 THEN place.opened_at ELSE proven.at END
           END AS proven_at
    FROM history_row row
    LEFT JOIN participants_participation place ON place.id = row.participation_id
    LEFT JOIN (SELECT participation_id, min(reconciled_at) AS at FROM purchases_purchase
               WHERE participation_id IN (SELECT participation_id FROM history_row) GROUP BY participation_id) proven
        ON proven.participation_id = row.participation_id
    LEFT JOIN {NUMBERED_RUNS} run ON run.planned_at = row.planned_at AND run.place = row.place
    LEFT JOIN participants_payoutaccount account ON account.participant_id = row.participant_id
    LEFT JOIN incentives_entitlement entitlement ON entitlement.participation_id = row.participation_id
        AND entitlement.kind = row.kind AND entitlement.instalment = row.instalment
) found
LEFT JOIN (SELECT id, entitlement_id, attempt FROM incentives_payout) payout USING (entitlement_id, attempt);
ALTER TABLE payout_row ADD PRIMARY KEY (line);
ANALYZE payout_row
"""


def prepare(staged: Staged) -> None:
    """Make the table `payout_row`."""
    staged.write(PREPARE_SQL)


def check(staged: Staged) -> None:
    """Refuse every row that the programme could not have seen, or knows otherwise."""
    _check_instalments(staged)
    _check_amounts(staged)
    _check_runs(staged)
    _check_instants(staged)
    _check_references(staged)
    _check_known(staged)
    staged.refuse(
        "nik",
        "this person has no payout account: import the payout accounts first",
        f"SELECT line FROM payout_row WHERE is_planned AND account_id IS NULL {LIMIT}",
    )
    staged.refuse(
        "state",
        "with this file the instalment has two attempts that are neither rejected nor cancelled: correct one of them",
        f"""
        SELECT max(line) AS line FROM (
            SELECT line, {_INSTALMENT} FROM payout_row
            WHERE state IN ('planned', 'sent', 'settled') AND payout_id IS NULL
            UNION ALL
            SELECT NULL, entitlement.participation_id, entitlement.kind, entitlement.instalment
            FROM incentives_payout payout
            JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
            WHERE payout.ended_at IS NULL AND payout.entitlement_id IN (SELECT entitlement_id FROM payout_row)
        ) live GROUP BY {_INSTALMENT} HAVING count(*) > 1 AND max(line) IS NOT NULL {LIMIT}
        """,
    )


def _check_instalments(staged: Staged) -> None:
    """One row for each attempt, and the same instalment in each."""
    staged.refuse(
        "attempt",
        "line {} has this attempt of this instalment already, or the instalment without any: keep one of them",
        f"""
        SELECT line, first_line FROM (
            SELECT line, attempt, min(line) OVER (PARTITION BY {_INSTALMENT}, attempt) AS first_line,
                   bool_or(attempt IS NULL) OVER (PARTITION BY {_INSTALMENT}) AS has_blank,
                   min(line) OVER (PARTITION BY {_INSTALMENT}) AS first_of_all
            FROM payout_row WHERE participation_id IS NOT NULL
        ) counted WHERE line > first_line OR has_blank AND line > first_of_all {LIMIT}
        """,
    )
    said = "amount_rupiah, scheduled_on, payment_on, entitled_at"
    staged.refuse(
        "amount_rupiah",
        "line {} says amount, days or entitled_at of this instalment otherwise: write the same in every row of it",
        f"""
        SELECT line, first_line FROM (
            SELECT line, ({said}) AS said, first_value(line) OVER same AS first_line,
                   first_value(({said})) OVER same AS first_said
            FROM payout_row WINDOW same AS (PARTITION BY {_INSTALMENT} ORDER BY line)
        ) counted WHERE said IS DISTINCT FROM first_said {LIMIT}
        """,
    )


def _check_amounts(staged: Staged) -> None:
    """What one of its kind is worth was promised on the day of acceptance."""
    columns: dict[str, list[Any]] = {"kinds": [], "since_on": [], "until_on": [], "amounts": [], "words": []}
    for kind in ("incentive", "survey"):
        history = RULES.history(f"{kind}_rupiah")
        ends = [*(value.since_on for value in history[1:]), date.max]
        for value, until_on in zip(history, ends, strict=True):
            row = (kind, value.since_on, until_on, value.value, format_rupiah(value.value))
            for column, part in zip(columns.values(), row, strict=True):
                column.append(part)
    staged.refuse(
        "amount_rupiah",
        "the rules of the day of acceptance give {} each time: correct it",
        f"""
        SELECT line, promised.words FROM payout_row row
        JOIN participants_participation place ON place.id = row.participation_id
        JOIN unnest(%(kinds)s::text[], %(since_on)s::date[], %(until_on)s::date[], %(amounts)s::bigint[],
                    %(words)s::text[]) AS promised(kind, since_on, until_on, amount_rupiah, words)
            ON promised.kind = row.kind AND place.accepted_on >= promised.since_on
            AND place.accepted_on < promised.until_on
        WHERE row.amount_rupiah <> promised.amount_rupiah {LIMIT}
        """,
        columns,
    )


def _check_runs(staged: Staged) -> None:
    staged.refuse(
        "run",
        "no run was planned in this instant: import the payout runs first, or correct it",
        f"SELECT line FROM payout_row WHERE is_planned AND run_id IS NULL {LIMIT}",
    )
    for states, condition, words in (
        (
            "'sent', 'settled', 'rejected', 'returned', 'reversed'",
            "run_exported_at IS NULL",
            "the run was never exported",
        ),
        (
            "'cancelled'",
            "coalesce(run_cancelled_at, run_exported_at) IS NULL",
            "the run was neither cancelled nor exported",
        ),
        (
            "'cancelled'",
            "run_exported_at IS NULL AND reason_code <> ''",
            "only what was on a list that was exported is kept back for a reason",
        ),
        (
            "'planned'",
            "(run_exported_at IS NOT NULL OR run_cancelled_at IS NOT NULL)",
            "the run was exported or cancelled",
        ),
    ):
        staged.refuse(
            "state",
            f"{words}: correct the state, or the run in payout_runs",
            f"""
            SELECT line FROM payout_row
            WHERE state IN ({states}) AND run_id IS NOT NULL AND {condition} AND payout_id IS NULL {LIMIT}
            """,
        )
    staged.refuse(
        "run",
        "with this file the run has more payments, or a larger sum, than payout_runs says: correct one of them",
        f"""
        SELECT min(line) AS line FROM (
            SELECT line, run_id, amount_rupiah FROM payout_row WHERE payout_id IS NULL AND run_id IS NOT NULL
            UNION ALL
            SELECT NULL, run_id, amount_rupiah FROM incentives_payout
            WHERE run_id IN (SELECT run_id FROM payout_row WHERE payout_id IS NULL)
        ) listed JOIN incentives_payoutrun run ON run.id = listed.run_id
        GROUP BY run.id HAVING count(*) > run.payout_count OR sum(amount_rupiah) > run.total_rupiah {LIMIT}
        """,
    )


def _check_instants(staged: Staged) -> None:
    staged.refuse(
        "instalment",
        "this person had not answered this survey by then: import the survey answers first, or correct it",
        f"""
        SELECT line FROM payout_row row WHERE kind = 'survey' AND NOT EXISTS (
            SELECT 1 FROM engagement_surveyresponse response WHERE response.participation_id = row.participation_id
            AND response.survey_number = row.instalment AND response.answered_at <= row.entitled_at) {LIMIT}
        """,
    )
    staged.refuse(
        "instalment",
        "this person had no training proven by then: import the completions first, or correct entitled_at",
        f"SELECT line FROM payout_row WHERE kind = 'incentive' AND coalesce(proven_at > entitled_at, true) {LIMIT}",
    )
    for column, earlier, words in (
        ("entitled_at", "accepted_at", "this is before the person was accepted ({}): correct it"),
        ("entitled_at", "opened_at", "the opening balances of {} hold this instalment already: take the row out"),
        ("sent_at", "entitled_at", "this is before it was earned ({}): correct one of them"),
        ("answered_at", "sent_at", "this is before the money was sent ({}): correct one of them"),
        ("came_back_at", "answered_at", "this is before the money was paid ({}): correct one of them"),
    ):
        staged.refuse(
            column,
            words,
            f"SELECT line, {instant_sql(earlier)} FROM payout_row WHERE {column} < {earlier} {LIMIT}",
        )


def _check_references(staged: Staged) -> None:
    """A reference is one payment's for ever, also one that Bekal would give to an instalment it has."""
    staged.refuse(
        "reference",
        "another payment has this reference: correct it, or leave it blank",
        f"""
        SELECT line FROM (
            SELECT *, row_number() OVER (PARTITION BY reference ORDER BY line) AS place
            FROM payout_row WHERE reference IS NOT NULL
        ) row
        WHERE place > 1 OR EXISTS (SELECT 1 FROM incentives_payout known WHERE known.reference = row.reference
                                   AND known.id IS DISTINCT FROM row.payout_id) {LIMIT}
        """,
    )
    number = f"substring(reference FROM '{OWN_REFERENCE}')::bigint"
    staged.refuse(
        "reference",
        "Bekal gives references of this form itself, and this one to another payment: write it in another form",
        f"""
        SELECT line FROM (SELECT *, {number} AS number FROM payout_row WHERE payout_id IS NULL) row
        WHERE number > {MAX_OWN_NUMBER}
           OR EXISTS (SELECT 1 FROM incentives_entitlement known
                      WHERE known.id = row.number AND known.id IS DISTINCT FROM row.entitlement_id) {LIMIT}
        """,
    )


def _check_known(staged: Staged) -> None:
    """What has happened since the file was written is no contradiction."""
    refuse_other(
        staged,
        "instalment",
        "this instalment",
        """
        payout_row row JOIN incentives_entitlement known ON known.id = row.entitlement_id
        WHERE (known.amount_rupiah, known.scheduled_on, known.payment_on, known.entitled_at)
              <> (row.amount_rupiah, row.scheduled_on, row.payment_on, row.entitled_at)
        """,
    )
    refuse_other(
        staged,
        "attempt",
        "this attempt",
        """
        payout_row row JOIN incentives_payout known ON known.id = row.payout_id
        LEFT JOIN incentives_payoutstatus sent ON sent.payout_id = known.id AND sent.state = 'sent'
        LEFT JOIN incentives_payoutstatus answer
            ON answer.payout_id = known.id AND answer.state IN ('settled', 'rejected')
        LEFT JOIN incentives_payoutstatus back
            ON back.payout_id = known.id AND back.state IN ('returned', 'reversed')
        WHERE known.run_id IS DISTINCT FROM row.run_id
           OR (known.partner, known.masked_account) <> (row.partner, row.masked)
           OR row.reference IS NOT NULL AND known.reference <> row.reference
           OR row.sent_at IS NOT NULL AND sent.recorded_at IS DISTINCT FROM row.sent_at
           OR row.answered_at IS NOT NULL AND row.came_back_at IS NULL
              AND (answer.state, answer.reason_code, answer.recorded_at)
              IS DISTINCT FROM (row.state, row.reason_code, row.answered_at)
           OR row.came_back_at IS NOT NULL
              AND (answer.state, answer.recorded_at, back.state, back.reason_code, back.recorded_at)
              IS DISTINCT FROM ('settled', row.answered_at, row.state, row.reason_code, row.came_back_at)
        """,
    )
