"""Why a statement or a course was not taken; keep the names stable."""

from enum import StrEnum


class XapiRefusal(StrEnum):
    """Each comment names the refusal's values."""

    STATEMENT_CHANGED = "statement_changed"
    OBJECT_UNKNOWN = "xapi_object_unknown"  # value
    NOT_APPLICABLE = "move_on_not_applicable"  # value
    WAIVED = "xapi_waived"
    XML_UNREADABLE = "course_xml_unreadable"
    NOT_A_COURSE = "course_not_cmi5"  # value
    UNIT_ID_WRONG = "course_unit_id_wrong"  # value
    UNIT_TWICE = "course_unit_twice"  # value
    MOVE_ON_UNKNOWN = "course_move_on_unknown"  # value
    UNIT_COUNT = "course_unit_count"  # value, session_count
