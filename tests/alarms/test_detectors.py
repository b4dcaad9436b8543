"""Each detector rings for what it looks for, and not for what is usual."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from bekal.accounts.models import User
from bekal.accounts.note_devices import DeviceUse, note_devices
from bekal.alarms.burst import find_burst
from bekal.alarms.models import AlarmLook
from bekal.alarms.ownership import find_ownership
from bekal.alarms.redemptions import find_redemptions
from bekal.alarms.shared import find_shared
from bekal.alarms.timing import find_timing
from bekal.alarms.volume import find_volume, too_many
from bekal.alarms.watch import DETECTORS, watch
from bekal.catalogue.interests import NewInterest, declare_interests
from bekal.catalogue.models import Institution, Owner, Platform, Training
from bekal.catalogue.schedule_sessions import NewSession, schedule_sessions
from bekal.holds.models import Hold
from bekal.participants.models import Participation
from bekal.participants.note_attributes import note_attributes
from bekal.purchases.models import Purchase
from tests import factories
from tests.factories import BOUGHT_AT
from tests.factories.shelf import owned

pytestmark = pytest.mark.django_db
AT = BOUGHT_AT + timedelta(days=10)


def on_device(people: Iterable[int], device: str) -> list[User]:
    users = [factories.signed_in_participant(person) for person in people]
    note_devices(uses=[DeviceUse(user.pk, device) for user in users], at=BOUGHT_AT)
    return users


def bought_by(people: Iterable[int], training: Training, *, at: datetime = BOUGHT_AT) -> None:
    factories.bought_all(people, training, at=at)


def with_one_phone(number: int) -> tuple[int, ...]:
    people = factories.accepted(number, phone="081200000001")
    note_attributes(at=AT)
    return people


def test_a_phone_of_two_families_is_usual_and_one_more_is_not() -> None:
    people = with_one_phone(13)
    bought_by(people[:12], factories.training())
    assert find_shared(AT) == []
    bought_by(people[12:], factories.training())
    assert [hold.participation_id for hold in find_shared(AT)] == list(people)


def test_a_group_that_arrives_shares_and_buys_together_rings_when_it_is_no_family() -> None:
    people, training = with_one_phone(7), factories.training()
    bought_by(people[:6], training)
    assert find_burst(AT) == []
    bought_by(people[6:], training, at=BOUGHT_AT + timedelta(days=4))
    assert find_burst(AT) == []  # not at once
    Purchase.objects.filter(participation_id=people[6]).update(bought_at=BOUGHT_AT + timedelta(hours=71))
    assert [hold.participation_id for hold in find_burst(AT)] == list(people)


def test_a_group_that_buys_at_many_institutions_is_no_burst() -> None:
    for person in with_one_phone(8):
        bought_by([person], factories.training())
    assert find_burst(AT) == []


def test_a_training_of_eight_hours_is_not_learned_in_one() -> None:
    people, training = factories.accepted(2), factories.training(hours=8)
    quick, slow = (factories.completed(person, training) for person in people)
    redeemed_at = Purchase.objects.get(pk=quick).redeemed_at
    assert redeemed_at is not None
    Purchase.objects.filter(pk=quick).update(completed_at=redeemed_at + timedelta(minutes=119))
    Purchase.objects.filter(pk=slow).update(completed_at=redeemed_at + timedelta(minutes=120))
    (hold,) = find_timing(AT)
    assert (hold.purchase_id, hold.participation_id) == (quick, people[0])
    assert hold.figures == {"learned_minutes": 119, "training_hours": 8}
    assert find_timing(AT + timedelta(days=90)) == []


def test_nobody_completes_before_the_last_session_begins() -> None:
    (person,), training = factories.accepted(), factories.training(session_count=2)
    completed_at = BOUGHT_AT + timedelta(days=2)
    dated = [
        NewSession(training_code=training.code, sequence=n, starts_at=BOUGHT_AT + timedelta(days=n)) for n in (1, 2)
    ]
    schedule_sessions(sessions=dated, at=BOUGHT_AT)
    factories.completed(person, training)
    assert find_timing(AT) == []
    training.sessions.filter(sequence=2).update(starts_at=completed_at + timedelta(minutes=1))
    (hold,) = find_timing(AT)
    assert hold.figures["session_at"] == (completed_at + timedelta(minutes=1)).astimezone(UTC).isoformat()


def test_codes_redeemed_at_once_ring_where_that_is_new() -> None:
    people, training = factories.accepted(40), factories.training()
    bought_by(people, training)
    rows = list(Purchase.objects.filter(training=training).order_by("pk").values_list("pk", flat=True))
    for day, number in enumerate(rows[:6]):
        Purchase.objects.filter(pk=number).update(redeemed_at=BOUGHT_AT + timedelta(days=3 * day, hours=2))
    now = BOUGHT_AT + timedelta(days=40)
    Purchase.objects.filter(pk__in=rows[6:36]).update(redeemed_at=now - timedelta(days=1))
    (hold,) = find_redemptions(now)
    assert (hold.institution_id, hold.figures["at_once_count"]) == (training.institution_id, 30)
    # Whose system sends batches of that size had them before.
    Purchase.objects.filter(pk__in=rows[:6]).update(redeemed_at=now - timedelta(days=20))
    assert find_redemptions(now) == []


def test_codes_redeemed_by_night_ring_where_that_is_new() -> None:
    people, training = factories.accepted(36), factories.training()
    bought_by(people, training)
    rows = list(Purchase.objects.filter(training=training).order_by("pk").values_list("pk", flat=True))
    now = BOUGHT_AT + timedelta(days=40)
    night = now.replace(hour=1) - timedelta(days=1)
    for minutes, number in enumerate(rows[6:]):
        Purchase.objects.filter(pk=number).update(redeemed_at=night + timedelta(minutes=minutes))
    Purchase.objects.filter(pk__in=rows[:6]).update(redeemed_at=now - timedelta(days=20))
    (hold,) = find_redemptions(now)
    assert (hold.figures["night_count"], hold.figures["at_once_count"]) == (30, 1)


def test_volume_is_compared_with_the_past_and_with_others() -> None:
    usual = [(number, 10, 80) for number in range(2, 12)]
    assert too_many([(1, 39, 80), *usual]) == []
    (excess,) = too_many([(1, 60, 80), *usual])
    assert (excess.institution_id, excess.count, round(excess.expected_count)) == (1, 60, 10)
    # When everybody has six times as much, nobody has too much.
    assert too_many([(1, 60, 80), *((number, 60, 80) for number in range(2, 12))]) == []
    assert too_many([]) == []


def test_an_institution_that_sells_suddenly_waits() -> None:
    training = factories.training()
    bought_by(factories.accepted(31), training)
    for _ in range(3):
        bought_by(factories.accepted(1), factories.training())
    (hold,) = find_volume(BOUGHT_AT + timedelta(days=1))
    assert (hold.institution_id, hold.figures["week_count"]) == (training.institution_id, 31)


@pytest.mark.parametrize("hands", ["owner", "owner of the owner", "platform", "curator"])
def test_a_group_that_buys_at_institutions_of_the_same_hands_is_a_burst(hands: str) -> None:
    trainings = [factories.training() for _ in range(8)]
    for person, training in zip(with_one_phone(8), trainings, strict=True):
        bought_by([person], training)
    assert find_burst(AT) == []
    for training in trainings:
        in_hands(training.institution, hands)
    assert len(find_burst(AT)) == 8


def in_hands(institution: Institution, hands: str) -> None:
    if hands == "curator":
        officer, other = User.objects.filter(role="officer").first() or factories.officer(), factories.officer()
        new = NewInterest(user_id=officer.pk, institution_id=institution.pk, explanation="Suami.", by_id=other.pk)
        (outcome,) = declare_interests(interests=[new], at=BOUGHT_AT)
        assert outcome.refusal is None
    elif hands == "platform":
        platform = Platform.objects.first() or factories.platform()
        owned(platform.name, kind=Owner.Kind.PLATFORM, institution=institution)
    elif hands == "owner":
        owned("PT Satu", institution=institution)
    else:
        name = f"PT {institution.pk}"
        owned(name, institution=institution)
        owned("PT Induk", held_owner=Owner.objects.get(name=name))


def test_a_small_share_and_a_ministry_make_no_house() -> None:
    trainings = [factories.training() for _ in range(8)]
    for person, training in zip(with_one_phone(8), trainings, strict=True):
        bought_by([person], training)
        owned("PT Bursa", share=25, institution=training.institution)
        owned("Kementerian", share=75, kind=Owner.Kind.STATE, institution=training.institution)
    assert find_burst(AT) == []


def test_a_share_that_was_sold_before_makes_no_house() -> None:
    trainings = [factories.training() for _ in range(8)]
    sold_on = (AT - timedelta(days=181)).date()
    for person, training in zip(with_one_phone(8), trainings, strict=True):
        bought_by([person], training)
        owned("PT Lama", institution=training.institution, until_on=sold_on)
    assert find_burst(AT) == []


def test_buyers_on_the_device_of_the_staff_of_an_owner_wait() -> None:
    (buyer,) = factories.accepted()
    training, sister = factories.training(), factories.training()
    staff = factories.institution_staff(sister.institution)
    on_device([buyer], "the same")
    note_devices(uses=[DeviceUse(staff.pk, "the same")], at=BOUGHT_AT)
    bought_by([buyer], training)
    assert find_ownership(AT) == []
    in_hands(training.institution, "owner")
    in_hands(sister.institution, "owner")
    (hold,) = find_ownership(AT)
    assert (hold.participation_id, hold.institution_id) == (buyer, training.institution_id)
    assert hold.figures["staff_of"] == "house"


def test_buyers_on_the_device_of_the_staff_wait() -> None:
    buyer, elsewhere = factories.accepted(2)
    training = factories.training()
    staff = factories.institution_staff(training.institution)
    on_device([buyer, elsewhere], "the same")
    bought_by([buyer], training)
    bought_by([elsewhere], factories.training())
    assert find_ownership(AT) == []
    note_devices(uses=[DeviceUse(staff.pk, "the same")], at=BOUGHT_AT)
    (hold,) = find_ownership(AT)
    assert (hold.subject, hold.participation_id) == (Hold.Subject.PURCHASE, buyer)
    assert hold.figures["staff_of"] == "institution"


def test_each_detector_looks_and_says_so() -> None:
    (person,) = factories.accepted()
    factories.reconciled(person, factories.training(hours=4))
    looked = watch(at=AT)
    assert [each.found_count for each in looked] == [0] * len(DETECTORS)
    reasons = set(AlarmLook.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons == set(Hold.Reason.values)
    assert Participation.objects.get(pk=person).participant.attribute_sightings.count() == 2
