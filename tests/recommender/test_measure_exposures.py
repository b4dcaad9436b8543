"""The explored place, measured on rows of the database: what was drawn, what was bought in time, and what it means."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from bekal.catalogue.models import Training
from bekal.core.recommend import NotEnoughLoggedError
from bekal.ledger.clock import set_programme_clock
from bekal.purchases.models import Purchase
from bekal.recommender.log_exposure import log_exposure
from bekal.recommender.measure_exposures import Candidate, drawn_exposures, explored_value
from bekal.recommender.models import Exposure, ModelVersion
from bekal.recommender.serve import recommend_for
from tests import factories
from tests.factories.serving import serving_model
from tests.recommender import world

SHOWN_AT = world.AT
BOUGHT_AT = SHOWN_AT + timedelta(days=3)
NOW = SHOWN_AT + timedelta(days=30)


def a_model() -> ModelVersion:
    return ModelVersion.objects.create(
        fitted_at=SHOWN_AT, manifest={}, arrays=b"", sha256=bytes(32), people_count=0, choice_count=0
    )


def shown(
    model: ModelVersion,
    participation_id: int,
    trainings: Sequence[Training],
    *,
    propensity: float | None = 0.25,
    place: int | None = 2,
    score: float = 0.5,
    at: datetime = SHOWN_AT,
) -> Exposure:
    """A list whose explored place, from 1, was drawn with that chance; the others stand there for certain."""
    chances = [1.0] * len(trainings)
    scores = [0.9] * len(trainings)
    if place is not None and propensity is not None:
        chances[place - 1], scores[place - 1] = propensity, score
    return Exposure(
        participation_id=participation_id,
        model_version=model,
        shown_at=at,
        balance_rupiah=1_000_000,
        trainings=[training.pk for training in trainings],
        scores=scores,
        propensities=None if propensity is None else chances,
        explored_place=place,
    )


def buy(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT) -> Purchase:
    return Purchase.objects.create(
        participation_id=participation_id,
        training=training,
        price_rupiah=training.price_rupiah,
        ordinal=1,
        bought_at=at,
    )


@pytest.mark.django_db
def test_only_what_was_drawn_and_bought_in_time_is_counted() -> None:
    one, two, three = (factories.training() for _ in range(3))
    model = a_model()
    people = factories.accepted(7)
    in_time, late, other_place, not_drawn, early, too_recent, before_they_were_kept = people
    listed = [one, two, three]
    Exposure.objects.bulk_create(
        [
            shown(model, in_time, listed, propensity=0.125, score=0.0625),
            shown(model, late, listed),
            shown(model, other_place, listed),
            shown(model, not_drawn, listed, place=None),
            shown(model, early, listed),
            shown(model, too_recent, listed, at=NOW - timedelta(days=13)),
            shown(model, before_they_were_kept, listed, place=None, propensity=None),
        ]
    )
    buy(in_time, two, at=SHOWN_AT + timedelta(days=14))
    buy(late, two, at=SHOWN_AT + timedelta(days=14, seconds=1))
    buy(other_place, one)
    buy(early, two, at=SHOWN_AT - timedelta(seconds=1))
    buy(too_recent, two, at=NOW)
    found = drawn_exposures(at=NOW, within_days=14)
    assert found.participation_ids.tolist() == [in_time, late, other_place, early]
    assert found.propensity.tolist() == [0.125, 0.25, 0.25, 0.25]
    assert found.score.tolist() == [0.0625, 0.5, 0.5, 0.5]
    assert found.is_bought.tolist() == [True, False, False, False]
    longer = drawn_exposures(at=NOW, within_days=15)
    assert longer.is_bought.tolist() == [True, True, False, False]


def a_year_of_exploring(count: int = 600) -> float:
    """Lists of two places: the second is drawn, half evenly and half by score, from three trainings; the one of score
    0.6 is bought by three in ten, the others by one in twenty. Returns how many of what was drawn was bought."""
    draw = random.Random(4)
    first, *fresh = (factories.training() for _ in range(4))
    scores = (0.6, 0.1, 0.1)
    chances = [0.5 / 3 + 0.5 * score / sum(scores) for score in scores]
    model, exposures, bought = a_model(), [], []
    people = factories.accepted(count)
    for participation_id in people:
        at = draw.choices(range(3), chances)[0]
        exposures.append(shown(model, participation_id, [first, fresh[at]], propensity=chances[at], score=scores[at]))
        if draw.random() < (0.3 if at == 0 else 0.05):
            bought.append((participation_id, fresh[at]))
    Exposure.objects.bulk_create(exposures)
    Purchase.objects.bulk_create(
        Purchase(participation_id=owner, training=training, price_rupiah=0, ordinal=1, bought_at=BOUGHT_AT)
        for owner, training in bought
    )
    return len(bought) / count


@pytest.mark.django_db
def test_candidates_are_told_apart_and_their_intervals_hold_the_truth() -> None:
    share = a_year_of_exploring()
    drawn = drawn_exposures(at=NOW, within_days=14)
    truths = {
        Candidate.EVEN: (0.3 + 0.05 + 0.05) / 3,
        Candidate.BY_SCORE: (0.6 * 0.3 + 0.2 * 0.05) / 0.8,
    }
    for candidate, truth in truths.items():
        found = explored_value(drawn, candidate).snips
        assert found.low < truth < found.high and found.high - found.low < 0.12
    assert explored_value(drawn, Candidate.AS_DRAWN).snips.value == pytest.approx(share)
    assert explored_value(drawn, Candidate.AS_DRAWN).effective_count == pytest.approx(600)
    assert explored_value(drawn, Candidate.EVEN).effective_count < 550
    assert explored_value(drawn, Candidate.BY_SCORE).snips.value > explored_value(drawn, Candidate.EVEN).snips.high


@pytest.mark.django_db
def test_the_command_prints_estimates_or_why_there_is_none() -> None:
    set_programme_clock(at=NOW)
    assert "as drawn  no estimate: There is no exposure" in printed()
    share = a_year_of_exploring(300)
    said = printed("--days", "14")
    assert (
        f"300 lists with an explored place, of 300 participations; what it showed was bought within 14 days after "
        f"{round(share * 300)} of them." in said
    )
    assert f"as drawn  {share:.2%} bought, 95 % interval " in said and "effective sample 300 people" in said
    assert all(f"{candidate:9} " in said for candidate in Candidate) and "no estimate" not in said
    assert "no estimate: There is no exposure" in printed("--days", "31")
    for days in ("0", "-1", "366"):
        with pytest.raises(CommandError, match=f"--days is {days}: write a whole number from 1 to 365"):
            call_command("measure-exposures", f"--days={days}")


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("measure-exposures", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_too_little_and_what_was_not_kept_are_refused() -> None:
    model = a_model()
    listed = [factories.training(), factories.training()]
    people = factories.accepted(149)
    Exposure.objects.bulk_create(shown(model, owner, listed) for owner in people)
    drawn = drawn_exposures(at=NOW, within_days=14)
    with pytest.raises(NotEnoughLoggedError, match=r"Only 149\.0 people's worth of exposures"):
        explored_value(drawn, Candidate.EVEN)
    # shown ten times more they are still 149 people
    Exposure.objects.bulk_create(shown(model, owner, listed) for owner in people for _ in range(10))
    with pytest.raises(NotEnoughLoggedError, match=r"Only 149\.0 people's worth .* \(effective sample of 1,639"):
        explored_value(drawn_exposures(at=NOW, within_days=14), Candidate.EVEN)
    kept_none = shown(model, people[0], listed)
    kept_none.propensities = None
    kept_none.save()
    unkept = drawn_exposures(at=NOW, within_days=14)
    assert np.isnan(unkept.propensity[-1])
    with pytest.raises(ValueError, match=r"propensity\[1639\] is nan"):
        explored_value(unkept, Candidate.AS_DRAWN)


@pytest.mark.django_db
def test_what_was_served_is_what_is_measured(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=400)
    for _ in range(12):
        factories.training(price_rupiah=100_000, listed_at=SHOWN_AT)
    serving_model(at=SHOWN_AT)
    lists = recommend_for(participation_ids=world.participants(5), at=SHOWN_AT)
    assert log_exposure(lists=lists, at=SHOWN_AT) == 5
    explored = [(one.participation_id, item) for one in lists for item in one.items if item.is_explored]
    assert explored
    owner, item = explored[0]
    buy(owner, Training.objects.get(pk=item.training_id))
    found = drawn_exposures(at=NOW, within_days=14)
    assert found.participation_ids.tolist() == [number for number, _ in explored]
    assert found.propensity.tolist() == [drawn.propensity for _, drawn in explored]
    assert found.score.tolist() == [drawn.score for _, drawn in explored]
    assert found.is_bought.tolist() == [True] + [False] * (len(explored) - 1)
