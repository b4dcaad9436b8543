"""What stands in each file of an export: the columns that the import of the same kind takes, in a fixed order of rows.

Numbers of rows never leave the database: a person is a NIK, a training a code, a wave a number, a payout run the
instant at which it was planned.
"""

from collections.abc import Callable

from django.db import connection

from bekal.core.rules import RULES
from bekal.exchange.case_rulings import extract as case_rulings
from bekal.exchange.catalogue_names import extract as catalogue_names
from bekal.exchange.certificate_events import extract as certificate_events
from bekal.exchange.certificates import extract as certificates
from bekal.exchange.curation_decisions import extract as curation_decisions
from bekal.exchange.evidence import extract as evidence
from bekal.exchange.evidence_cases import extract as evidence_cases
from bekal.exchange.export_catalogue import accreditations, institution_stops, ownerships, sessions, trainings
from bekal.exchange.export_columns import (
    Column,
    Extract,
    day,
    instant,
    instant_sql,
    nik,
    number,
    sealed,
    text,
)
from bekal.exchange.export_money_back import clawbacks, closings, endings, repayments
from bekal.exchange.hold_steps import extract as hold_steps
from bekal.exchange.partners import extract as partners
from bekal.exchange.people import IS_PERSON, NOBODY, PLACES, PURCHASES
from bekal.exchange.personalisations import extract as personalisations
from bekal.exchange.review_trail import extract as review_trail
from bekal.exchange.submissions import extract as submissions
from bekal.exchange.suspensions import extract as suspensions
from bekal.exchange.training_changes import extract as training_changes
from bekal.ledger.movements import Kind
from bekal.participants.models import Participation

_OPENED = "CASE WHEN place.opened_at IS NOT NULL THEN {} END"
# Several runs can be planned in one instant: the second is called INSTANT#2.
RUN_NAMES_SQL = f"""
SELECT id, {instant_sql("planned_at")} || CASE WHEN place > 1 THEN '#' || place ELSE '' END AS name
FROM (SELECT id, planned_at, row_number() OVER (PARTITION BY planned_at ORDER BY id) AS place
      FROM incentives_payoutrun WHERE payee = 'people') numbered
"""


def _districts() -> Extract:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT year FROM participants_districtyear ORDER BY year")
        years = [year for (year,) in cursor.fetchall()]
    accepted = tuple(
        number(
            f"accepted_{year}",
            f"(SELECT accepted_count FROM participants_districtyear WHERE district_id = district.id AND year = {year})",
        )
        for year in years
    )
    return Extract(
        columns=(
            number("district_id", "district.id"),
            text("district", "district.name"),
            number("province_code", "district.province"),
            *accepted,
        ),
        source="participants_district district",
        order="district.id",
        of_person="district.id = (SELECT district_id FROM participants_participant WHERE id = %(person)s)",
    )


def _waves() -> Extract:
    return Extract(
        columns=(
            number("number", "wave.number"),
            day("opens_on", "wave.opens_on"),
            day("closes_on", "wave.closes_on"),
            number("quota_count", "wave.quota_count"),
        ),
        source="participants_wave wave",
        order="wave.number",
        of_person="wave.id = (SELECT wave_id FROM participants_participation WHERE participant_id = %(person)s)",
    )


def _opened_counts() -> str:
    """What the rules of each day of acceptance give to whoever was taken over with opening balances, as a table."""
    days = Participation.objects.filter(opened_at__isnull=False).order_by("accepted_on").distinct()
    schemes = [RULES.scheme(day) for day in days.values_list("accepted_on", flat=True)]
    rows = [f"(date '{scheme.accepted_on}', {scheme.instalment_count}, {scheme.survey_count})" for scheme in schemes]
    return ", ".join(rows) or "(NULL::date, 0, 0)"


def _participants() -> Extract:
    return Extract(
        columns=(
            nik("person.id"),
            text("full_name", "person.full_name"),
            text("sex", "person.sex"),
            day("born_on", "person.born_on"),
            number("education", "person.education"),
            number("employment", "person.employment"),
            number("province", "person.province"),
            number("district", "person.district_id"),
            instant("registered_at", "person.registered_at"),
            number("wave", "wave.number"),
            instant("accepted_at", "place.accepted_at"),
            number("training_balance_rupiah", _OPENED.format("coalesce(balance.granted_rupiah, 0)")),
            number(
                "incentives_left_count",
                _OPENED.format("scheme.instalment_count - place.incentives_paid_before_count"),
            ),
            number("surveys_left_count", _OPENED.format("scheme.survey_count - place.surveys_paid_before_count")),
            instant("opened_at", "place.opened_at"),
        ),
        source=f"""participants_participant person
            LEFT JOIN participants_participation place ON place.participant_id = person.id
            LEFT JOIN participants_wave wave ON wave.id = place.wave_id
            LEFT JOIN ledger_trainingbalance balance ON balance.owner_id = place.id
            LEFT JOIN (VALUES {_opened_counts()}) scheme (accepted_on, instalment_count, survey_count)
                ON scheme.accepted_on = place.accepted_on AND place.opened_at IS NOT NULL""",
        order="person.id",
        of_person=IS_PERSON,
    )


def _contact_points() -> Extract:
    return Extract(
        columns=(
            nik("point.participant_id"),
            text("kind", "point.kind"),
            sealed("value", "point.value_encrypted"),
            instant("verified_at", "point.verified_at"),
            instant("unreachable_since_at", "point.unreachable_since_at"),
        ),
        source="participants_contactpoint point",
        order="point.participant_id, point.kind DESC",
        of_person="point.participant_id = %(person)s",
    )


def _payout_accounts() -> Extract:
    return Extract(
        columns=(
            nik("account.participant_id"),
            text("partner", "account.partner"),
            sealed("number", "account.number_encrypted"),
            text("holder_name", "account.holder_name"),
            instant("verified_at", "account.verified_at"),
            instant("pays_from_at", "account.pays_from_at"),
        ),
        source="participants_payoutaccount account",
        order="account.participant_id",
        of_person="account.participant_id = %(person)s",
    )


def _choices() -> Extract:
    """Learners of earlier programmes are no participants: no export of one person holds any."""
    return Extract(
        columns=(
            text("learner", "'key:' || encode(learner.key_hash, 'hex')"),
            text("training", "training.code"),
            day("completed_on", "choice.completed_on"),
            text("sex", "learner.sex"),
            number("birth_year", "learner.birth_year"),
            number("education", "learner.education"),
            number("employment", "learner.employment"),
            number("province", "learner.province"),
        ),
        source="""recommender_earlierchoice choice
            JOIN recommender_earlierlearner learner ON learner.id = choice.learner_id
            JOIN catalogue_training training ON training.id = choice.training_id""",
        order="learner.key_hash, choice.training_id",
        of_person=NOBODY,
    )


def _completions() -> Extract:
    # By sequence; a session that was not attended before a later one is an empty place in the list.
    attended = f"""(SELECT string_agg(coalesce({instant_sql("evidence.recorded_at")}, ''), ';' ORDER BY number)
        FROM generate_series(1, (SELECT max(sequence) FROM purchases_evidence
                                 WHERE purchase_id = purchase.id AND piece = 'attendance'
                                   AND source = 'institution' AND holds)) number
        LEFT JOIN LATERAL (SELECT min(recorded_at) AS recorded_at FROM purchases_evidence
                           WHERE purchase_id = purchase.id AND piece = 'attendance' AND source = 'institution'
                             AND holds AND sequence = number) evidence ON true)"""
    refunded_to = f"""CASE WHEN purchase.refunded_rupiah > 0 THEN
        (SELECT CASE WHEN refund.credit_kind = {Kind.TRAINING_BALANCE.value} THEN 'balance' ELSE 'treasury' END
         FROM ledger_transfer refund
         WHERE refund.owner_id = place.id AND refund.idempotency_key = 'refund:' || purchase.training_id) END"""
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            number("price_rupiah", "purchase.price_rupiah"),
            number("ordinal", "purchase.ordinal"),
            instant("bought_at", "purchase.bought_at"),
            instant("redeemed_at", "purchase.redeemed_at"),
            text("attended_at", attended),
            instant("completed_at", "purchase.completed_at"),
            instant("reconciled_at", "purchase.reconciled_at"),
            sealed("redeem_code", "purchase.redeem_code_encrypted"),
            instant("ended_at", "purchase.ended_at"),
            text("ending", "nullif(purchase.ending, '')"),
            number("refunded_rupiah", "CASE WHEN purchase.ended_at IS NOT NULL THEN purchase.refunded_rupiah END"),
            text("refunded_to", refunded_to),
            instant("settled_at", "settlement.settled_at"),
            text("evidence", "'file'"),
        ),
        source=f"""{PURCHASES}
            LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id""",
        order="person.id, purchase.ordinal",
        of_person=IS_PERSON,
    )


def _reviews() -> Extract:
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            number("rating", "review.rating"),
            text("text", "review.text"),
            instant("written_at", "review.written_at"),
            text("evidence", "'file'"),
        ),
        # As first written: what was edited since is in the trail.
        source=f"""purchases_reviewversion review
            JOIN ({PURCHASES}) ON purchase.id = review.review_id AND review.number = 1""",
        order="person.id, purchase.ordinal",
        of_person=IS_PERSON,
    )


def _survey_answers() -> Extract:
    return Extract(
        columns=(
            nik("person.id"),
            number("survey", "response.survey_number"),
            instant("answered_at", "response.answered_at"),
            text("channel", "response.channel"),
            text("answers", "response.answers::text"),
        ),
        source=f"engagement_surveyresponse response JOIN ({PLACES}) ON place.id = response.participation_id",
        order="person.id, response.survey_number",
        of_person=IS_PERSON,
    )


def _payout_runs() -> Extract:
    return Extract(
        columns=(
            text("run", "named.name"),
            day("planned_for", "run.planned_for"),
            number("payout_count", "run.payout_count"),
            number("total_rupiah", "run.total_rupiah"),
            text("list_sha256", "encode(run.list_sha256, 'hex')"),
            text("planned_by", "planner.login_name"),
            text("approved_by", "approver.login_name"),
            instant("approved_at", "run.approved_at"),
            instant("exported_at", "run.exported_at"),
            text("cancelled_by", "canceller.login_name"),
            instant("cancelled_at", "run.cancelled_at"),
        ),
        source=f"""incentives_payoutrun run JOIN ({RUN_NAMES_SQL}) named ON named.id = run.id
            JOIN accounts_user planner ON planner.id = run.planned_by_id
            LEFT JOIN accounts_user approver ON approver.id = run.approved_by_id
            LEFT JOIN accounts_user canceller ON canceller.id = run.cancelled_by_id""",
        # What institutions were paid stands with each purchase.
        only="run.payee = 'people'",
        order="run.planned_at, run.id",
        of_person="""run.id IN (SELECT payout.run_id FROM incentives_payout payout
            JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
            JOIN participants_participation place ON place.id = entitlement.participation_id
            WHERE place.participant_id = %(person)s)""",
    )


def _payouts() -> Extract:
    # An attempt that ended without an answer was on a list that was cancelled, or was kept back; one without a word was
    # not sent yet.
    state = """CASE WHEN payout.id IS NULL THEN NULL WHEN back.id IS NOT NULL THEN back.state
        WHEN answer.id IS NOT NULL THEN answer.state
        WHEN sent.id IS NOT NULL THEN 'sent' WHEN payout.ended_at IS NOT NULL THEN 'cancelled' ELSE 'planned' END"""
    return Extract(
        head=f"WITH named AS MATERIALIZED ({RUN_NAMES_SQL})",
        columns=(
            nik("person.id"),
            text("kind", "entitlement.kind"),
            number("instalment", "entitlement.instalment"),
            number("amount_rupiah", "entitlement.amount_rupiah"),
            day("scheduled_on", "entitlement.scheduled_on"),
            day("payment_on", "entitlement.payment_on"),
            instant("entitled_at", "entitlement.entitled_at"),
            text("run", "named.name"),
            number("attempt", "payout.attempt"),
            text("partner", "payout.partner"),
            text("account", "payout.masked_account"),
            text("reference", "payout.reference"),
            text("state", state),
            instant("sent_at", "sent.recorded_at"),
            text("reason_code", "coalesce(back.reason_code, answer.reason_code, nullif(kept.reason_code, ''))"),
            instant("answered_at", "answer.recorded_at"),
            instant("came_back_at", "back.recorded_at"),
        ),
        source=f"""incentives_entitlement entitlement JOIN ({PLACES}) ON place.id = entitlement.participation_id
            LEFT JOIN incentives_payout payout ON payout.entitlement_id = entitlement.id
            LEFT JOIN named ON named.id = payout.run_id
            LEFT JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
            LEFT JOIN incentives_payoutstatus answer
                ON answer.payout_id = payout.id AND answer.state IN ('settled', 'rejected')
            LEFT JOIN incentives_payoutstatus back
                ON back.payout_id = payout.id AND back.state IN ('returned', 'reversed')
            LEFT JOIN incentives_payoutstatus kept ON kept.payout_id = payout.id AND kept.state = 'withheld'""",
        order="person.id, entitlement.kind, entitlement.instalment, payout.attempt",
        of_person=IS_PERSON,
    )


# By the name of the kind; made at the moment of the export, because the years of the districts are columns.
EXTRACTS: dict[str, Callable[[], Extract]] = {
    "districts": _districts,
    "waves": _waves,
    "catalogue_names": catalogue_names,
    "trainings": trainings,
    "sessions": sessions,
    "institution_stops": institution_stops,
    "accreditations": accreditations,
    "ownerships": ownerships,
    "suspensions": suspensions,
    "submissions": submissions,
    "curation_decisions": curation_decisions,
    "training_changes": training_changes,
    "partners": partners,
    "participants": _participants,
    "contact_points": _contact_points,
    "payout_accounts": _payout_accounts,
    "personalisations": personalisations,
    "choices": _choices,
    "completions": _completions,
    "reviews": _reviews,
    "review_trail": review_trail,
    "evidence": evidence,
    "evidence_cases": evidence_cases,
    "case_rulings": case_rulings,
    "certificates": certificates,
    "certificate_events": certificate_events,
    "hold_steps": hold_steps,
    "survey_answers": _survey_answers,
    "payout_runs": _payout_runs,
    "payouts": _payouts,
    "endings": endings,
    "clawbacks": clawbacks,
    "repayments": repayments,
    "closings": closings,
}


def columns_of(name: str) -> tuple[Column, ...]:
    """The columns that the export of this kind writes."""
    return tuple(EXTRACTS[name]().columns)
