"""Who is on the list of a mass run, or would be: the dry run before it is planned, the sealed list afterwards, and who
of the finished chunks was left out and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from bekal.core.refusal import Refusal
from bekal.lifecycle.mass_queries import MassRunState
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.operations import OPERATIONS, Parameters, Subject
from bekal.lifecycle.preview import Listing

FIRST_COUNT = 50
READ_COUNT = 2_000


@dataclass(frozen=True, slots=True)
class ListLine:
    """One subject of a list with the amount planned for it; `group` is its wave or institution, or blank."""

    subject_id: int
    amount_rupiah: int
    participation_id: int | None
    full_name: str = field(repr=False)
    group: str


@dataclass(frozen=True, slots=True)
class ListGroup:
    """A wave's or an institution's share of a list."""

    group: str
    subject_count: int
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class ListView:
    """A list as a page shows it: all of it in sums, the first lines by name."""

    subject_count: int
    total_rupiah: int
    groups: tuple[ListGroup, ...]
    lines: tuple[ListLine, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many of the finished chunks had lost the right for this reason; the first of them by their participations."""

    reason: str
    subject_count: int
    first_ids: tuple[int, ...]


# Each line of {subject} with whom it is about and what it belongs to.
LINE_SQL: Mapping[Subject, str] = {
    Subject.PARTICIPATION: """
SELECT subject_id, amount_rupiah, participation.id AS participation_id, participant.full_name,
       wave.number::text AS "group"
FROM {subject}
JOIN participants_participation participation ON participation.id = subject_id
JOIN participants_participant participant ON participant.id = participation.participant_id
JOIN participants_wave wave ON wave.id = participation.wave_id
""",
    Subject.PARTICIPANT: """
SELECT subject_id, amount_rupiah, participation.id AS participation_id, participant.full_name, '' AS "group"
FROM {subject}
JOIN participants_participant participant ON participant.id = subject_id
LEFT JOIN participants_participation participation ON participation.participant_id = participant.id
""",
    Subject.PURCHASE: """
SELECT subject_id, amount_rupiah, purchase.participation_id, participant.full_name, institution.name AS "group"
FROM {subject}
JOIN purchases_purchase purchase ON purchase.id = subject_id
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN catalogue_institution institution ON institution.id = training.institution_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
JOIN participants_participant participant ON participant.id = participation.participant_id
""",
}
# The sums of what the lines belong to; `place` is their order.
GROUP_SQL: Mapping[Subject, str] = {
    Subject.PARTICIPATION: """
SELECT wave.number AS place, wave.number::text AS "group", sums.subject_count, sums.total_rupiah
FROM (SELECT participation.wave_id, count(*) AS subject_count, sum(amount_rupiah)::bigint AS total_rupiah
      FROM subject JOIN participants_participation participation ON participation.id = subject_id
      GROUP BY participation.wave_id) sums
JOIN participants_wave wave ON wave.id = sums.wave_id
""",
    Subject.PARTICIPANT: """
SELECT 0 AS place, '' AS "group", count(*) AS subject_count, sum(amount_rupiah)::bigint AS total_rupiah
FROM subject HAVING count(*) > 0
""",
    Subject.PURCHASE: """
SELECT institution.id AS place, institution.name AS "group", sums.subject_count, sums.total_rupiah
FROM (SELECT training.institution_id, count(*) AS subject_count, sum(amount_rupiah)::bigint AS total_rupiah
      FROM subject JOIN purchases_purchase purchase ON purchase.id = subject_id
      JOIN catalogue_training training ON training.id = purchase.training_id GROUP BY training.institution_id) sums
JOIN catalogue_institution institution ON institution.id = sums.institution_id
""",
}
VIEW_SQL = """
WITH subject AS MATERIALIZED ({listing}),
first AS MATERIALIZED (SELECT subject_id, amount_rupiah FROM subject ORDER BY subject_id LIMIT %(first_count)s)
SELECT 'group', place, "group", subject_count, total_rupiah, NULL FROM ({group}) sums
UNION ALL
SELECT 'line', subject_id, "group", coalesce(participation_id, 0), amount_rupiah, full_name FROM ({line}) line
ORDER BY 1, 2
"""
LINES_SQL = """
WITH subject AS MATERIALIZED ({listing})
SELECT subject_id, amount_rupiah, participation_id, full_name, "group" FROM ({line}) line ORDER BY subject_id
"""
OF_RUN_SQL = """
SELECT line.subject_id, line.amount_rupiah FROM lifecycle_masschunk chunk
CROSS JOIN LATERAL unnest(chunk.subject_ids, chunk.amounts_rupiah) AS line(subject_id, amount_rupiah)
WHERE chunk.run_id = %(run_id)s
"""


def dry_run(*, operation: str, at: datetime, parameters: Parameters) -> ListView | Refusal:
    """What planning this operation at `at` would put on its list; nothing is written."""
    listing = OPERATIONS[operation].listing(at, parameters)
    return listing if isinstance(listing, Refusal) else _view(operation, listing)


def list_of(*, run: MassRunState) -> ListView:
    """The sealed list of a run."""
    return _view(run.operation, _of_run(run))


def dry_run_lines(*, operation: str, at: datetime, parameters: Parameters) -> Iterator[ListLine] | Refusal:
    """Every line of what would be planned, read as they are asked for."""
    listing = OPERATIONS[operation].listing(at, parameters)
    return listing if isinstance(listing, Refusal) else _lines(operation, listing)


def lines_of(*, run: MassRunState) -> Iterator[ListLine]:
    """Every line of the sealed list of a run, read as they are asked for."""
    return _lines(run.operation, _of_run(run))


def _of_run(run: MassRunState) -> Listing:
    return Listing(OF_RUN_SQL, {"run_id": run.run_id})


def _view(operation: str, listing: Listing) -> ListView:
    subject = OPERATIONS[operation].subject
    line = LINE_SQL[subject].format(subject="first")
    sql = VIEW_SQL.format(listing=listing.sql, group=GROUP_SQL[subject], line=line)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**listing.values, "first_count": FIRST_COUNT})
        rows = cursor.fetchall()
    groups = tuple(ListGroup(group, count, total) for what, _, group, count, total, _ in rows if what == "group")
    lines = tuple(
        ListLine(subject_id, amount, participation_id or None, name, group)
        for what, subject_id, group, participation_id, amount, name in rows
        if what == "line"
    )
    count, total = sum(each.subject_count for each in groups), sum(each.total_rupiah for each in groups)
    return ListView(count, total, groups, lines)


def _lines(operation: str, listing: Listing) -> Iterator[ListLine]:
    sql = LINES_SQL.format(listing=listing.sql, line=LINE_SQL[OPERATIONS[operation].subject].format(subject="subject"))
    # A cursor in the server, so that a list of a million is never in memory here.
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, listing.values)
        while rows := cursor.fetchmany(READ_COUNT):
            yield from (ListLine(*row) for row in rows)


# Who was left out: of the subjects of finished chunks those that do not bear the run's instant (or, accepted, that of
# their chunk), by what they bear.

_DONE_SUBJECT = """
SELECT unnest(chunk.subject_ids) AS subject_id, chunk.done_at FROM lifecycle_masschunk chunk
WHERE chunk.run_id = %(run_id)s AND chunk.done_at IS NOT NULL
"""
_OF_PARTICIPATION = """
SELECT participation.id AS participation_id, CASE {reason} END AS reason
FROM subject JOIN participants_participation participation ON participation.id = subject.subject_id
WHERE {not_done}
"""
LEFT_OUT_SQL: Mapping[str, str] = {
    MassRun.Operation.REVOKE: _OF_PARTICIPATION.format(
        not_done="participation.revoked_at IS DISTINCT FROM %(at)s",
        reason="""WHEN participation.revoked_at IS NOT NULL THEN 'revoked'
            WHEN EXISTS (SELECT 1 FROM purchases_purchase purchase
                         WHERE purchase.participation_id = participation.id) THEN 'bought' ELSE 'other'""",
    ),
    MassRun.Operation.END_BALANCES: _OF_PARTICIPATION.format(
        not_done="participation.balance_ended_at IS DISTINCT FROM %(at)s",
        reason="""WHEN participation.balance_ended_at IS NOT NULL THEN 'ended'
            WHEN participation.revoked_at IS NOT NULL THEN 'revoked' ELSE 'other'""",
    ),
    MassRun.Operation.CLOSE_YEAR: _OF_PARTICIPATION.format(
        not_done="participation.closed_at IS DISTINCT FROM %(at)s",
        reason="WHEN participation.closed_at IS NOT NULL THEN 'closed' ELSE 'other'",
    ),
    MassRun.Operation.ENTITLE: _OF_PARTICIPATION.format(
        not_done="""NOT EXISTS (SELECT 1 FROM incentives_entitlement own WHERE own.participation_id = participation.id
                                AND own.kind = 'incentive' AND own.entitled_at = %(at)s)""",
        reason="""WHEN participation.revoked_at IS NOT NULL THEN 'revoked'
            WHEN participation.closed_at IS NOT NULL THEN 'closed'
            WHEN EXISTS (SELECT 1 FROM incentives_entitlement earlier
                         WHERE earlier.participation_id = participation.id AND earlier.kind = 'incentive')
            THEN 'entitled' ELSE 'other'""",
    ),
    MassRun.Operation.ACCEPT_WAVE: """
SELECT participation.id AS participation_id,
       CASE WHEN participation.id IS NULL THEN 'full' ELSE 'accepted' END AS reason
FROM subject LEFT JOIN participants_participation participation ON participation.participant_id = subject.subject_id
WHERE participation.accepted_at IS DISTINCT FROM greatest(subject.done_at, %(at)s)
""",
    MassRun.Operation.SETTLE_INSTITUTIONS: """
SELECT purchase.participation_id,
       CASE WHEN settlement.id IS NOT NULL THEN 'settled'
            WHEN institution.settlement_stopped_at IS NOT NULL THEN 'stopped' ELSE 'other' END AS reason
FROM subject JOIN purchases_purchase purchase ON purchase.id = subject.subject_id
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN catalogue_institution institution ON institution.id = training.institution_id
LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
WHERE settlement.ordered_at IS DISTINCT FROM %(at)s
""",
}


def left_out(*, run: MassRunState) -> tuple[LeftOut, ...]:
    """Why somebody on the list was left out by the verb, the most frequent reason first."""
    if not run.left_out_count:
        return ()
    sql = f"""
        WITH subject AS ({_DONE_SUBJECT}), missed AS ({LEFT_OUT_SQL[run.operation]})
        SELECT reason, count(*),
               (array_agg(participation_id ORDER BY participation_id) FILTER (WHERE participation_id IS NOT NULL))[1:20]
        FROM missed GROUP BY reason ORDER BY 2 DESC, 1
    """
    values: dict[str, Any] = {"run_id": run.run_id, "at": run.at}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return tuple(LeftOut(reason, count, tuple(ids or ())) for reason, count, ids in cursor.fetchall())
