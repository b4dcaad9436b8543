"""Ratings that can be compared: a mean of two reviews must not beat a mean of two hundred, and says how sure it is.

The model is the normal one of parametric empirical Bayes (Morris, "Parametric Empirical Bayes Inference", Journal of
the American Statistical Association 78, 1983): a training's true mean is drawn from N(m, tau^2), the mean of its n
ratings from N(true mean, sigma^2 / n). With k = sigma^2 / tau^2 the true mean, given the ratings, is normal with mean
(sum + m k) / (n + k) and variance sigma^2 / (n + k); the interval is mean -/+ 1.96 standard deviations, cut to 1 to 5.
m, k and sigma^2 are estimated from hundreds of trainings and taken as known, so for a small catalogue the interval is a
little too short. tests/catalogue/test_ratings.py holds both against simulated catalogues.
"""

from dataclasses import dataclass
from math import sqrt

from django.db import connection
from django.db.models import ExpressionWrapper, F, FloatField, Value

# Where the catalogue cannot tell yet: the middle of the scale's upper half, worth ten reviews.
FALLBACK_MEAN = 4.0
FALLBACK_STRENGTH = 10.0
MINIMUM_STRENGTH, MAXIMUM_STRENGTH = 3.0, 100.0
# Of ratings from 1 to 5 of one training: what the slope may say, and what is taken where it cannot tell.
FALLBACK_VARIANCE = 1.0
MINIMUM_VARIANCE, MAXIMUM_VARIANCE = 0.25, 4.0
DEVIATIONS = 1.96  # of a normal law, for 95 %
MINIMUM_TRAININGS = 20
MINIMUM_BUYERS = 10

# A training's mean m of n ratings scatters around the catalogue's mean with variance tau^2 + sigma^2 / n: the line of
# (m - mean)^2 over 1/n has tau^2 as its intercept and sigma^2 as its slope, and sigma^2 / tau^2 is what the catalogue's
# mean is worth in ratings (empirical Bayes by moments, Morris 1983).
_PRIOR_SQL = """
WITH rated AS (
    SELECT rating_sum::float8 / rating_count AS mean, 1.0::float8 / rating_count AS inverse, rating_count, rating_sum
    FROM catalogue_training WHERE rating_count > 0
), total AS (SELECT sum(rating_sum)::float8 / sum(rating_count) AS mean FROM rated)
SELECT count(*), max(total.mean), regr_slope((rated.mean - total.mean) ^ 2, inverse),
       regr_intercept((rated.mean - total.mean) ^ 2, inverse)
FROM rated, total
"""


@dataclass(frozen=True, slots=True)
class RatingPrior:
    """What is believed of a training nobody has rated: `mean` (1-5) at the weight of `strength` ratings; one rating
    scatters around its training's true mean with `variance`."""

    mean: float = FALLBACK_MEAN
    strength: float = FALLBACK_STRENGTH
    variance: float = FALLBACK_VARIANCE

    def shrunken(self, rating_sum: int, rating_count: int) -> float:
        """The rating (1-5) to order and to show: the mean of its own ratings and the prior's."""
        return (rating_sum + self.mean * self.strength) / (rating_count + self.strength)

    def interval(self, rating_sum: int, rating_count: int) -> tuple[float, float]:
        """Between which ratings (1-5) the training's true mean lies with 95 % probability, given its ratings."""
        middle = self.shrunken(rating_sum, rating_count)
        half = DEVIATIONS * sqrt(self.variance / (rating_count + self.strength))
        return max(middle - half, 1.0), min(middle + half, 5.0)

    def expression(self) -> ExpressionWrapper:
        """The same in SQL, over Training."""
        total = F("rating_sum") + Value(self.mean * self.strength)
        return ExpressionWrapper(total / (F("rating_count") + Value(self.strength)), output_field=FloatField())


def rating_prior() -> RatingPrior:
    """The prior as the catalogue stands now (one query); with fewer than 20 rated trainings a fixed one."""
    with connection.cursor() as cursor:
        cursor.execute(_PRIOR_SQL)
        count, mean, slope, intercept = cursor.fetchone()
    if count < MINIMUM_TRAININGS:
        return RatingPrior()
    if slope is None or slope <= 0:
        return RatingPrior(mean, FALLBACK_STRENGTH)
    variance = min(max(slope, MINIMUM_VARIANCE), MAXIMUM_VARIANCE)
    strength = slope / intercept if intercept > 0 else MAXIMUM_STRENGTH
    return RatingPrior(mean, min(max(strength, MINIMUM_STRENGTH), MAXIMUM_STRENGTH), variance)


def completion_rate(completed_count: int, bought_count: int) -> float | None:
    """Completed of bought, 0 to 1; None below ten buyers, where one person would move it too far."""
    return completed_count / bought_count if bought_count >= MINIMUM_BUYERS else None
