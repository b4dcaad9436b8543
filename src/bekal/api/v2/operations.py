"""Every endpoint of v2 by its file, in the order of the documentation: an import is what opens one."""

from bekal.api.v2 import me as _me
from bekal.api.v2 import purchase as _purchase
from bekal.api.v2 import purchases as _purchases
from bekal.api.v2 import redemptions as _redemptions

MODULES = (_me, _redemptions, _purchases, _purchase)
