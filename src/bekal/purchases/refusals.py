"""Why this room says no, beside core's own reasons. The front doors translate by these codes; keep the names stable."""

from enum import StrEnum


class PurchaseRefusal(StrEnum):
    """Each comment names the refusal's values."""

    UNKNOWN_TRAINING = "unknown_training"
    PRICE_CHANGED = "price_changed"  # price_rupiah (now), seen_rupiah
    SOLD_OUT = "sold_out"
    UNREACHABLE = "unreachable"
    REDEEM_CODE_UNKNOWN = "redeem_code_unknown"
    OTHER_INSTITUTION = "other_institution"
    ALREADY_REDEEMED = "already_redeemed"  # redeemed_on
    UNKNOWN_PURCHASE = "unknown_purchase"
    NOT_REDEEMED = "not_redeemed"
    PURCHASE_ENDED = "purchase_ended"  # ended_on
    ALREADY_PROVEN = "already_proven"  # proven_on
    SESSION_OUT_OF_RANGE = "session_out_of_range"  # sequence, session_count
    ATTENDANCE_MISSING = "attendance_missing"  # attended_count, session_count
    PIECE_OF_ANOTHER = "piece_of_another"  # piece, source
    NOT_REVIEWED = "not_reviewed"
    PERCENT_MISSING = "percent_missing"
    PERCENT_WITHOUT_MEANING = "percent_without_meaning"  # piece
    PERCENT_OUT_OF_RANGE = "percent_out_of_range"  # percent
    REVISION_OUT_OF_RANGE = "revision_out_of_range"  # revision, limit_count
    REASON_TOO_LONG = "reason_too_long"  # length_count, limit_count
    REASON_UNREADABLE = "reason_unreadable"
    HAPPENED_IN_FUTURE = "happened_in_future"  # happened_on
    HAPPENED_BEFORE_PURCHASE = "happened_before_purchase"  # happened_on, bought_on
    NOT_COMPLETED = "not_completed"
    ALREADY_REVIEWED = "already_reviewed"
    RATING_OUT_OF_RANGE = "rating_out_of_range"  # rating
    REVIEW_EMPTY = "review_empty"
    REVIEW_TOO_LONG = "review_too_long"  # length_count, limit_count
    REVIEW_UNREADABLE = "review_unreadable"
    UNKNOWN_REVIEW = "unknown_review"
    REVIEW_EDIT_CLOSED = "review_edit_closed"  # closed_on
    TOO_MANY_EDITS = "too_many_edits"  # limit_count
    OWN_REVIEW = "own_review"
    REVIEW_NOT_HIDDEN = "review_not_hidden"
    ALREADY_APPEALED = "already_appealed"
    NOTE_EMPTY = "note_empty"
    NOTE_TOO_LONG = "note_too_long"  # length_count, limit_count
    NOTE_UNREADABLE = "note_unreadable"
    UNKNOWN_REASON = "unknown_reason"
    REVIEW_CHANGED = "review_changed"
    ANOTHER_OFFICER = "another_officer"


class CertificateRefusal(StrEnum):
    """Why a certificate is not revoked."""

    UNKNOWN_CERTIFICATE = "unknown_certificate"
    ALREADY_REVOKED = "certificate_revoked"  # revoked_on
    ALREADY_ASKED = "revocation_asked"
    NOT_ASKED = "revocation_not_asked"
    REASON_CHANGED = "revocation_reason_changed"
    SAME_PERSON = "revocation_same_person"
    REVOCATION_REASON_EMPTY = "revocation_reason_empty"
    REVOCATION_REASON_TOO_LONG = "revocation_reason_too_long"  # length_count, limit_count
    REVOCATION_REASON_UNREADABLE = "revocation_reason_unreadable"


class CaseRefusal(StrEnum):
    """Why contested evidence is not decided."""

    VERDICT_UNKNOWN = "case_verdict_unknown"
    DECISION_REASON_EMPTY = "case_reason_empty"
    DECISION_REASON_UNREADABLE = "case_reason_unreadable"
    DECISION_REASON_TOO_LONG = "case_reason_too_long"  # length_count, limit_count
    CASES_NONE = "cases_none"
    CASES_TOO_MANY = "cases_too_many"  # limit_count
    CASES_CHANGED = "cases_changed"
    CASE_CLOSED = "case_closed"
    CASE_CHANGED = "case_changed"
    RULING_NOT_FOUND = "case_ruling_not_found"  # ruling_id
    RULING_CLOSED = "case_ruling_closed"  # ruling_id
    RULING_CHANGED = "case_ruling_changed"  # ruling_id
    RULING_SAME_PERSON = "case_ruling_same_person"  # ruling_id
