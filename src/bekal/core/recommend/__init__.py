"""The recommender's mathematics: model, reasons, spending plans and metrics. Numpy and scipy: no database, no clock."""

from .contributions import Explanation
from .disclosure import MINIMUM_INSTITUTIONS, MINIMUM_PEOPLE
from .explain import Reason, ReasonTables
from .metrics import affordable_choices, first_choices, mean_and_error, ndcg_at, recall_at
from .model import FORMAT_VERSION, Recommender
from .off_policy import Estimate, NotEnoughLoggedError, PolicyValue, policy_value
from .plan import CONCEDED_SHARE, Plan, Spending, plan_spending
from .popularity import Popularity, SegmentPopularity
from .reason_counting import MINIMUM_LIFT
from .seats import NO_LIMIT, SeatPrices, contested, reprice, seat_prices
from .shards import map_shards
from .store import content_hash, from_bytes, to_bytes

__all__ = [
    "CONCEDED_SHARE",
    "FORMAT_VERSION",
    "MINIMUM_INSTITUTIONS",
    "MINIMUM_LIFT",
    "MINIMUM_PEOPLE",
    "NO_LIMIT",
    "Estimate",
    "Explanation",
    "NotEnoughLoggedError",
    "Plan",
    "PolicyValue",
    "Popularity",
    "Reason",
    "ReasonTables",
    "Recommender",
    "SeatPrices",
    "SegmentPopularity",
    "Spending",
    "affordable_choices",
    "content_hash",
    "contested",
    "first_choices",
    "from_bytes",
    "map_shards",
    "mean_and_error",
    "ndcg_at",
    "plan_spending",
    "policy_value",
    "recall_at",
    "reprice",
    "seat_prices",
    "to_bytes",
]
