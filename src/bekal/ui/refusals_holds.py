"""The sentences of refusals about holds: appeals against them and decisions on them."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.holds.refusals import HoldRefusal

HOLDS: Mapping[str, object] = {
    HoldRefusal.HOLD_NOT_FOUND: _("Hold %(hold_id)s does not exist. Check the number."),
    HoldRefusal.HOLD_LIFTED: _("Hold %(hold_id)s is lifted already; the payment goes on with the next list."),
    HoldRefusal.HOLD_CONFIRMED: _("Hold %(hold_id)s is confirmed already. Lift it, or wait for an objection."),
    HoldRefusal.HOLD_NOT_PROPOSED: _("Nobody has proposed to confirm hold %(hold_id)s. Propose it, with your reason."),
    HoldRefusal.HOLD_SAME_PERSON: _("You decided on hold %(hold_id)s before, so another officer must do this."),
    HoldRefusal.APPEAL_OPEN: _("An objection against this is being looked at already. Wait for the answer to it."),
    HoldRefusal.HOLD_TEXT_EMPTY: _("The text is empty. Say in plain words why."),
    HoldRefusal.HOLD_TEXT_TOO_LONG: _(
        "The text has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    HoldRefusal.HOLD_TEXT_UNREADABLE: _("The text has characters that cannot be shown. Type it again."),
}
