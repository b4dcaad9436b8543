"""What an export says of money that went back: endings, clawbacks and what came of them, closed years."""

from bekal.exchange.endings import ENDED_AT_SQL, KIND_SQL
from bekal.exchange.export_columns import Column, Extract, day, instant, nik, number, text
from bekal.exchange.people import IS_PERSON, PLACES


def endings() -> Extract:
    return Extract(
        columns=(
            nik("person.id"),
            text("kind", KIND_SQL),
            instant("ended_at", ENDED_AT_SQL),
        ),
        source=PLACES,
        only=f"{ENDED_AT_SQL} IS NOT NULL",
        order="person.id",
        of_person=IS_PERSON,
    )


def clawbacks() -> Extract:
    # What moved with the approval and the withdrawal stands in the ledger under the clawback's number.
    def moved(name: str, key: str) -> Column:
        found = f"idempotency_key = replace('{key}', 'N', clawback.id::text)"
        return number(
            name,
            f"(SELECT amount_rupiah FROM ledger_transfer moved WHERE owner_id = place.id AND moved.{found})",
        )

    return Extract(
        columns=(
            nik("person.id"),
            instant("decided_at", "clawback.decided_at"),
            text("decided_by", "decider.login_name"),
            text("cause", "clawback.cause"),
            text("explanation", "clawback.explanation"),
            number("incentive_rupiah", "clawback.incentive_rupiah"),
            number("training_rupiah", "clawback.training_rupiah"),
            text("approved_by", "approver.login_name"),
            instant("approved_at", "clawback.approved_at"),
            day("due_on", "clawback.due_on"),
            *(
                moved(f"returned_{what}_rupiah", f"clawback:N:rest-{what}")
                for what in ("training", "incentive", "survey")
            ),
            text("withdrawal_asked_by", "asker.login_name"),
            instant("withdrawal_asked_at", "clawback.withdrawal_asked_at"),
            text("withdrawn_by", "withdrawer.login_name"),
            instant("withdrawn_at", "clawback.withdrawn_at"),
            text("withdrawn_because", "nullif(clawback.withdrawn_because, '')"),
            moved("withdrawn_incentive_rupiah", "withdrawal:N:incentive"),
            moved("withdrawn_training_rupiah", "withdrawal:N:training"),
        ),
        source=f"""lifecycle_clawback clawback JOIN ({PLACES}) ON place.id = clawback.participation_id
            JOIN accounts_user decider ON decider.id = clawback.decided_by_id
            LEFT JOIN accounts_user approver ON approver.id = clawback.approved_by_id
            LEFT JOIN accounts_user asker ON asker.id = clawback.withdrawal_asked_by_id
            LEFT JOIN accounts_user withdrawer ON withdrawer.id = clawback.withdrawn_by_id""",
        order="clawback.decided_at, person.id",
        of_person=IS_PERSON,
    )


def repayments() -> Extract:
    return Extract(
        columns=(
            nik("person.id"),
            instant("decided_at", "clawback.decided_at"),
            text("reference", "repayment.reference"),
            number("incentive_rupiah", "repayment.incentive_rupiah"),
            number("training_rupiah", "repayment.training_rupiah"),
            day("received_on", "repayment.received_on"),
            text("recorded_by", "recorder.login_name"),
            instant("recorded_at", "repayment.recorded_at"),
        ),
        source=f"""lifecycle_repayment repayment JOIN lifecycle_clawback clawback ON clawback.id = repayment.clawback_id
            JOIN ({PLACES}) ON place.id = clawback.participation_id
            JOIN accounts_user recorder ON recorder.id = repayment.recorded_by_id""",
        order="repayment.recorded_at, repayment.reference",
        of_person=IS_PERSON,
    )


def closings() -> Extract:
    return Extract(
        columns=(nik("person.id"), instant("closed_at", "place.closed_at")),
        source=PLACES,
        only="place.closed_at IS NOT NULL",
        order="person.id",
        of_person=IS_PERSON,
    )
