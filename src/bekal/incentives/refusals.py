"""Why a payout run, or a payment partner's file, was not taken. Each code has one sentence on the pages."""

from enum import StrEnum


class PayoutRefusal(StrEnum):
    """Closed list; the comment names the values a refusal of that code carries."""

    # Planning
    NOTHING_DUE = "payout_nothing_due"  # on, left_out_count
    TOO_FAR_AHEAD = "payout_planned_too_far_ahead"  # on, latest_on
    CALENDAR_NOT_PUBLISHED = "payout_calendar_not_published"  # on, year

    # A run and its state
    RUN_NOT_FOUND = "payout_run_not_found"  # run_id
    RUN_CANCELLED = "payout_run_cancelled"  # run_id
    RUN_EXPORTED = "payout_run_exported"  # run_id
    NOT_APPROVED = "payout_run_not_approved"  # run_id
    ALREADY_APPROVED = "payout_run_already_approved"  # run_id
    SAME_PERSON = "payout_run_same_person"  # run_id
    LIST_CHANGED = "payout_list_changed"  # run_id
    LEDGER_DIFFERENCE = "payout_ledger_difference"  # run_id
    LEDGER_NOT_PROVED = "payout_ledger_not_proved"  # run_id, hours_count

    # The form of a file: line (from 1), column, value as found, expected where there is one right value
    FILE_TOO_LARGE = "payout_file_too_large"  # size_bytes, limit_bytes
    FILE_NOT_UTF8 = "payout_file_not_utf8"  # line
    FILE_BYTE_ORDER_MARK = "payout_file_byte_order_mark"  # line
    FILE_HEADER = "payout_file_header"  # line, value, expected
    FILE_FIELD_COUNT = "payout_file_field_count"  # line, value, expected
    FILE_REFERENCE = "payout_file_reference"  # line, column, value
    FILE_AMOUNT = "payout_file_amount"  # line, column, value
    FILE_STATE = "payout_file_state"  # line, column, value
    FILE_REASON = "payout_file_reason"  # line, column, value
    FILE_DUPLICATE = "payout_file_duplicate"  # line, column, value, first_line
    FILE_NO_LINES = "payout_file_no_lines"  # line
    FILE_NO_TRAILER = "payout_file_no_trailer"  # line
    FILE_TRAILER = "payout_file_trailer"  # line, column, value, expected
    FILE_AFTER_TRAILER = "payout_file_after_trailer"  # line, value
    # Files of banks besides
    FILE_XML = "payout_file_xml"  # line, value
    FILE_DTD = "payout_file_dtd"  # line
    FILE_KIND = "payout_file_kind"  # value, expected
    FILE_CURRENCY = "payout_file_currency"  # line, column, value
    FILE_TOTAL = "payout_file_total"  # line, column, value, expected
    FILE_PAGES = "payout_file_pages"  # line, value
    FILE_DAY = "payout_file_day"  # line, column, value
    # A statement against those of the days around it
    STATEMENT_GAP = "payout_statement_gap"  # on, found_rupiah, expected_rupiah
    STATEMENT_OVERLAP = "payout_statement_overlap"  # on

    # A day of a partner is closed
    NOTHING_TO_CLOSE = "payout_nothing_to_close"
    DAY_WAITS = "payout_day_waits"  # on
    DAY_UNEXPLAINED = "payout_day_unexplained"  # on, difference_rupiah

    # An account is to be asked for again
    ACCOUNT_NOT_FAILED = "payout_account_not_failed"
    ACCOUNT_ASKED_TOO_OFTEN = "payout_account_asked_too_often"  # limit_count

    # An exception is cleared up
    EXCEPTION_NOT_FOUND = "payout_exception_not_found"
    NOTE_MISSING = "payout_note_missing"
    NOTE_TOO_LONG = "payout_note_too_long"  # length_count, limit_count

    # Somebody complains of an instalment, and an officer answers
    COMPLAINT_NO_LINE = "complaint_no_line"
    COMPLAINT_TOO_EARLY = "complaint_too_early"  # on
    COMPLAINT_NOT_FOUND = "complaint_not_found"
    COMPLAINT_CLOSED = "complaint_closed"
    COMPLAINT_CAN_MOVE = "complaint_can_move"
    COMPLAINT_TEXT_MISSING = "complaint_text_missing"
    COMPLAINT_TEXT_UNREADABLE = "complaint_text_unreadable"
    COMPLAINT_TEXT_TOO_LONG = "complaint_text_too_long"  # length_count, limit_count

    # The bank account of an institution
    INSTITUTION_UNKNOWN = "payout_institution_unknown"
    INSTITUTION_NEEDS_BANK = "payout_institution_needs_bank"  # partner
    INSTITUTION_ACCOUNT_TAKEN = "payout_institution_account_taken"
    INSTITUTION_ACCOUNT_WAITS = "payout_institution_account_waits"
    INSTITUTION_ACCOUNT_NOT_SHOWN = "payout_institution_account_not_shown"
    INSTITUTION_ACCOUNT_SAME_PERSON = "payout_institution_account_same_person"

    # The programme takes a payout back: reference
    REVERSAL_REASON = "payout_reversal_reason"  # value
    PAYOUT_NOT_FOUND = "payout_not_found"  # reference
    PAYOUT_NOT_PAID = "payout_not_paid"  # reference
    PAYOUT_BACK_ALREADY = "payout_back_already"  # reference, known
    PAYOUT_CLAWED_BACK = "payout_clawed_back"  # reference
    REVERSAL_ASKED = "payout_reversal_asked"  # reference, known
    REVERSAL_NOT_ASKED = "payout_reversal_not_asked"  # reference
    REVERSAL_CHANGED = "payout_reversal_changed"  # reference, known
    REVERSAL_SAME_PERSON = "payout_reversal_same_person"  # reference
