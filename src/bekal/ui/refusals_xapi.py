"""Why a statement or a course was not taken, in words."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.partners.xapi_refusals import XapiRefusal

XAPI: Mapping[str, object] = {
    XapiRefusal.STATEMENT_CHANGED: _(
        "A statement with this id was taken before, with other words. Give the new one an id of its own."
    ),
    XapiRefusal.OBJECT_UNKNOWN: _(
        "“%(value)s” is neither the training's course nor one of its units. Use the ids of the registered course."
    ),
    XapiRefusal.NOT_APPLICABLE: _(
        "“%(value)s” rests on moveOn NotApplicable, which proves nothing. Give each unit a moveOn and register the "
        "course anew."
    ),
    XapiRefusal.WAIVED: _("A unit that was waived was not learned. Send what was completed or passed."),
    XapiRefusal.XML_UNREADABLE: _(
        "The file is not XML that can be read here: at most 256 KB, no DTD, no entities. Export cmi5.xml anew."
    ),
    XapiRefusal.NOT_A_COURSE: _("The root is “%(value)s”, not a cmi5 courseStructure with its course. Send cmi5.xml."),
    XapiRefusal.UNIT_ID_WRONG: _("The id “%(value)s” is no address of at most 500 characters. Correct it."),
    XapiRefusal.UNIT_TWICE: _("The id “%(value)s” stands twice. Each unit has an id of its own."),
    XapiRefusal.MOVE_ON_UNKNOWN: _(
        "moveOn is “%(value)s”. Write Passed, Completed, CompletedAndPassed or CompletedOrPassed."
    ),
    XapiRefusal.UNIT_COUNT: _(
        "The course has %(value)s units and the training %(session_count)s sessions. They must be as many: a unit is a "
        "session."
    ),
}
