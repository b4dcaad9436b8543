"""`remind_owing`: whoever owes a piece is reminded, many at once, and never of the same twice within some days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.participants.notify import Notice, notify
from bekal.purchases.reconciliation_queries import Choice

REMINDERS_LIMIT = 2_000
TEMPLATE = "evidence-reminder"
SENTENCES = {
    "attendance": _(
        "The programme still waits for your confirmation of the sessions of %(title)s, by %(due_on)s. You find it "
        "under Pelatihan saya. Without it no incentive can be paid."
    ),
    "rating": _(
        "The programme still waits for your rating of %(title)s, by %(due_on)s. You find it under Pelatihan saya. "
        "Without it no incentive can be paid; how many stars you give changes nothing."
    ),
    "review": _(
        "The programme still waits for your review of %(title)s, by %(due_on)s. You find it under Pelatihan saya. "
        "Without it no incentive can be paid; what you write changes nothing."
    ),
}
# A person is reminded of a piece once, whatever number of purchases wait for it: of the one that is due first.
REMIND_SQL = """
WITH owing AS MATERIALIZED (
    SELECT DISTINCT ON (stood.owed_by, stood.piece,
                        CASE stood.owed_by WHEN 'participant' THEN purchase.participation_id ELSE purchase.id END)
           stood.purchase_id, stood.piece, stood.owed_by, stood.due_on, purchase.participation_id,
           participation.participant_id, training.title
    FROM purchases_reconciliationstanding stood
    JOIN purchases_purchase purchase ON purchase.id = stood.purchase_id
    JOIN catalogue_training training ON training.id = purchase.training_id
    JOIN participants_participation participation ON participation.id = purchase.participation_id
    WHERE stood.owed_by IN ('institution', 'participant')
      AND (%(piece)s::text IS NULL OR stood.piece = %(piece)s)
      AND (%(owed_by)s::text IS NULL OR stood.owed_by = %(owed_by)s)
      AND (%(institution_id)s::bigint IS NULL OR stood.institution_id = %(institution_id)s)
      AND (%(band)s::integer IS NULL OR width_bucket(%(on)s::date - stood.since_on, %(bands)s::integer[]) = %(band)s)
      AND (NOT %(overdue)s OR stood.due_on < %(on)s)
      AND NOT EXISTS (
          SELECT FROM purchases_evidencereminder reminded
          JOIN purchases_purchase other ON other.id = reminded.purchase_id
          WHERE reminded.owed_by = stood.owed_by AND reminded.piece = stood.piece
            AND reminded.reminded_at > %(since_at)s
            AND CASE stood.owed_by WHEN 'participant' THEN other.participation_id = purchase.participation_id
                                   ELSE other.id = purchase.id END)
    ORDER BY stood.owed_by, stood.piece,
             CASE stood.owed_by WHEN 'participant' THEN purchase.participation_id ELSE purchase.id END, stood.due_on
), chosen AS MATERIALIZED (
    SELECT * FROM owing ORDER BY due_on, purchase_id, piece LIMIT %(limit)s
), written AS (
    INSERT INTO purchases_evidencereminder (purchase_id, piece, owed_by, reminded_at, officer_id)
    SELECT purchase_id, piece, owed_by, %(at)s, %(officer_id)s FROM chosen
)
SELECT owed_by, piece, participant_id, title, due_on FROM chosen ORDER BY purchase_id, piece
"""


@dataclass(frozen=True, slots=True)
class Reminded:
    """How many messages went to participants, and how many pieces stand as reminded at desks of institutions."""

    participant_count: int
    institution_count: int


@transaction.atomic
def remind_owing(choice: Choice, *, officer_id: int, at: datetime) -> Reminded:
    """Remind whoever owes one of the pieces chosen, what is due first in front, at most 2,000 at once; who was reminded
    of the same piece less than `evidence_reminder_days` ago is left out. A participant gets a message, an institution
    reads it at its desk. Reminders wait for each other, so that a second click writes nothing."""
    on = programme_day(at)
    since_at = at - timedelta(days=RULES.value("evidence_reminder_days", on))
    values = choice.values(on) | {"at": at, "since_at": since_at, "officer_id": officer_id, "limit": REMINDERS_LIMIT}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('purchases.remind_owing'))")
        cursor.execute(REMIND_SQL, values)
        rows = cursor.fetchall()
    notices = [
        Notice(participant_id, TEMPLATE, SENTENCES[piece], {"title": title, "due_on": f"{due_on:%d-%m-%Y}"})
        for owed_by, piece, participant_id, title, due_on in rows
        if owed_by == "participant"
    ]
    notify(notices=notices, at=at)
    return Reminded(len(notices), len(rows) - len(notices))
