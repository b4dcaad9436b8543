from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from bekal.core.entitlement import RefusalCode, refusal_to_revoke
from bekal.core.rules import RULES
from bekal.incentives.models import Entitlement
from bekal.ledger.clock import programme_day
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, Posting, movement_sql, post, post_selected
from bekal.ledger.queries import balances_of, remaining, totals, transfers_of
from bekal.lifecycle import revoke as module
from bekal.lifecycle.preview import Preview
from bekal.lifecycle.revoke import Revoked, revocable_ids, revocation_preview, revoke
from bekal.participants.models import Participation
from bekal.purchases.buy import buy
from bekal.purchases.models import Purchase
from tests import factories
from tests.factories import ACCEPTED_AT, jakarta

pytestmark = pytest.mark.django_db

ENVELOPE_RUPIAH = 3_550_000
# Accepted on 20 April 2020: the last day to buy is 20 May, the first to revoke 21 May.
LAST_INSTANT = jakarta(2020, 5, 20, 23, 59)
NEXT_DAY = jakarta(2020, 5, 21, 0, 0)


def earned_survey(participation_id: int) -> None:
    Entitlement.objects.create(
        participation_id=participation_id,
        kind="survey",
        instalment=1,
        amount_rupiah=50_000,
        scheduled_on="2020-05-25",
        payment_on="2020-05-26",
        entitled_at=LAST_INSTANT,
    )


def test_the_whole_envelope_returns_to_the_treasury() -> None:
    ids = factories.accepted(7)
    assert totals()[Kind.TREASURY] == -7 * ENVELOPE_RUPIAH
    assert revoke(at=NEXT_DAY) == Revoked(participation_count=7, returned_rupiah=7 * ENVELOPE_RUPIAH)
    assert all(amount == 0 for amount in totals().values())
    assert remaining(owner_ids=ids) == dict.fromkeys(ids, 0)
    for owner_id, balances in balances_of(owner_ids=ids).items():
        assert set(balances.values()) == {0}
        keys = [(one.idempotency_key, one.amount_rupiah) for one in transfers_of(owner_id=owner_id)[3:]]
        assert sorted(keys) == [
            ("revoke:incentive", 2_400_000),
            ("revoke:survey", 150_000),
            ("revoke:training", 1_000_000),
        ]
    assert set(Participation.objects.order_by("id").values_list("revoked_at", flat=True)) == {NEXT_DAY}


def test_the_programmes_published_sums_follow_from_one_envelope() -> None:
    """180,000 places returned Rp639 billion (not the ten times as much that one paper printed)."""
    envelope_rupiah = RULES.scheme(programme_day(ACCEPTED_AT)).envelope_rupiah
    factories.accepted(3)
    revoked = revoke(at=NEXT_DAY)
    assert revoked.returned_rupiah == revoked.participation_count * envelope_rupiah
    assert 180_000 * envelope_rupiah == 639_000_000_000
    assert 189_436 * envelope_rupiah == 672_497_800_000


def test_the_last_day_still_counts_to_its_end_in_jakarta() -> None:
    factories.accepted()
    assert revoke(at=LAST_INSTANT) == Revoked(0, 0)
    assert revoke(at=NEXT_DAY).participation_count == 1


def test_again_changes_nothing() -> None:
    factories.accepted(2)
    revoke(at=NEXT_DAY)
    before = totals()
    assert revoke(at=NEXT_DAY + timedelta(days=1)) == Revoked(0, 0)
    assert totals() == before


def test_who_bought_keeps_the_place() -> None:
    buyer, free_buyer, idle = factories.accepted(3)
    factories.bought(buyer, factories.training())
    factories.bought(free_buyer, factories.training(price_rupiah=0))
    assert revoke(at=NEXT_DAY) == Revoked(1, ENVELOPE_RUPIAH)
    revoked = Participation.objects.filter(revoked_at__isnull=False).order_by("id")
    assert list(revoked.values_list("id", flat=True)) == [idle]


def test_only_those_named() -> None:
    first, second = factories.accepted(2)
    assert revoke(at=NEXT_DAY, participation_ids=[second, 10**9]) == Revoked(1, ENVELOPE_RUPIAH)
    assert revoke(at=NEXT_DAY, participation_ids=[]) == Revoked(0, 0)
    assert Participation.objects.get(pk=first).revoked_at is None


def test_the_set_based_verb_decides_as_core_does() -> None:
    training = factories.training(price_rupiah=0)
    for accepted_at in (ACCEPTED_AT, jakarta(2020, 12, 1), jakarta(2023, 3, 1)):
        for purchase_count in (0, 1):
            for days in (0, 14, 15, 16, 30, 31, 32):
                (person,) = factories.accepted(at=accepted_at)
                if purchase_count:
                    factories.bought(person, training, at=accepted_at)
                at = accepted_at + timedelta(days=days)
                refusal = refusal_to_revoke(
                    scheme=RULES.scheme(programme_day(accepted_at)),
                    on=programme_day(at),
                    revoked=False,
                    purchase_count=purchase_count,
                )
                done = revoke(at=at, participation_ids=[person])
                assert (done.participation_count == 1) == (refusal is None), (accepted_at, purchase_count, days)


def test_what_was_earned_before_stays_committed() -> None:
    """An answered survey is still owed to who loses the place for not buying."""
    (person,) = factories.accepted()
    earned_survey(person)
    assert revoke(at=NEXT_DAY) == Revoked(1, ENVELOPE_RUPIAH - 50_000)
    assert balances_of(owner_ids=[person])[person][Kind.SURVEY_COMMITTED] == 50_000


def test_chunks_cover_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_COUNT", 3)
    ids = factories.accepted(8)
    factories.bought(ids[2], factories.training())
    assert revoke(at=NEXT_DAY) == Revoked(7, 7 * ENVELOPE_RUPIAH)


def test_stopped_between_chunks_and_called_again_it_ends_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_COUNT", 2)
    ids = factories.accepted(5)
    wrong = Posting(ids[3], Movement.REVOKE_SURVEY, 1, "revoke:survey")
    post(postings=[wrong], at=ACCEPTED_AT)
    with pytest.raises(IdempotencyConflict):
        revoke(at=NEXT_DAY)
    revoked = Participation.objects.filter(revoked_at__isnull=False).order_by("id")
    assert list(revoked.values_list("id", flat=True)) == list(ids[:2])
    assert revoke(at=NEXT_DAY, participation_ids=[ids[2], ids[4]]) == Revoked(2, 2 * ENVELOPE_RUPIAH)


def test_many_places_are_a_list_and_three_statements(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    factories.accepted(30)
    with assert_queries(4):
        assert revoke(at=NEXT_DAY).participation_count == 30


def test_the_dry_run_tells_who_and_what_and_changes_nothing() -> None:
    ids = factories.accepted(6)
    factories.bought(ids[1], factories.training())
    earned_survey(ids[2])
    assert revocation_preview(at=LAST_INSTANT) == Preview(0, 0)
    told, before = revocation_preview(at=NEXT_DAY), totals()
    assert revocable_ids(at=NEXT_DAY) == [ids[0], *ids[2:]]
    assert told == Preview(5, 5 * ENVELOPE_RUPIAH - 50_000)
    assert totals() == before
    done = revoke(at=NEXT_DAY)
    assert (done.participation_count, done.returned_rupiah) == (told.count, told.total_rupiah)
    assert revocation_preview(at=NEXT_DAY) == Preview(0, 0)
    assert revocable_ids(at=NEXT_DAY) == []


PEOPLE_SQL = """
WITH person AS (
    INSERT INTO participants_participant
        (full_name, nik_encrypted, sex, born_on, education, employment, province, registered_at)
    SELECT 'Peserta ' || n, '', 'F', '1990-01-01', 3, 1, 31, %(at)s FROM generate_series(1, %(count)s) n RETURNING id
)
INSERT INTO participants_participation
    (participant_id, wave_id, accepted_at, accepted_on, first_purchase_due_on, balance_ends_on)
SELECT id, %(wave_id)s, %(at)s, '2020-04-20', '2020-05-20', '2020-12-15' FROM person RETURNING id
"""


def test_1_800_places_return_rp6_390_000_000_to_the_rupiah() -> None:
    """A hundredth of the 180,000 places whose return was printed as Rp6.39 trillion; `dev bench ledger` does all."""
    values = {"at": ACCEPTED_AT, "count": 1_800, "wave_id": factories.wave().pk}
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE_SQL, values)
        ids = [number for (number,) in cursor.fetchall()]
    scheme = RULES.scheme(programme_day(ACCEPTED_AT))
    source = f"""
        SELECT owner_id, {movement_sql(Movement.COMMIT_TRAINING)}, {scheme.training_balance_rupiah}, 'commit:training'
        FROM unnest(%(ids)s::bigint[]) owner_id
        UNION ALL SELECT owner_id, {movement_sql(Movement.COMMIT_INCENTIVE)}, {scheme.incentives_rupiah},
                         'commit:incentive' FROM unnest(%(ids)s::bigint[]) owner_id
        UNION ALL SELECT owner_id, {movement_sql(Movement.COMMIT_SURVEY)}, {scheme.surveys_rupiah},
                         'commit:survey' FROM unnest(%(ids)s::bigint[]) owner_id
    """
    assert post_selected(source=source, values={"ids": ids}, at=ACCEPTED_AT).transfer_count == 5_400
    assert revoke(at=NEXT_DAY) == Revoked(1_800, 6_390_000_000)
    assert set(totals().values()) == {0}


@pytest.mark.django_db(transaction=True)
def test_bought_or_revoked_never_both(race: Callable[..., list[Any]]) -> None:
    """The clocks of two machines may differ: one still sells on the last day while the other revokes on the next."""
    training = factories.training()
    ids = factories.accepted(12)
    orders = {person: factories.order_for(person, training, at=LAST_INSTANT) for person in ids}
    for first, second, third in zip(*[iter(ids)] * 3, strict=True):
        mine = (first, second, third)
        bought, revoked = race(
            lambda mine=mine: buy(orders=[orders[person] for person in mine], at=LAST_INSTANT),
            lambda mine=mine: revoke(at=NEXT_DAY, participation_ids=mine),
        )
        sold = {person for person, outcome in zip(mine, bought, strict=True) if outcome.refusal is None}
        assert {outcome.refusal.code for outcome in bought if outcome.refusal} <= {RefusalCode.REVOKED}
        assert revoked.participation_count == len(mine) - len(sold)
        for person in mine:
            taken = Participation.objects.get(pk=person).revoked_at is not None
            assert Purchase.objects.filter(participation_id=person).exists() == (person in sold)
            assert taken == (person not in sold)
            held = balances_of(owner_ids=[person])[person]
            assert sum(held.values()) == 0
            assert held[Kind.TREASURY] == (0 if taken else -ENVELOPE_RUPIAH)


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_return_everything_once(race: Callable[..., list[Any]]) -> None:
    factories.accepted(20)
    results = race(*[lambda: revoke(at=NEXT_DAY)] * 3)
    assert sum(one.returned_rupiah for one in results) == 20 * ENVELOPE_RUPIAH
    assert all(amount == 0 for amount in totals().values())
