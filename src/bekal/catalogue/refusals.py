"""Why a search was not made."""

from enum import StrEnum


class SearchRefusal(StrEnum):
    """Values: `length_count`, `limit_count` for the first; none for the second."""

    SEARCH_TOO_LONG = "search_too_long"
    SEARCH_NOT_TEXT = "search_not_text"


class SettlementStopRefusal(StrEnum):
    """Why the settlement to an institution was not stopped or resumed. The comment names the values."""

    UNKNOWN_INSTITUTION = "unknown_institution"
    STOP_REASON_EMPTY = "stop_reason_empty"
    STOP_REASON_TOO_LONG = "stop_reason_too_long"  # length_count, limit_count
    STOP_REASON_UNREADABLE = "stop_reason_unreadable"
    ALREADY_STOPPED = "settlement_already_stopped"  # stopped_on, reason


class SaleRefusal(StrEnum):
    """Why a training cannot be bought, where core only knows that it is not on sale. The comment names the values."""

    SALE_SUSPENDED = "sale_suspended"
    INSTITUTION_NOT_ACCREDITED = "institution_not_accredited"
    INSTITUTION_EXPIRED = "institution_accreditation_expired"  # until_on
    PLATFORM_NOT_REGISTERED = "platform_not_registered"
    PLATFORM_EXPIRED = "platform_registration_expired"  # until_on


class ShelfRefusal(StrEnum):
    """Why a verb about what becomes of a training, its institution, platform or owner did nothing."""

    SUBJECT_UNKNOWN = "shelf_subject_unknown"  # value
    REASON_EMPTY = "shelf_reason_empty"
    REASON_TOO_LONG = "shelf_reason_too_long"  # length_count, limit_count
    REASON_UNREADABLE = "shelf_reason_unreadable"
    NOT_AN_OFFICER = "shelf_not_an_officer"
    NUMBER_MISSING = "accreditation_number_missing"
    NUMBER_UNREADABLE = "accreditation_number_unreadable"  # limit_count
    DAYS_REVERSED = "accreditation_days_reversed"  # from_on, until_on
    ALREADY_SUSPENDED = "already_suspended"  # suspended_on, reason
    NOT_SUSPENDED = "not_suspended"
    LIFTED_BY_ANOTHER = "suspension_lifted_by_another"
    OWNER_NAME_UNREADABLE = "owner_name_unreadable"  # limit_count
    SHARE_OUT_OF_RANGE = "share_out_of_range"  # value
    SHARES_ABOVE_WHOLE = "shares_above_whole"  # value (percent taken by others)
    OWNS_ITSELF = "owns_itself"
    OWNERSHIP_ENDED = "ownership_ended"  # until_on
    OWNERSHIP_DAYS_REVERSED = "ownership_days_reversed"  # since_on, until_on
    INTEREST_OWN = "interest_ended_by_another"
    INTEREST_KNOWN = "interest_known"
    TITLE_UNREADABLE = "training_title_unreadable"  # limit_count
    DESCRIPTION_UNREADABLE = "training_description_unreadable"  # limit_count
    PRICE_OUT_OF_RANGE = "training_price_out_of_range"  # value_rupiah, limit_rupiah
    FIELD_OUT_OF_RANGE = "training_field_out_of_range"  # field, value, lowest, highest
    CHOICE_UNKNOWN = "training_choice_unknown"  # field, value
    PROVINCE_MISSING = "training_province_missing"
    CODE_MALFORMED = "training_code_malformed"  # value
    CODE_TAKEN = "training_code_taken"  # value
    SEATS_SOLD = "training_seats_sold"  # sold_count
    SESSIONS_DATED = "training_sessions_dated"  # dated_count
    SUBMISSION_UNKNOWN = "submission_unknown"
    NOT_WAITING = "submission_not_waiting"
    SUBMISSION_CHANGED = "submission_changed"
    VERDICT_UNKNOWN = "verdict_unknown"  # value
    CRITERIA_MISSING = "criteria_missing"  # met_count, all_count
    OWN_INTEREST = "curator_has_interest"  # via
    NOT_YET_APPROVED = "training_not_approved"
    SESSION_UNKNOWN = "dated_session_unknown"  # session_count
    SESSION_UNDATED = "session_has_no_date"
    SESSION_OVER = "session_is_over"  # session_on
    SESSION_IN_PAST = "session_in_the_past"
    SESSION_ENDS_EARLY = "session_ends_before_it_starts"
    SESSION_ORDER = "sessions_out_of_order"  # sequence, other_on
    PLACE_UNREADABLE = "session_place_unreadable"  # limit_count
