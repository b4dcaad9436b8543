"""Every report of these pages that the worker counts, by its name."""

from bekal.console.funnel import FUNNEL
from bekal.console.institutions import DUES
from bekal.console.lapsing import LAPSING
from bekal.console.ledger import OPEN_ITEMS
from bekal.console.reconciliation import RECONCILIATION
from bekal.console.treasury import TREASURY

COUNTS = {report.name: report.count for report in (FUNNEL, DUES, LAPSING, OPEN_ITEMS, RECONCILIATION, TREASURY)}
