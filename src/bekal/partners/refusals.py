"""Why a partner's call was not answered, or why something about a partner was not done; keep the names stable.

Clients of v1 see a sentence by these codes and the code itself in the header `bekal-refusal`."""

from enum import StrEnum


class CallRefusal(StrEnum):
    """Why a call was refused. Each comment names the refusal's values."""

    METHOD_WRONG = "method_not_allowed"
    HEADER_MISSING = "header_missing"  # header
    HEADER_TWICE = "header_repeated"  # header
    CLIENT_UNKNOWN = "client_unknown"
    CLIENT_SUSPENDED = "client_suspended"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    TIMESTAMP_EXPIRED = "timestamp_expired"  # limit_count (seconds)
    SIGNATURE_WRONG = "signature_wrong"
    TOO_MANY_MISSES = "too_many_misses"  # limit_count
    BODY_TOO_LARGE = "body_too_large"  # limit_bytes
    BODY_UNREADABLE = "body_unreadable"
    BODY_NOT_OBJECT = "body_not_object"
    FIELD_TWICE = "field_repeated"  # field
    FIELD_MISSING = "field_missing"  # field
    FIELD_NOT_TEXT = "field_not_text"  # field
    FIELD_NOT_NUMBER = "field_not_number"  # field
    SANDBOX_AWAY = "sandbox_unavailable"
    CODE_NOT_FOUND = "code_not_found"
    CODE_ELSEWHERE = "code_of_another_institution"
    CODE_CANCELLED = "code_cancelled"
    TRANSACTION_CANCELLED = "transaction_cancelled"  # ended_on
    CODE_USED = "code_already_used"  # redeemed_on
    CODE_NOT_USED = "code_not_redeemed"
    OUTSIDE_WINDOW = "outside_redemption_window"  # opens_at_text, closes_at_text
    TYPE_MISMATCH = "course_type_mismatch"  # type_text
    SEQUENCE_OUT_OF_RANGE = "sequence_out_of_range"  # sequence, session_count
    REDIRECT_NOT_REGISTERED = "redirect_uri_not_registered"
    TASK_SCOPE_UNKNOWN = "scope_unknown"  # value
    TASK_SEQUENCE_UNKNOWN = "task_sequence_unknown"  # sequence
    FILE_URL_MALFORMED = "url_file_malformed"  # field
    NOTES_UNREADABLE = "notes_unreadable"
    NOTES_TOO_LONG = "notes_too_long"  # length_count, limit_count
    TASK_PENDING = "task_pending"
    TASK_PASSED = "task_passed"
    TASK_NOT_SENT = "task_not_sent"
    TASK_ANSWERED = "task_answered"
    FEEDBACK_STATUS_UNKNOWN = "feedback_status_unknown"
    ENDPOINT_UNKNOWN = "endpoint_unknown"


class PartnerRefusal(StrEnum):
    """Why something about a partner or its keys was not done. Each comment names the refusal's values."""

    PARTNER_UNKNOWN = "unknown_partner"
    PARTNER_CODE_MALFORMED = "partner_code_malformed"  # value
    PARTNER_CODE_TAKEN = "partner_code_taken"  # value
    PARTNER_NAME_EMPTY = "partner_name_empty"
    PARTNER_NAME_TOO_LONG = "partner_name_too_long"  # length_count, limit_count
    PARTNER_NAME_UNREADABLE = "partner_name_unreadable"
    PARTNER_KIND_UNKNOWN = "partner_kind_unknown"
    OWNER_UNKNOWN = "partner_owner_unknown"
    OWNER_TAKEN = "partner_owner_taken"  # partner
    PARTNER_TIED = "partner_tied"
    PARTNER_NOT_TIED = "partner_not_tied"
    GENERATION_OF_INSTITUTIONS = "v1_for_institutions_only"
    KEY_UNKNOWN = "unknown_key"
    KEYS_LIVE = "two_keys_live"  # limit_count
    KEY_ISSUED_SINCE = "key_issued_since"  # key
    KEY_REVOKED = "key_revoked"  # revoked_on
    REDIRECT_MALFORMED = "redirect_malformed"
    REDIRECT_KNOWN = "redirect_registered"
    REDIRECT_UNKNOWN = "unknown_redirect"
    SUSPENSION_REASON_EMPTY = "suspension_reason_empty"
    SUSPENSION_REASON_TOO_LONG = "suspension_reason_too_long"  # length_count, limit_count
    SUSPENSION_REASON_UNREADABLE = "suspension_reason_unreadable"
    URL_UNREADABLE = "url_unreadable"  # limit_count
    URL_NOT_HTTPS = "url_not_https"
    URL_NOT_PUBLIC = "url_not_public"
    EVENT_UNKNOWN = "event_unknown"  # value, known
    ENDPOINT_TAKEN = "endpoint_taken"
    ENDPOINTS_OPEN = "endpoints_open"  # limit_count
    ENDPOINT_UNKNOWN = "endpoint_not_found"
    ENDPOINT_CLOSED = "endpoint_closed"
    DELIVERY_UNKNOWN = "delivery_not_found"
    REPLAYS_SPENT = "replays_spent"  # limit_count
