"""A platform offers trainings for institutions it sells for: into the queue, never past it, never another's."""

from typing import Any

import pytest

from bekal.catalogue.models import Submission, Training
from tests import factories
from tests.api.v2.calling import Caller, answer, problem
from tests.api.v2.test_platform_purchases import platform_caller

pytestmark = pytest.mark.django_db
PATH = "/platform/trainings"


@pytest.fixture
def training() -> Training:
    return factories.training(platform=factories.platform(), price_rupiah=400_000)


@pytest.fixture
def platform(training: Training) -> Caller:
    assert training.platform is not None
    return platform_caller(training.platform)


def line(training: Training, **changed: Any) -> dict[str, Any]:
    return {
        "institution": training.institution.code,
        "title": "Menjahit dasar",
        "category": "keterampilan",
        "price_rupiah": 250_000,
    } | changed


def same(training: Training, **changed: Any) -> dict[str, Any]:
    return line(training, code=training.code, title=training.title, price_rupiah=training.price_rupiah) | changed


def outcomes(response: Any) -> list[str]:
    return [each["outcome"] for each in answer(response)["lines"]]


def test_what_is_new_waits_for_a_curator(training: Training, platform: Caller) -> None:
    lines = [line(training), line(training, title="Draf", draft=True)]
    told = answer(platform.post(PATH, {"lines": lines}))["lines"]
    assert [each["outcome"] for each in told] == ["submitted", "draft"]
    assert Training.objects.count() == 1
    row = Submission.objects.get(pk=told[0]["submission"])
    assert (row.platform_id, row.institution_id, row.written_by_id) == (
        training.platform_id,
        training.institution_id,
        None,
    )
    assert [each["repeated"] for each in answer(platform.post(PATH, {"lines": lines}))["lines"]] == [True, True]
    page = answer(platform.get("/platform/submissions", "limit=1"))
    assert page["items"][0]["state"] == "submitted" and page["next"]
    assert len(answer(platform.get("/platform/submissions"))["items"]) == 2


def test_a_higher_price_waits_and_a_lower_one_holds(training: Training, platform: Caller) -> None:
    assert outcomes(platform.post(PATH, {"lines": [same(training)]})) == ["unchanged"]
    assert outcomes(platform.post(PATH, {"lines": [same(training, price_rupiah=300_000)]})) == ["lowered"]
    assert outcomes(platform.post(PATH, {"lines": [same(training, price_rupiah=500_000)]})) == ["submitted"]
    training.refresh_from_db()
    assert training.price_rupiah == 300_000


def test_what_is_not_sold_here_is_not_changed_here(training: Training, platform: Caller) -> None:
    """Another platform's, one that its institution sells without a platform, one that waits at its desk."""
    elsewhere = factories.training(platform=factories.platform())
    without = factories.training(institution=training.institution)
    lines = [
        same(elsewhere),
        same(without, price_rupiah=1),
        line(factories.training()),
        line(training, institution="tidak-ada"),
        line(training, category="tidak-ada"),
        line(training, price_rupiah=-1),
        line(training, title="\u0007"),
        line(training, title="Baik"),
    ]
    told = answer(platform.post(PATH, {"lines": lines}))["lines"]
    assert [each["outcome"] for each in told] == ["refused"] * 7 + ["submitted"]
    assert all(each["problem"]["code"] == "training_refused" for each in told[:7])
    without.refresh_from_db()
    assert (without.price_rupiah, without.platform_id) == (300_000, None)


def test_a_batch_has_1_to_200_lines(training: Training, platform: Caller) -> None:
    for count in (0, 201):
        problem(platform.post(PATH, {"lines": [line(training)] * count}), 422, "values_invalid")
    assert set(outcomes(platform.post(PATH, {"lines": [line(training)] * 200}))) == {"submitted"}
