"""Where purchases stand by all that is said of them, piece by piece, for who shows it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import F

from bekal.core.evidence import EvidenceState, Piece, Source, Statement, state_of
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array
from bekal.purchases.evidence_intake import LIVE_MODES
from bekal.purchases.models import Purchase

# What an `EvidenceState` needs to know of a purchase, beside its own `pk` and `redeemed_at`.
JOINED = {
    "session_count": F("training__session_count"),
    "mode": F("training__mode"),
    "accepted_on": F("participation__accepted_on"),
}
# All that is said, and the days of the sessions that have one, in one look. What is not dated counts from its arrival.
SAID_SQL = """
SELECT purchase_id, piece, source, sequence, holds, percent, revision, coalesce(happened_at, recorded_at)
FROM purchases_evidence WHERE purchase_id = ANY(%(ids)s::bigint[])
UNION ALL
SELECT purchase.id, 'session', '', session.sequence, true, NULL, 1, session.starts_at
FROM purchases_purchase purchase JOIN catalogue_session session ON session.training_id = purchase.training_id
WHERE purchase.id = ANY(%(ids)s::bigint[])
"""


def evidence_states(*, purchase_ids: Collection[int]) -> dict[int, EvidenceState]:
    """The state of each of these purchases there is, by its number; two statements for all of them."""
    rows = Purchase.objects.filter(pk__in=purchase_ids).order_by("pk")
    return states_of(list(rows.annotate(**JOINED).values("pk", "redeemed_at", *JOINED)))


def states_of(facts: Sequence[Mapping[str, Any]]) -> dict[int, EvidenceState]:
    """The state of each row's purchase; a row has `pk`, `redeemed_at` and what is in `JOINED`. One statement."""
    said: dict[int, list[Statement]] = {row["pk"]: [] for row in facts}
    session_days: dict[int, dict[int, date]] = {row["pk"]: {} for row in facts}
    with connection.cursor() as cursor:
        cursor.execute(SAID_SQL, {"ids": id_array(said)})
        for number, piece, source, sequence, holds, percent, revision, at in cursor.fetchall():
            on = programme_day(at)
            if piece == "session":
                session_days[number][sequence] = on
            else:
                said[number].append(Statement(Source(source), Piece(piece), sequence, holds, percent, on, revision))
    return {
        row["pk"]: state_of(
            said[row["pk"]],
            scheme=RULES.scheme(row["accepted_on"]),
            is_live=row["mode"] in LIVE_MODES,
            session_count=row["session_count"],
            redeemed_on=None if row["redeemed_at"] is None else programme_day(row["redeemed_at"]),
            session_days=session_days[row["pk"]],
        )
        for row in facts
    }
