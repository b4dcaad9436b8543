"""Why a mass run, a clawback or a repayment was not taken. Each code has one sentence on the pages."""

from enum import StrEnum


class MassRefusal(StrEnum):
    """Closed list; the comment names the values a refusal of that code carries."""

    NOTHING_DUE = "mass_nothing_due"
    RUN_OPEN = "mass_run_open"  # run_id
    RUN_NOT_FOUND = "mass_run_not_found"  # run_id
    RUN_CANCELLED = "mass_run_cancelled"  # run_id
    RUN_FINISHED = "mass_run_finished"  # run_id
    ALREADY_APPROVED = "mass_run_already_approved"  # run_id
    NO_APPROVAL_NEEDED = "mass_run_no_approval_needed"  # run_id
    SAME_PERSON = "mass_run_same_person"  # run_id
    LIST_CHANGED = "mass_list_changed"  # run_id
    LEDGER_DIFFERENCE = "mass_ledger_difference"  # run_id
    LEDGER_NOT_PROVED = "mass_ledger_not_proved"  # run_id, hours_count
    RUN_STOPPED = "mass_run_stopped"  # run_id
    NOT_APPROVED = "mass_run_not_approved"  # run_id
    STOP_REASON_EMPTY = "mass_stop_reason_empty"
    STOP_REASON_TOO_LONG = "mass_stop_reason_too_long"  # length_count, limit_count
    STOP_REASON_UNREADABLE = "mass_stop_reason_unreadable"
    STOP_NOT_ASKED = "mass_stop_not_asked"  # run_id
    STOP_CHANGED = "mass_stop_changed"  # run_id
    STOP_SAME_PERSON = "mass_stop_same_person"  # run_id
    WAVE_MISSING = "mass_wave_missing"
    YEAR_UNKNOWN = "mass_year_unknown"  # first_year, last_year


class LifecycleRefusal(StrEnum):
    """Closed list; the comment names the values a refusal of that code carries."""

    # A clawback: deciding, approving, withdrawing
    PARTICIPATION_UNKNOWN = "clawback_participation_unknown"  # participation_id
    CAUSE_UNKNOWN = "clawback_cause_unknown"  # value
    EXPLANATION_EMPTY = "clawback_explanation_empty"
    EXPLANATION_TOO_LONG = "clawback_explanation_too_long"  # length_count, limit_count
    EXPLANATION_UNREADABLE = "clawback_explanation_unreadable"
    CLAWBACK_STANDING = "clawback_standing"  # clawback_id
    NOTHING_RECEIVED = "clawback_nothing_received"  # participation_id
    CLAWBACK_NOT_FOUND = "clawback_not_found"  # clawback_id
    CLAWBACK_APPROVED = "clawback_already_approved"  # clawback_id
    CLAWBACK_WITHDRAWN = "clawback_already_withdrawn"  # clawback_id
    CLAWBACK_SAME_PERSON = "clawback_same_person"  # clawback_id
    AMOUNTS_CHANGED = "clawback_amounts_changed"  # decided_rupiah, now_rupiah
    PAYOUT_UNDER_WAY = "clawback_payout_under_way"  # run_id
    WITHDRAWAL_NOT_ASKED = "clawback_withdrawal_not_asked"  # clawback_id
    WITHDRAWAL_CHANGED = "clawback_withdrawal_changed"  # clawback_id
    WITHDRAWAL_SAME_PERSON = "clawback_withdrawal_same_person"  # clawback_id

    # A repayment
    CLAWBACK_NOT_APPROVED = "clawback_not_approved"  # clawback_id
    REFERENCE_MALFORMED = "repayment_reference_malformed"  # value, limit_count
    REFERENCE_USED = "repayment_reference_used"  # reference, received_rupiah, received_on
    REFERENCE_OF_ANOTHER = "repayment_reference_of_another"  # reference, clawback_id
    REPAYMENT_NOT_POSITIVE = "repayment_not_positive"  # amount_rupiah
    ABOVE_OUTSTANDING = "repayment_above_outstanding"  # amount_rupiah, outstanding_rupiah
    RECEIVED_IN_FUTURE = "repayment_received_in_future"  # received_on
    RECEIVED_TOO_EARLY = "repayment_received_too_early"  # received_on, approved_on

    # A closed year
    YEAR_CLOSED = "year_closed"  # closed_on
