"""The recommender's mathematics: model, reasons, spending plans and metrics. Pure numpy: no database, no clock."""

from .contributions import Explanation
from .explain import MINIMUM_INSTITUTIONS, MINIMUM_LIFT, MINIMUM_PEOPLE, Reason, ReasonTables
from .metrics import affordable_choices, first_choices, mean_and_error, ndcg_at, recall_at
from .model import FORMAT_VERSION, Recommender
from .plan import Plan, spending_plans
from .popularity import Popularity, SegmentPopularity
from .store import content_hash, from_bytes, to_bytes

__all__ = [
    "FORMAT_VERSION",
    "MINIMUM_INSTITUTIONS",
    "MINIMUM_LIFT",
    "MINIMUM_PEOPLE",
    "Explanation",
    "Plan",
    "Popularity",
    "Reason",
    "ReasonTables",
    "Recommender",
    "SegmentPopularity",
    "affordable_choices",
    "content_hash",
    "first_choices",
    "from_bytes",
    "mean_and_error",
    "ndcg_at",
    "recall_at",
    "spending_plans",
    "to_bytes",
]
