"""Shrunken ratings and their intervals, held against catalogues whose truth is known."""

import math

import numpy as np
import pytest
from scipy import stats

from bekal.catalogue.models import Training
from bekal.catalogue.ratings import FALLBACK_VARIANCE, RatingPrior, rating_prior
from tests import factories


@pytest.mark.parametrize("count", [0, 1, 2, 17, 212, 5_000])
def test_the_interval_is_the_middle_95_percent_of_the_posterior(count: int) -> None:
    """By Bayes' rule on a fine grid: the density of the prior times the likelihood of n ratings."""
    prior = RatingPrior(mean=4.1, strength=8.0, variance=0.9)
    total = round(count * 3.6)
    grid = np.linspace(0, 8, 400_001)
    density = stats.norm.logpdf(grid, prior.mean, math.sqrt(prior.variance / prior.strength))
    if count:
        density += stats.norm.logpdf(total / count, grid, math.sqrt(prior.variance / count))
    share = np.cumsum(np.exp(density - density.max()))
    share /= share[-1]
    low, high = (float(grid[np.searchsorted(share, each)]) for each in (0.025, 0.975))
    assert prior.interval(total, count) == pytest.approx((max(low, 1), min(high, 5)), abs=1e-3)
    assert low < prior.shrunken(total, count) < high


def test_the_interval_stays_on_the_scale_and_narrows() -> None:
    prior = RatingPrior()
    widths = [high - low for low, high in (prior.interval(4 * count, count) for count in (0, 3, 30, 300))]
    assert widths == sorted(widths, reverse=True)
    assert prior.interval(500, 100)[1] <= 5 and prior.interval(100, 100)[0] >= 1
    assert prior.variance == FALLBACK_VARIANCE


@pytest.mark.django_db
def test_95_of_100_intervals_hold_the_true_mean() -> None:
    """A catalogue whose true means and ratings (whole, 1 to 5) are drawn; the prior is estimated from it alone."""
    draw = np.random.default_rng(1983)
    true = np.clip(draw.normal(4.0, 0.35, size=600), 1.2, 4.8)
    counts = draw.integers(1, 120, size=600)
    pattern = factories.training()
    rows, truth = [], []
    for number, (mean, count) in enumerate(zip(true, counts, strict=True)):
        # Four points of a binomial law between 1 and 5 have exactly this mean.
        ratings = 1 + draw.binomial(4, (mean - 1) / 4, size=int(count))
        rows.append(
            Training(
                code=f"R-{number}",
                title=f"R {number}",
                category_id=pattern.category_id,
                institution_id=pattern.institution_id,
                price_rupiah=1,
                mode=pattern.mode,
                session_count=1,
                listed_at=pattern.listed_at,
                rating_count=int(count),
                rating_sum=int(ratings.sum()),
            )
        )
        truth.append(float(mean))
    Training.objects.bulk_create(rows)
    prior = rating_prior()
    assert prior.mean == pytest.approx(4.0, abs=0.05)
    held = [
        low <= mean <= high
        for mean, (low, high) in zip(
            truth, (prior.interval(row.rating_sum, row.rating_count) for row in rows), strict=True
        )
    ]
    assert 0.92 <= sum(held) / len(held) <= 0.98
