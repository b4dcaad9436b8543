"""Reads of people."""

from datetime import date

import pytest

from bekal.participants import queries
from bekal.participants.models import ContactPoint
from tests import factories


@pytest.mark.django_db
def test_the_participation_of_a_user_and_by_number() -> None:
    one, other = factories.accepted(2)
    user = factories.signed_in_participant(one)
    line = queries.participation_of(user_id=user.pk)
    assert line is not None
    assert line == queries.participation(participation_id=one)
    assert (line.participation_id, line.full_name, line.accepted_on) == (one, "Siti Rahayu", date(2020, 4, 20))
    assert (line.first_purchase_due_on, line.balance_ends_on) == (date(2020, 5, 20), date(2020, 12, 15))
    assert (line.revoked_at, line.balance_ended_at) == (None, None)
    assert "Siti" not in repr(line)
    assert queries.participation_of(user_id=factories.officer().pk) is None
    assert queries.participation(participation_id=2**70) is None
    assert queries.participation(participation_id=other) != line


@pytest.mark.django_db
def test_the_account_is_shown_masked() -> None:
    with_one, without = factories.participants(2)
    factories.with_account(with_one)
    account = queries.payout_account_of(participant_id=with_one)
    assert account is not None
    assert account.masked.startswith("••••••") and len(account.masked) == 10
    assert account.verified_at == factories.REGISTERED_AT
    assert queries.payout_account_of(participant_id=without) is None


@pytest.mark.django_db
def test_a_way_that_works_no_more_is_not_counted() -> None:
    (both,) = factories.participants(email="siti@contoh.id")
    (phone_only,) = factories.participants()
    reach = lambda: queries.contact_kinds(participant_ids=[both, phone_only])  # noqa: E731
    assert reach() == {both: {ContactPoint.Kind.PHONE, ContactPoint.Kind.EMAIL}, phone_only: {ContactPoint.Kind.PHONE}}
    ContactPoint.objects.filter(kind="phone").update(unreachable_since_at=factories.ACCEPTED_AT)
    assert reach() == {both: {ContactPoint.Kind.EMAIL}}
    kinds = [line.kind for line in queries.contact_points_of(participant_id=both)]
    assert kinds == [ContactPoint.Kind.PHONE, ContactPoint.Kind.EMAIL]
