"""`mark_unreachable`: what does not arrive is noted once, with the instant of the first failure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.participants.mark_unreachable import Unreachable, mark_unreachable
from bekal.participants.models import ContactPoint
from bekal.participants.queries import contact_kinds
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.ACCEPTED_AT


def since(participant_id: int) -> dict[str, object]:
    points = ContactPoint.objects.filter(participant_id=participant_id).order_by("kind")
    return dict(points.values_list("kind", "unreachable_since_at"))


@pytest.mark.django_db
def test_only_the_failed_way_is_marked() -> None:
    siti, made = factories.participants(2, email="orang@contoh.id")
    assert mark_unreachable(points=[Unreachable(siti, "phone"), Unreachable(made, "email")], at=AT) == 2
    assert since(siti) == {"email": None, "phone": AT}
    assert since(made) == {"email": AT, "phone": None}
    assert contact_kinds(participant_ids=[siti, made]) == {siti: {"email"}, made: {"phone"}}


@pytest.mark.django_db
def test_the_first_failure_stays() -> None:
    (siti,) = factories.participants(email="siti@contoh.id")
    mark_unreachable(points=[Unreachable(siti, "phone")], at=AT)
    with nothing_changes():
        assert mark_unreachable(points=[Unreachable(siti, "phone")], at=AT + timedelta(days=3)) == 0
    again = [Unreachable(siti, "phone"), Unreachable(siti, "email"), Unreachable(siti, "email")]
    assert mark_unreachable(points=again, at=AT + timedelta(days=4)) == 1
    assert since(siti) == {"email": AT + timedelta(days=4), "phone": AT}


@pytest.mark.django_db
def test_what_nobody_has_is_ignored() -> None:
    (siti,) = factories.participants()
    unknown = [Unreachable(siti, "email"), Unreachable(siti + 4711, "phone"), Unreachable(siti, "pigeon\0")]
    with nothing_changes():
        assert mark_unreachable(points=unknown, at=AT) == 0
        assert mark_unreachable(points=[], at=AT) == 0


@pytest.mark.django_db
def test_many_points_take_one_statement(assert_queries: Callable[[int], Any]) -> None:
    people = factories.participants(40)
    with assert_queries(1):
        assert mark_unreachable(points=[Unreachable(person, "phone") for person in people], at=AT) == 40


@pytest.mark.django_db(transaction=True)
def test_rivals_do_not_wait_in_a_circle_and_count_each_point_once(race: Callable[..., list[Any]]) -> None:
    people = factories.participants(60)

    def attempt(order: list[int]) -> Callable[[], int]:
        return lambda: mark_unreachable(points=[Unreachable(person, "phone") for person in order], at=AT)

    assert sum(race(attempt(list(people)), attempt(list(reversed(people))), attempt(list(people[::2])))) == 60
