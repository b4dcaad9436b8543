"""What is done to the known world so that a published figure must lie outside its tolerance, and by whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

TABLES = (
    "ledger_transfer",
    "incentives_entitlement",
    "incentives_payoutstatus",
    "purchases_purchase",
    "participants_participation",
    "engagement_surveyresponse",
    "purchases_evidence",
)
FIRST = "(SELECT min(id) FROM participants_participation)"
GRANTS, GRANTED = "UPDATE ledger_transfer", "WHERE reason = 1 AND credit_kind = 2"
ANSWERS = "UPDATE engagement_surveyresponse SET answers = answers || "
# What is done to the world, and which figures must then lie outside (others may follow).
DEVIATIONS: dict[str, tuple[str, set[str]]] = {
    "one rupiah less for one person": (
        f"{GRANTS} SET amount_rupiah = 999999 {GRANTED} AND owner_id = {FIRST}",
        {"S1.granted_lowest", "S5.envelope_lowest"},
    ),
    "one rupiah more for one person": (
        f"{GRANTS} SET amount_rupiah = 1000001 {GRANTED} AND owner_id = {FIRST}",
        {"S1.granted_highest", "S5.envelope_highest"},
    ),
    "another balance for everybody": (
        f"{GRANTS} SET amount_rupiah = 1100000 {GRANTED}",
        {"S1.granted_median", "S1.granted_lowest", "S1.granted_highest", "S5.envelope_lowest", "S5.envelope_highest"},
    ),
    "an acceptance without survey pay": (
        f"DELETE FROM ledger_transfer WHERE reason = 1 AND credit_kind = 6 AND owner_id = {FIRST}",
        {"S5.envelope_lowest"},
    ),
    "a purchase after the last day": (
        "UPDATE purchases_purchase SET bought_at = '2020-12-16T00:00+07' WHERE ordinal = 2",
        {"S1.latest_purchase"},
    ),
    "a balance that did not return": (
        f"DELETE FROM ledger_transfer WHERE reason = 8 AND owner_id = {FIRST}",
        {"S1.left_after_the_end", "S1.returned"},
    ),
    "one rupiah that did not return": (
        f"UPDATE ledger_transfer SET amount_rupiah = amount_rupiah - 1 WHERE reason = 8 AND owner_id = {FIRST}",
        {"S1.left_after_the_end", "S1.returned"},
    ),
    "a purchase whose price the ledger does not know": (
        "UPDATE purchases_purchase SET price_rupiah = price_rupiah + 50 WHERE ordinal = 1"
        f" AND participation_id = {FIRST}",
        {"S1.returned"},
    ),
    "a training balance paid out": (
        "INSERT INTO ledger_transfer"
        " (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)"
        f" VALUES ({FIRST}, 2, 7, 4, 50, 'cash', '2020-06-01T09:00+07')",
        {"S1.cash"},
    ),
    "an escrow paid out": (
        f"UPDATE ledger_transfer SET credit_kind = 5 WHERE reason = 3 AND owner_id = {FIRST}",
        {"S1.cash"},
    ),
    "a fifth instalment": (
        "INSERT INTO incentives_entitlement"
        " (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)"
        f" VALUES ({FIRST}, 'incentive', 5, 600000, '2020-08-25', '2020-08-25', '2020-05-01T09:00+07')",
        {"S5.incentives_most"},
    ),
    "an instalment that is one rupiah less": (
        f"UPDATE incentives_entitlement SET amount_rupiah = 599999 WHERE instalment = 4 AND participation_id = {FIRST}",
        {"S5.incentive_lowest"},
    ),
    "an instalment that is one rupiah more": (
        f"UPDATE incentives_entitlement SET amount_rupiah = 600001 WHERE instalment = 4 AND participation_id = {FIRST}",
        {"S5.incentive_highest"},
    ),
    "a fourth survey": (
        f"UPDATE incentives_entitlement SET instalment = 4 WHERE kind = 'survey' AND participation_id = {FIRST}",
        {"S5.surveys_most"},
    ),
    "a survey that pays less": (
        f"UPDATE incentives_entitlement SET amount_rupiah = 49999 WHERE kind = 'survey' AND participation_id = {FIRST}",
        {"S5.survey_lowest"},
    ),
    "a survey that pays more": (
        f"UPDATE incentives_entitlement SET amount_rupiah = 50001 WHERE kind = 'survey' AND participation_id = {FIRST}",
        {"S5.survey_highest"},
    ),
    "nobody between finished and paid": (
        "UPDATE purchases_purchase SET completed_at = NULL WHERE reconciled_at IS NULL",
        {"S6.waiting"},
    ),
    "a month of answers that came too late": (
        "UPDATE incentives_payoutstatus SET recorded_at = '2020-07-28T00:00+07' WHERE state = 'settled'",
        {"S6.waiting", "S8.paid_share_of_buyers", "S8.paid_share"},
    ),
    "first purchases that were never made": (
        "UPDATE purchases_purchase SET bought_at = '2020-07-28T00:00+07' WHERE redeemed_at IS NULL AND ordinal = 1",
        {"S8.bought_share", "S8.not_bought_share", "S8.paid_share_of_buyers"},
    ),
    "a revocation that kept the survey pay": (
        "DELETE FROM ledger_transfer WHERE reason = 7 AND debit_kind = 6",
        {"S9.per_person", "S9.of_180000", "S9.of_189436", "S9.printed"},
    ),
    "one revoked person who kept Rp1": (
        "UPDATE ledger_transfer SET amount_rupiah = amount_rupiah - 1 WHERE reason = 7 AND debit_kind = 2"
        " AND owner_id = (SELECT max(owner_id) FROM ledger_transfer WHERE reason = 7)",
        {"S9.per_person", "S9.of_180000", "S9.of_189436", "S9.printed"},
    ),
    "everybody agrees": (
        ANSWERS + """'{"on_time": "agree"}' WHERE survey_number = 3""",
        {"S11.on_time"},
    ),
    "everybody took a second": (
        ANSWERS + """'{"second": "yes"}' WHERE survey_number = 3 AND answers ->> 'reason' <> 'other'""",
        {"S11.second", "S11.no_second", "S11.no_time", "S11.other_reasons"},
    ),
    "nobody says why but for lack of time": (
        ANSWERS + """'{"reason": "no_time"}' WHERE survey_number = 3 AND answers ->> 'second' = 'no'""",
        {"S11.no_time", "S11.enough", "S11.reuse_unknown", "S11.want_no_more", "S11.second_unknown"}
        | {"S11.other_reasons"},
    ),
    "everybody has work": (
        ANSWERS + """'{"employment": "employee"}' WHERE survey_number = 1""",
        {"S11.unemployed", "S11.employees", "S11.business"},
    ),
    "nobody was helped": (
        ANSWERS + """'{"effective": "no", "helped": "no"}' WHERE survey_number = 1""",
        {"S11.effective", "S11.helped"},
    ),
}


@contextmanager
def as_an_intruder() -> Iterator[Any]:
    """The owner's cursor with triggers and checks taken down; everything is undone at the end."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        # The checker's own role would wait for these tables: what is measured is what this connection sees.
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", [table])
            for (name,) in cursor.fetchall():
                if name != "ledger_transfer_allowed_movement":
                    cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield cursor
        transaction.set_rollback(True, using="owner")
