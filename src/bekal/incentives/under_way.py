"""What of a run is with its partners: sent, accepted, or not known, and what it has that an officer must look at."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from bekal.incentives.models import PayoutException

# What a call tells of its payment. Where the partner did not let in who asked nothing is known of it, as before.
HEARD_SQL = "CASE WHEN call.outcome = 'not_let_in' AND call.act = 'ask' THEN 'unknown' ELSE call.outcome END"
# Whoever has an answer for good is left out. A partner that has accepted a payment has it, whatever became of the file.
UNDER_WAY_SQL = f"""
WITH handed_over AS (
    SELECT DISTINCT ON (sending.file_id) sending.file_id, sending.outcome
    FROM incentives_payoutsending sending JOIN incentives_payoutfile file ON file.id = sending.file_id
    WHERE file.run_id = %(run_id)s ORDER BY sending.file_id, sending.id DESC)
SELECT partner,
       count(*) FILTER (WHERE place = 'sent'),
       coalesce(sum(amount_rupiah) FILTER (WHERE place = 'sent'), 0)::bigint,
       count(*) FILTER (WHERE place = 'accepted'),
       coalesce(sum(amount_rupiah) FILTER (WHERE place = 'accepted'), 0)::bigint,
       count(*) FILTER (WHERE place = 'unknown'),
       coalesce(sum(amount_rupiah) FILTER (WHERE place = 'unknown'), 0)::bigint
FROM (SELECT payout.partner, payout.amount_rupiah,
             CASE WHEN EXISTS (SELECT 1 FROM incentives_payoutstatus said
                               WHERE said.payout_id = payout.id AND said.state = 'accepted') THEN 'accepted'
                  WHEN coalesce(called.outcome, handed_over.outcome) IN ('begun', 'unknown') THEN 'unknown'
                  ELSE 'sent' END AS place
      FROM incentives_payout payout
      JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
      LEFT JOIN handed_over ON handed_over.file_id = sent.file_id
      LEFT JOIN LATERAL (SELECT {HEARD_SQL} AS outcome FROM incentives_payoutcall call WHERE call.payout_id = payout.id
                         ORDER BY id DESC LIMIT 1) called ON true
      WHERE payout.run_id = %(run_id)s
        AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus answer WHERE answer.payout_id = payout.id
                        AND answer.state IN ('settled', 'rejected', 'returned', 'reversed'))) each
GROUP BY partner ORDER BY partner
"""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What one partner has not yet paid or refused, in payouts and rupiah. *Unknown*: the newest handing over of its
    file, or the newest call for it, was begun and has no answer; nobody sends it again before the partner was asked."""

    partner: str
    sent_count: int = 0
    sent_rupiah: int = 0
    accepted_count: int = 0
    accepted_rupiah: int = 0
    unknown_count: int = 0
    unknown_rupiah: int = 0


def under_way(*, run_id: int) -> dict[str, UnderWay]:
    """By partner what of a run is sent and unanswered; partners of which nothing is are left out."""
    with connection.cursor() as cursor:
        cursor.execute(UNDER_WAY_SQL, {"run_id": run_id})
        return {row[0]: UnderWay(*row) for row in cursor.fetchall()}


def open_exception_count(*, run_id: int) -> int:
    """How many open exceptions speak of a payout or a file of the run."""
    of_run = Q(payout__run_id=run_id) | Q(file__run_id=run_id)
    return PayoutException.objects.filter(of_run, resolved_at=None).count()
