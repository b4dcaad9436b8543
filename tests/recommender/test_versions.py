"""What officers read of the model: states, examinations, who agreed, what serves and where a roll-back leads."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.recommender.fit import fit
from bekal.recommender.models import ModelPromotion, ModelVersion
from bekal.recommender.propose_model import propose_model
from bekal.recommender.roll_back_model import roll_back_model
from bekal.recommender.versions import return_version_id, serving_history, serving_version_id, version, versions
from tests import factories
from tests.factories import jakarta
from tests.factories.serving import examined, promoted

AT = jakarta(2020, 11, 19, 10)


@pytest.fixture
def three(db: None) -> list[int]:
    """Three fitted versions, by their numbers."""
    training = factories.training()
    for person in factories.accepted(3):
        factories.reviewed(person, training)
    return [fit(at=AT, seed=seed).pk for seed in range(3)]


def fitted(number: int) -> ModelVersion:
    return ModelVersion.objects.defer("arrays").get(pk=number)


def test_nothing_is_there_before_the_first_fit(db: None) -> None:
    assert versions() == () and serving_history() == () and return_version_id() is None and version(1) is None


def test_a_version_tells_how_far_it_came(three: list[int]) -> None:
    first, second, third = three
    examined(fitted(second), at=AT, passes=False)
    promoted(fitted(third), at=AT)
    found = {each.version_id: each for each in versions()}
    assert list(found) == [third, second, first]
    assert found[first].examination is None and not found[first].is_serving
    assert found[second].examination and not found[second].examination.passes
    serving = found[third]
    assert serving.is_serving and serving.is_readable and serving.proposal is None
    assert serving.service and serving.service.proposed_by_name != serving.service.officer_name
    assert serving.sha256 == bytes(fitted(third).sha256).hex() and serving.people_count == 3
    assert version(second) == found[second]


def test_the_newest_examination_and_the_open_proposal_count(three: list[int]) -> None:
    number = three[0]
    examined(fitted(number), at=AT, passes=False)
    examined(fitted(number), at=AT)
    officer = factories.officer("petugas-a")
    propose_model(version_id=number, by=officer, at=AT)
    found = version(number)
    assert found and found.examination and found.examination.passes
    assert found.proposal and (found.proposal.officer_id, found.proposal.officer_name) == (officer.pk, "petugas-a")


def test_a_roll_back_leads_to_what_served_and_was_not_given_up(three: list[int]) -> None:
    for number in three:
        promoted(fitted(number), at=AT)
    assert return_version_id() == three[1]
    roll_back_model(at=AT, to_version_id=three[1])
    assert return_version_id() == three[0], "the version that was rolled back is no way back"
    roll_back_model(at=AT, by=factories.officer("petugas-b"))
    assert return_version_id() is None
    history = serving_history()
    assert [each.version_id for each in history] == [three[0], three[1], three[2], three[1], three[0]]
    assert [each.is_roll_back for each in history] == [True, True, False, False, False]
    assert [each.officer_name for each in history[:2]] == ["petugas-b", ""]
    assert serving_history(limit=1) == history[:1]


def test_a_version_of_another_format_serves_nobody_whatever_came_last(three: list[int]) -> None:
    assert serving_version_id() is None
    old = ModelVersion.objects.create(
        fitted_at=AT, manifest={"format_version": 0}, arrays=b"", sha256=bytes(32), people_count=1, choice_count=1
    )
    ModelPromotion.objects.create(kind="rolled_back", model_version=old, promoted_at=AT)
    assert serving_version_id() is None and serving_history()[0].version_id == old.pk
    promoted(fitted(three[0]), at=AT)
    ModelPromotion.objects.create(kind="rolled_back", model_version=old, promoted_at=AT)
    assert serving_version_id() == three[0] and serving_history()[0].version_id == old.pk


def test_any_number_of_versions_costs_five_queries(three: list[int], assert_queries: Callable[..., Any]) -> None:
    for number in three:
        promoted(fitted(number), at=AT)
    with assert_queries(5):
        assert len(versions()) == 3
    assert [each.version_id for each in versions(before_id=three[2], limit=1)] == [three[1]]
