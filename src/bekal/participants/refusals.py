"""Why this room says no. The front doors translate by these codes; keep the names stable."""

from enum import StrEnum


class ParticipantRefusal(StrEnum):
    """Each comment names the refusal's values."""

    NAME_MISSING = "name_missing"
    NAME_TOO_LONG = "name_too_long"  # length_count, limit_count
    NAME_UNREADABLE = "name_unreadable"
    NIK_MALFORMED = "nik_malformed"
    NIK_BIRTH_DATE_IMPOSSIBLE = "nik_birth_date_impossible"  # digits: the six that should be a date
    NIK_TAKEN = "nik_taken"
    BORN_ON_IN_FUTURE = "born_on_in_future"  # born_on
    PROFILE_VALUE_UNKNOWN = "profile_value_unknown"  # field, value
    DISTRICT_UNKNOWN = "district_unknown"  # value: the number that no district has
    DISTRICT_ELSEWHERE = "district_elsewhere"  # district, province: their names
    PHONE_MALFORMED = "phone_malformed"
    EMAIL_MALFORMED = "email_malformed"
    UNKNOWN_PARTICIPANT = "unknown_participant"
    PARTNER_UNKNOWN = "payment_partner_unknown"  # value
    ACCOUNT_NUMBER_MALFORMED = "account_number_malformed"  # partner
    ACCOUNT_TAKEN = "account_taken"  # partner
    ACCOUNT_CHANGE_NEEDS_CODE = "account_change_needs_code"
    ACCOUNT_THE_SAME = "account_the_same"
    ACCOUNT_IS_SECOND = "account_is_second"
    SECOND_NEEDS_FIRST = "second_account_needs_first"
    UNREACHABLE = "participant_unreachable"
    UNKNOWN_WAVE = "unknown_wave"
    WAVE_NOT_OPEN_YET = "wave_not_open_yet"  # opens_on
    WAVE_FULL = "wave_full"  # quota_count
    ALREADY_ACCEPTED = "already_accepted"  # accepted_on
    LOGIN_NAME_MALFORMED = "login_name_malformed"  # login_name
    LOGIN_NAME_TAKEN = "login_name_taken"  # login_name
    HAS_SIGN_IN = "has_sign_in"
    PASSWORD_UNREADABLE = "password_unreadable"
    PASSWORD_WEAK = "password_weak"  # reason: sentences of Django's validators in the reader's language
