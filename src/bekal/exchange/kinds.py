"""Every kind of file the door takes, in the order in which a programme is imported: one line each."""

from bekal.exchange import (
    accreditations,
    case_rulings,
    certificate_events,
    certificates,
    choices,
    clawbacks,
    closings,
    completions,
    contact_points,
    districts,
    endings,
    evidence,
    evidence_cases,
    institution_stops,
    ownerships,
    participants,
    payout_accounts,
    payout_runs,
    payouts,
    repayments,
    review_trail,
    reviews,
    sessions,
    survey_answers,
    trainings,
    waves,
)
from bekal.exchange.kind import Kind as Kind
from bekal.exchange.kind import Loaded as Loaded

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        districts.KIND,
        waves.KIND,
        trainings.KIND,
        sessions.KIND,
        institution_stops.KIND,
        accreditations.KIND,
        ownerships.KIND,
        participants.KIND,
        contact_points.KIND,
        payout_accounts.KIND,
        choices.KIND,
        completions.KIND,
        reviews.KIND,
        review_trail.KIND,
        evidence.KIND,
        evidence_cases.KIND,
        case_rulings.KIND,
        certificates.KIND,
        certificate_events.KIND,
        survey_answers.KIND,
        payout_runs.KIND,
        payouts.KIND,
        endings.KIND,
        clawbacks.KIND,
        repayments.KIND,
        closings.KIND,
    )
}
