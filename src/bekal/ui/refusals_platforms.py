"""Why a platform may not prepare or close a purchase, in words."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.partners.platform_refusals import PlatformRefusal

PLATFORMS: Mapping[str, object] = {
    PlatformRefusal.NOT_SOLD_BY_PLATFORM: _("No digital platform sells this training. Buy it here with your balance."),
    PlatformRefusal.TOO_MANY_INTENTS: _(
        "You have opened %(limit_count)s start codes within an hour. Wait an hour, or buy here with your balance."
    ),
    PlatformRefusal.INTENT_NOT_FOUND: _(
        "This start code opens nothing here: it is unknown, too old, withdrawn or for another platform. Open a new one "
        "on the page of the training."
    ),
}
