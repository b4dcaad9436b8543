"""Every report of these pages that the worker counts, by its name."""

from bekal.console.front_loading import FRONT_LOADING
from bekal.console.funnel import FUNNEL
from bekal.console.institutions import DUES
from bekal.console.lapsing import LAPSING
from bekal.console.ledger import OPEN_ITEMS
from bekal.console.on_time import ON_TIME
from bekal.console.reconciliation import RECONCILIATION
from bekal.console.treasury import TREASURY

REPORTS = (FRONT_LOADING, FUNNEL, DUES, LAPSING, ON_TIME, OPEN_ITEMS, RECONCILIATION, TREASURY)
COUNTS = {report.name: report.count for report in REPORTS}
