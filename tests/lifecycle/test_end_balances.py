from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from bekal.core.entitlement import RefusalCode
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of, remaining, totals, transfers_of
from bekal.lifecycle import end_balances as module
from bekal.lifecycle.end_balances import Ended, end_balances, ending_ids, ending_preview
from bekal.lifecycle.preview import Preview
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.purchases.buy import buy
from tests import factories
from tests.factories import jakarta
from tests.incentives.journey import FIRST_PAY_ON, INSTALMENT_RUPIAH, earners, exported, settled

pytestmark = pytest.mark.django_db

# For 2020 the regulation said 15 December.
LAST_INSTANT = jakarta(2020, 12, 15, 23, 59)
NEXT_DAY = jakarta(2020, 12, 16, 0, 0)


def bought_for(*prices_rupiah: int) -> tuple[int, ...]:
    """One person for each price, who spent that much."""
    ids = factories.accepted(len(prices_rupiah))
    for person, price_rupiah in zip(ids, prices_rupiah, strict=True):
        factories.bought(person, factories.training(price_rupiah=price_rupiah))
    return ids


def test_what_is_left_returns_the_last_fifty_rupiah_included() -> None:
    fifty, nothing, most = ids = bought_for(999_950, 1_000_000, 0)
    assert end_balances(at=NEXT_DAY) == Ended(participation_count=3, returned_rupiah=50 + 0 + 1_000_000)
    assert remaining(owner_ids=ids) == dict.fromkeys(ids, 0)
    assert transfers_of(owner_id=fifty)[-1].idempotency_key == "end:training"
    assert transfers_of(owner_id=fifty)[-1].amount_rupiah == 50
    assert "end:training" not in {one.idempotency_key for one in transfers_of(owner_id=nothing)}
    assert transfers_of(owner_id=most)[-1].credit_kind == Kind.TREASURY
    assert set(Participation.objects.order_by("id").values_list("balance_ended_at", flat=True)) == {NEXT_DAY}


def test_the_last_day_counts_to_its_end_in_jakarta() -> None:
    bought_for(1)
    assert end_balances(at=LAST_INSTANT) == Ended(0, 0)
    assert end_balances(at=NEXT_DAY).participation_count == 1


def test_again_changes_nothing() -> None:
    bought_for(1, 2)
    end_balances(at=NEXT_DAY)
    assert end_balances(at=NEXT_DAY + timedelta(days=1)) == Ended(0, 0)


def test_each_person_keeps_the_last_day_of_their_own_rules() -> None:
    bought_for(1)
    (later,) = factories.accepted(at=jakarta(2021, 3, 1))
    factories.bought(later, factories.training(), at=jakarta(2021, 3, 2))
    assert end_balances(at=jakarta(2021, 12, 31)) == Ended(1, 999_999)
    assert end_balances(at=jakarta(2022, 1, 1, 0, 0)) == Ended(1, 700_000)


def test_earned_incentives_stay_owed_and_are_paid_afterwards() -> None:
    (person,) = earners()
    settled(exported())
    end_balances(at=NEXT_DAY)
    held = balances_of(owner_ids=[person])[person]
    assert held[Kind.TRAINING_BALANCE] == 0
    assert held[Kind.INCENTIVE_COMMITTED] == 3 * INSTALMENT_RUPIAH
    settled(exported(planned_for=FIRST_PAY_ON + timedelta(days=230), at=NEXT_DAY), at=NEXT_DAY)
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 4 * INSTALMENT_RUPIAH


def test_nothing_is_bought_from_an_ended_balance() -> None:
    (person,) = bought_for(1)
    order = factories.order_for(person, factories.training(), at=LAST_INSTANT)
    end_balances(at=NEXT_DAY)
    (outcome,) = buy(orders=[order], at=NEXT_DAY)
    assert outcome.refusal is not None and outcome.refusal.code == RefusalCode.BALANCE_ENDED


def test_who_never_bought_is_revokes_and_whole_then() -> None:
    factories.accepted(2)
    bought_for(400_000)
    assert end_balances(at=NEXT_DAY) == Ended(1, 600_000)
    assert revoke(at=NEXT_DAY).returned_rupiah == 2 * 3_550_000
    assert totals()[Kind.TRAINING_BALANCE] == 0
    assert end_balances(at=NEXT_DAY) == Ended(0, 0)


def test_only_those_named() -> None:
    first, second = bought_for(1, 1)
    assert end_balances(at=NEXT_DAY, participation_ids=[second]) == Ended(1, 999_999)
    assert end_balances(at=NEXT_DAY, participation_ids=[]) == Ended(0, 0)
    assert remaining(owner_ids=[first]) == {first: 999_999}


def test_chunks_cover_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_COUNT", 2)
    bought_for(1, 2, 3, 4, 5)
    assert end_balances(at=NEXT_DAY) == Ended(5, 5_000_000 - 15)


def test_many_balances_are_a_list_and_three_statements(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    factories.bought_all(factories.accepted(30), factories.training())
    with assert_queries(4):
        assert end_balances(at=NEXT_DAY).participation_count == 30


def test_the_dry_run_tells_who_and_what_and_changes_nothing() -> None:
    ids = bought_for(999_950, 1_000_000, 0)
    factories.accepted(2)
    assert ending_preview(at=LAST_INSTANT) == Preview(0, 0)
    told, before = ending_preview(at=NEXT_DAY), totals()
    assert ending_ids(at=NEXT_DAY) == list(ids)
    assert told == Preview(3, 1_000_050)
    assert totals() == before
    done = end_balances(at=NEXT_DAY)
    assert (done.participation_count, done.returned_rupiah) == (told.count, told.total_rupiah)
    assert ending_preview(at=NEXT_DAY) == Preview(0, 0)


def test_a_refund_of_an_open_purchase_ends_with_the_balance() -> None:
    (person,) = bought_for(400_000)
    post(postings=[Posting(person, Movement.REFUND_TO_BALANCE, 150_000, "refund:1")], at=LAST_INSTANT)
    assert end_balances(at=NEXT_DAY) == Ended(1, 750_000)


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_end_every_balance_once(race: Callable[..., list[Any]]) -> None:
    for _ in range(3):
        factories.bought_all(factories.accepted(20), factories.training())
        results = race(*[lambda: end_balances(at=NEXT_DAY)] * 3)
        assert sum(one.participation_count for one in results) == 20
        assert sum(one.returned_rupiah for one in results) == 20 * 700_000


@pytest.mark.django_db(transaction=True)
def test_the_last_purchase_and_the_end_share_the_balance_exactly(race: Callable[..., list[Any]]) -> None:
    """The clocks of two machines may differ: one still sells on the last day while the other ends the balance."""
    for _ in range(4):
        (person,) = bought_for(100_000)
        order = factories.order_for(person, factories.training(price_rupiah=300_000), at=LAST_INSTANT)
        (bought,), ended = race(
            lambda order=order: buy(orders=[order], at=LAST_INSTANT),
            lambda person=person: end_balances(at=NEXT_DAY, participation_ids=[person]),
        )
        assert ended.returned_rupiah == (600_000 if bought.refusal is None else 900_000)
        assert remaining(owner_ids=[person]) == {person: 0}
