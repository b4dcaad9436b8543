"""The state of the evidence of many purchases at once: in SQL what `core.evidence` says of one."""

# One row for a `purchase` (joined with its `training`), from its own statements alone. `attended` and `confirmed` have
# the sessions that institution and participant record uncontested, `contested` those of which they disagree;
# `is_taught`: the teaching side has proven all of it, uncontested; `conflicts`: anything is contested.
STATE_SQL = """
LATERAL (
SELECT attended, confirmed, contested, is_complete AND NOT is_below AS is_complete, is_rated, is_reviewed,
       is_contested OR is_below AS conflicts,
       is_complete AND NOT is_below AND cardinality(attended) = training.session_count AS is_taught
FROM (
    SELECT coalesce(array_agg(sequence) FILTER (WHERE is_session AND by_institution), ARRAY[]::smallint[]) AS attended,
           coalesce(array_agg(sequence) FILTER (WHERE is_session AND by_participant), ARRAY[]::smallint[]) AS confirmed,
           coalesce(array_agg(sequence) FILTER (WHERE is_session AND is_contested), ARRAY[]::smallint[]) AS contested,
           coalesce(bool_or(piece = 'completion' AND by_institution), false) AS is_complete,
           coalesce(bool_or(piece = 'rating' AND by_participant), false) AS is_rated,
           coalesce(bool_or(piece = 'review' AND by_participant), false) AS is_reviewed,
           coalesce(bool_or(is_contested AND (piece <> 'attendance' OR is_session)), false) AS is_contested,
           coalesce(max(claimed) FILTER (WHERE piece = 'completion' AND NOT is_decided)
                    > max(on_platform) FILTER (WHERE piece = 'progress'), false) AS is_below
    FROM (
        SELECT piece, sequence, is_decided, claimed, on_platform,
               piece = 'attendance' AND sequence BETWEEN 1 AND training.session_count AS is_session,
               piece <> 'progress' AND CASE WHEN is_decided THEN decided_least <> decided_most ELSE least <> claimed END
                   AS is_contested,
               CASE WHEN is_decided THEN decided_least = 100 ELSE least = claimed AND taught = 100 END
                   AS by_institution,
               CASE WHEN is_decided THEN decided_least = 100 ELSE least = claimed AND learnt = 100 END
                   AS by_participant
        FROM (
            SELECT piece, sequence, bool_or(source = 'programme') AS is_decided,
                   min(claim) FILTER (WHERE source = 'programme') AS decided_least,
                   max(claim) FILTER (WHERE source = 'programme') AS decided_most,
                   min(claim) FILTER (WHERE source <> 'programme') AS least,
                   max(claim) FILTER (WHERE source <> 'programme') AS claimed,
                   max(claim) FILTER (WHERE source = 'institution') AS taught,
                   max(claim) FILTER (WHERE source = 'participant') AS learnt,
                   max(claim) FILTER (WHERE source = 'platform' AND holds) AS on_platform
            FROM (
                SELECT piece, source, sequence, holds, revision,
                       CASE WHEN holds THEN coalesce(percent, 100) ELSE 0 END AS claim,
                       max(revision) OVER (PARTITION BY piece, source, sequence) AS latest
                FROM purchases_evidence WHERE purchase_id = purchase.id
            ) statement
            WHERE revision = latest GROUP BY piece, sequence
        ) said
    ) matter
) told
) AS proof
"""
