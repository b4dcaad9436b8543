"""What many waiting purchases wait for, since when and until when: in SQL what `core.evidence` says of one, piece by
piece. A test compares the two over random sets of statements."""

from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA

DAY_OF = f"AT TIME ZONE '{JAKARTA.key}')::date"


def rule_sql(parameter: str, day: str) -> str:
    """The value in force on the day that the SQL expression gives: a number, or a flag; NULL before the first."""
    whens = [
        f"WHEN {day} >= DATE '{value.since_on}' THEN {str(value.value).lower()}"
        for value in reversed(RULES.history(parameter))
    ]
    return f"(CASE {' '.join(whens)} END)"


def _needs(parameter: str) -> str:
    return f"coalesce({rule_sql(parameter, 'accepted_on')}, false)"


# Each matter (piece and session) of each chosen purchase by the latest statement of every source; `evidence_sql` has
# the same for one purchase, without days.
_MATTER_SQL = f"""
chosen AS MATERIALIZED (
    SELECT purchase.id, purchase.training_id, training.institution_id, training.session_count,
           training.mode IN ('webinar', 'on_site') AS is_live, participation.accepted_on,
           (purchase.redeemed_at {DAY_OF} AS redeemed_on
    FROM purchases_purchase purchase
    JOIN catalogue_training training ON training.id = purchase.training_id
    JOIN participants_participation participation ON participation.id = purchase.participation_id
    WHERE purchase.id = ANY(%(ids)s::bigint[]) AND purchase.redeemed_at IS NOT NULL
      AND purchase.reconciled_at IS NULL AND purchase.ended_at IS NULL
), matter AS MATERIALIZED (
    SELECT purchase_id, piece, sequence, is_decided, claimed, on_platform, last_on,
           CASE WHEN is_decided THEN decided_on ELSE taught_on END AS taught_on,
           CASE WHEN is_decided THEN decided_least <> decided_most ELSE least <> claimed END AS is_contested,
           is_decided OR coalesce(taught_least <> taught, false) OR coalesce(learnt_least <> learnt, false)
               OR coalesce(seen_least <> seen, false) AS contradicts,
           CASE WHEN is_decided THEN decided_least = 100 ELSE coalesce(least = claimed AND taught = 100, false) END
               AS by_institution,
           CASE WHEN is_decided THEN decided_least = 100 ELSE coalesce(least = claimed AND learnt = 100, false) END
               AS by_participant
    FROM (
        SELECT purchase_id, piece, sequence, bool_or(source = 'programme') AS is_decided,
               min(claim) FILTER (WHERE source = 'programme') AS decided_least,
               max(claim) FILTER (WHERE source = 'programme') AS decided_most,
               min(claim) FILTER (WHERE source <> 'programme') AS least,
               max(claim) FILTER (WHERE source <> 'programme') AS claimed,
               min(claim) FILTER (WHERE source = 'institution') AS taught_least,
               max(claim) FILTER (WHERE source = 'institution') AS taught,
               min(claim) FILTER (WHERE source = 'participant') AS learnt_least,
               max(claim) FILTER (WHERE source = 'participant') AS learnt,
               min(claim) FILTER (WHERE source = 'platform') AS seen_least,
               max(claim) FILTER (WHERE source = 'platform') AS seen,
               max(claim) FILTER (WHERE source = 'platform' AND holds) AS on_platform,
               min(said_on) FILTER (WHERE source = 'programme' AND holds) AS decided_on,
               min(said_on) FILTER (WHERE source = 'institution' AND holds) AS taught_on,
               max(said_on) AS last_on
        FROM (
            SELECT purchase_id, piece, source, sequence, holds, revision,
                   CASE WHEN holds THEN coalesce(percent, 100) ELSE 0 END AS claim,
                   (coalesce(happened_at, recorded_at) {DAY_OF} AS said_on,
                   max(revision) OVER (PARTITION BY purchase_id, piece, source, sequence) AS latest
            FROM purchases_evidence WHERE purchase_id = ANY(%(ids)s::bigint[])
        ) statement
        WHERE revision = latest GROUP BY purchase_id, piece, sequence
    ) said
)
"""
# Every session there is of each, with whose turn it has been since when; and what follows from all of them together.
_TURN_SQL = """
lesson AS MATERIALIZED (
    SELECT chosen.id, number AS sequence, coalesce(said.is_contested, false) AS is_contested,
           coalesce(said.by_institution, false) AS by_institution,
           coalesce(said.by_participant, false) AS by_participant, said.taught_on,
           greatest(held.held_on, chosen.redeemed_on) AS institution_on,
           CASE WHEN coalesce(held.held_on, said.taught_on) IS NOT NULL
                THEN greatest(coalesce(held.held_on, said.taught_on), chosen.redeemed_on) END AS participant_on
    FROM chosen CROSS JOIN LATERAL generate_series(1, chosen.session_count) number
    LEFT JOIN matter said ON said.purchase_id = chosen.id AND said.piece = 'attendance' AND said.sequence = number
    LEFT JOIN (SELECT training_id, sequence, (starts_at {day_of} AS held_on FROM catalogue_session) held
           ON held.training_id = chosen.training_id AND held.sequence = number
), turn AS MATERIALIZED (
    SELECT *, CASE WHEN is_attended AND is_taught THEN greatest(attended_on, done_on) END AS completed_on
    FROM (
        SELECT chosen.*, attended.is_attended,
               CASE WHEN attended.is_attended THEN coalesce(attended.attended_on, chosen.redeemed_on) END
                   AS attended_on,
               done.taught_on AS done_on,
               coalesce(done.is_contested, false) OR coalesce(below.is_below, false) AS is_contested,
               coalesce(done.by_institution, false) AND NOT coalesce(below.is_below, false) AS is_taught,
               CASE WHEN NOT done.is_contested THEN 'progress_below' WHEN done.contradicts THEN 'contradiction'
                    ELSE 'disagreement' END AS kind
        FROM chosen
        JOIN (
            SELECT id, bool_and(by_institution AND NOT is_contested) AS is_attended, max(taught_on) AS attended_on
            FROM lesson GROUP BY id
        ) attended ON attended.id = chosen.id
        LEFT JOIN matter done ON done.purchase_id = chosen.id AND done.piece = 'completion' AND done.sequence = 1
        LEFT JOIN matter seen ON seen.purchase_id = chosen.id AND seen.piece = 'progress' AND seen.sequence = 1
        CROSS JOIN LATERAL (
            SELECT NOT done.is_decided AND NOT done.is_contested AND done.claimed > seen.on_platform AS is_below
        ) below
    ) chosen
)
""".replace("{day_of}", DAY_OF)
# One row for each thing that is waited for; what is nobody's turn yet has no day, and falls away.
_ITEMS_SQL = f"""
item AS (
    SELECT id, 'attendance' AS piece, 'institution' AS owed_by, '' AS kind, institution_on AS since_on
    FROM lesson JOIN chosen USING (id)
    WHERE NOT is_contested AND NOT by_institution AND {_needs("attendance_required")}
    UNION ALL
    SELECT id, 'attendance', 'participant', '', participant_on
    FROM lesson JOIN chosen USING (id)
    WHERE NOT is_contested AND NOT by_participant AND is_live AND {_needs("participant_attendance_required")}
    UNION ALL
    SELECT id, 'completion', 'institution', '', attended_on FROM turn
    WHERE NOT is_contested AND NOT is_taught AND {_needs("completion_required")}
    UNION ALL
    SELECT turn.id, need.piece, 'participant', '', completed_on
    FROM turn CROSS JOIN LATERAL (VALUES ('rating', {_needs("rating_required")}),
                                         ('review', {_needs("review_required")})) need(piece, is_needed)
    LEFT JOIN matter said ON said.purchase_id = turn.id AND said.piece = need.piece AND said.sequence = 1
    WHERE need.is_needed AND NOT coalesce(said.by_participant OR said.is_contested, false)
    UNION ALL
    SELECT id, piece, 'programme', CASE WHEN contradicts THEN 'contradiction' ELSE 'disagreement' END,
           coalesce(last_on, redeemed_on)
    FROM matter JOIN chosen ON chosen.id = purchase_id
    WHERE is_contested AND piece NOT IN ('progress', 'completion')
      AND (piece <> 'attendance' OR sequence BETWEEN 1 AND session_count)
    UNION ALL
    SELECT turn.id, 'completion', 'programme', turn.kind, coalesce(last_on, redeemed_on)
    FROM turn LEFT JOIN matter ON purchase_id = turn.id AND piece = 'completion' AND sequence = 1
    WHERE turn.is_contested
)
"""
STANDINGS_SQL = f"""
WITH {_MATTER_SQL}, {_TURN_SQL}, {_ITEMS_SQL}
SELECT item.id AS purchase_id, chosen.institution_id, item.piece, item.owed_by,
       CASE WHEN min(kind) = '' THEN 'missing' ELSE 'conflicting' END AS standing,
       min(kind) AS kind, count(*) AS piece_count, min(since_on) AS since_on,
       min(since_on + CASE item.owed_by WHEN 'institution' THEN {rule_sql("institution_evidence_days", "since_on")}
                                        WHEN 'participant' THEN {rule_sql("participant_evidence_days", "since_on")}
                                        ELSE {rule_sql("case_days", "since_on")} END) AS due_on
FROM item JOIN chosen ON chosen.id = item.id WHERE since_on IS NOT NULL
GROUP BY item.id, chosen.institution_id, item.piece, item.owed_by
"""
# What still stands stays as it is; only what is new, gone or different is written.
REFRESH_SQL = f"""
WITH now AS MATERIALIZED ({STANDINGS_SQL}), gone AS (
    DELETE FROM purchases_reconciliationstanding stood
    WHERE stood.purchase_id = ANY(%(ids)s::bigint[]) AND NOT EXISTS (
        SELECT FROM now WHERE (now.purchase_id, now.piece, now.owed_by)
                              = (stood.purchase_id, stood.piece, stood.owed_by))
)
INSERT INTO purchases_reconciliationstanding AS stood
    (purchase_id, institution_id, piece, owed_by, standing, kind, piece_count, since_on, due_on)
SELECT purchase_id, institution_id, piece, owed_by, standing, kind, piece_count, since_on, due_on FROM now
ON CONFLICT (purchase_id, piece, owed_by) DO UPDATE
SET standing = excluded.standing, kind = excluded.kind, piece_count = excluded.piece_count,
    since_on = excluded.since_on, due_on = excluded.due_on
WHERE (stood.standing, stood.kind, stood.piece_count, stood.since_on, stood.due_on)
      IS DISTINCT FROM (excluded.standing, excluded.kind, excluded.piece_count, excluded.since_on, excluded.due_on)
"""
