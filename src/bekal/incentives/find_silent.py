"""`find_silent`: payments that a partner has, or should have, and says nothing of although their time is over."""

from datetime import date, datetime, time, timedelta

from django.db import connection, transaction

from bekal.core.rules import RULES
from bekal.core.schedule import working_days_after
from bekal.incentives.under_way import HEARD_SQL
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import id_array

# Whoever looks once a day has found what is older; so months that are long over are not read again.
LOOK_BACK = timedelta(days=62)
# What answers these runs waits here, so that nothing is called silent that is being answered.
LOCK_RUNS_SQL = """
SELECT id FROM incentives_payoutrun
WHERE exported_at < %(before)s AND planned_for BETWEEN %(first)s AND %(last)s ORDER BY id FOR NO KEY UPDATE
"""
# Handed over by files or calls: what is known not to have arrived is not the partner's silence. What an officer hands
# over is the office's to ask about: nobody here knows whether the partner has it. To accept is not to pay: who has said
# no more than that has its time once more, and is then silent, too. Once for each payment and each of the two: what an
# officer has cleared up stays so.
OPEN_SQL = f"""
INSERT INTO incentives_payoutexception
    (kind, owner, partner, payout_id, file_id, line, reference, said, opened_at, resolution, note)
SELECT 'silent', CASE WHEN file.message_id = '' AND accepted.id IS NULL THEN 'office' ELSE 'partner' END,
       payout.partner, payout.id, file.id, 0, payout.reference,
       CASE WHEN accepted.id IS NULL THEN '' ELSE 'accepted' END, %(at)s, '', ''
FROM incentives_payout payout
JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
JOIN incentives_payoutfile file ON file.id = sent.file_id
LEFT JOIN incentives_payoutstatus accepted ON accepted.payout_id = payout.id AND accepted.state = 'accepted'
WHERE payout.run_id = ANY(%(run_ids)s::bigint[]) AND payout.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus said
                  WHERE said.payout_id = payout.id AND said.state NOT IN ('sent', 'accepted'))
  AND CASE WHEN accepted.id IS NOT NULL THEN accepted.recorded_at < %(before)s
           WHEN file.form = 'calls'
           THEN (SELECT {HEARD_SQL} FROM incentives_payoutcall call WHERE call.payout_id = payout.id
                 ORDER BY call.id DESC LIMIT 1) IN ('begun', 'unknown')
                AND NOT EXISTS (SELECT 1 FROM incentives_payoutcall late
                                WHERE late.payout_id = payout.id AND late.counted_on > %(last)s)
           WHEN file.message_id = '' THEN true
           ELSE (SELECT sending.outcome FROM incentives_payoutsending sending WHERE sending.file_id = file.id
                 ORDER BY sending.id DESC LIMIT 1) IN ('begun', 'unknown', 'taken')
                AND NOT EXISTS (SELECT 1 FROM incentives_payoutsending late
                                WHERE late.file_id = file.id AND late.counted_on > %(last)s) END
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutexception earlier
                  WHERE earlier.payout_id = payout.id AND earlier.kind = 'silent'
                    AND (earlier.said = 'accepted') = (accepted.id IS NOT NULL))
ORDER BY payout.id
ON CONFLICT (kind, partner, reference, said) WHERE resolved_at IS NULL DO NOTHING
"""


@transaction.atomic
def find_silent(*, at: datetime) -> int:
    """Open an exception of the partner for each payment that is neither paid nor refused although its time is over; how
    many.

    A partner has so many working days after the day of payment (`payout_answer_days` of that day), or after the run was
    exported or the payment begun (it may have waited for a window or another day), or accepted, if that was later. The
    exception ends by itself when an answer comes (`answers.end_silence`). Of a list that an officer hands over by hand
    the office is asked first. Again: nothing new. Lock order: the runs.
    """
    today = programme_day(at)
    last = today - timedelta(days=1)
    while last >= today - LOOK_BACK and answer_due_on(last) >= today:
        last -= timedelta(days=1)
    end_of_last = datetime.combine(last + timedelta(days=1), time(), JAKARTA)
    values: dict[str, date | datetime] = {"at": at, "first": today - LOOK_BACK, "last": last, "before": end_of_last}
    with connection.cursor() as cursor:
        cursor.execute(LOCK_RUNS_SQL, values)
        run_ids = [number for (number,) in cursor.fetchall()]
        if not run_ids:
            return 0
        cursor.execute(OPEN_SQL, {**values, "run_ids": id_array(run_ids)})
        return int(cursor.rowcount)


def answer_due_on(paid_on: date) -> date:
    """The last day on which a partner may answer what is paid on that day."""
    return working_days_after(paid_on, RULES.value("payout_answer_days", paid_on))
