"""The sentences of refusals about complaints: those of participants, and the answers of officers."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.incentives.refusals import PayoutRefusal

COMPLAINTS: Mapping[str, object] = {
    PayoutRefusal.COMPLAINT_NO_LINE: _("There is no such instalment. Choose one on the page Insentif."),
    PayoutRefusal.COMPLAINT_TOO_EARLY: _(
        "It is paid on %(on)s, so it cannot have come yet. If something else is not right, choose that."
    ),
    PayoutRefusal.COMPLAINT_NOT_FOUND: _("This complaint does not exist. Open the list and try again."),
    PayoutRefusal.COMPLAINT_CLOSED: _("This complaint is closed already. Nothing has to be answered any more."),
    PayoutRefusal.COMPLAINT_CAN_MOVE: _(
        "This instalment can still move, so the complaint stays open until it does. Answer without closing it."
    ),
    PayoutRefusal.COMPLAINT_TEXT_MISSING: _("Write the answer first: the participant reads it."),
    PayoutRefusal.COMPLAINT_TEXT_TOO_LONG: _(
        "The text has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    PayoutRefusal.COMPLAINT_TEXT_UNREADABLE: _("The text has characters that cannot be shown. Type it again."),
}
