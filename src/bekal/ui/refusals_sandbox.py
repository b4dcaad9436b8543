"""Why something in a partner's sandbox was not done, in words."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.partners.sandbox_refusals import SandboxRefusal

SANDBOX: Mapping[str, object] = {
    SandboxRefusal.AWAY: _(
        "There is no sandbox on this server, or its database does not answer. Ask the programme office; nothing was "
        "changed."
    ),
    SandboxRefusal.NOT_OPEN: _("Your sandbox has not been opened yet. Open it first."),
    SandboxRefusal.PARTNER_UNKNOWN: _("There is no such partner."),
    SandboxRefusal.COUNT_OUT_OF_BOUNDS: _(
        "%(asked_count)s test codes were asked for. Ask for 1 to %(limit_count)s at a time."
    ),
    SandboxRefusal.PEOPLE_SPENT: _(
        "Your sandbox has its %(limit_count)s test people. Begin anew with fresh people to get further codes."
    ),
    SandboxRefusal.NOTHING_SOLD: _(
        "On %(on)s, the day of your sandbox, a test balance buys nothing. Move your clock on, or begin anew."
    ),
    SandboxRefusal.NO_CODE_SENT: _(
        "This test participant has been sent no one-time code yet. Ask for one with POST /platform/one-time-codes."
    ),
    SandboxRefusal.CLOCK_BACK: _(
        "Your clock shows %(on)s already and only goes forward. Begin anew to set it back to the programme's."
    ),
    SandboxRefusal.CLOCK_TOO_FAR: _(
        "Your clock may be at most %(limit_days_count)s days ahead of the programme's. Begin anew to set it back."
    ),
}
