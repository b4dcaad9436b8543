"""`settle_institutions`: proven sessions only, after the hold, once, and never to an institution that was stopped."""

import dataclasses
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from itertools import permutations
from types import MappingProxyType
from typing import Any

import pytest
from django.db import connection, transaction

from bekal.catalogue.models import Institution
from bekal.catalogue.stop_settlement import resume_settlement, stop_settlement
from bekal.core.rules import RULES, Rules
from bekal.holds.models import Hold
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, transfers_of
from bekal.lifecycle.end_balances import end_balances
from bekal.purchases import hold
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import InstitutionSettlement, Purchase
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.settle_institutions import (
    InstitutionDue,
    SettledInstitutions,
    order_settlements,
    settle_institutions,
    settleable_ids,
    settlement_preview,
)
from bekal.purchases.statement import StatementTotals, institution_statement
from tests import factories
from tests.factories import RECONCILED_AT, jakarta
from tests.factories.holding import held_institution
from tests.factories.unchanged import nothing_changes

# Proven on 25 April 2020, so from 2 May on.
HELD_AT, AT = jakarta(2020, 5, 1, 23, 59), jakarta(2020, 5, 2, 0, 0)


def owed_and_paid(owner_id: int) -> tuple[int, int]:
    money = balances_of(owner_ids=[owner_id])[owner_id]
    return money.get(Kind.INSTITUTION_PAYABLE, 0), money.get(Kind.INSTITUTION_SETTLED, 0)


def settle_all(at: datetime) -> SettledInstitutions:
    """Everything that can be settled; the preview has said the same."""
    ids, preview = settleable_ids(at=at), settlement_preview(at=at)
    done = settle_institutions(purchase_ids=ids, at=at)
    assert done == SettledInstitutions(
        sum(each.purchase_count for each in preview), sum(each.total_rupiah for each in preview), 0
    )
    return done


@pytest.mark.django_db
def test_the_hold_lasts_so_many_days_after_the_day_of_the_proof() -> None:
    (who,) = factories.accepted()
    training = factories.training()
    number = factories.reconciled(who, training)
    assert (settleable_ids(at=HELD_AT), settlement_preview(at=HELD_AT)) == ([], ())
    with nothing_changes():
        assert settle_institutions(purchase_ids=[number], at=HELD_AT) == SettledInstitutions(0, 0, 1)
    assert settleable_ids(at=AT) == [number]
    assert settlement_preview(at=AT) == (
        InstitutionDue(training.institution_id, training.institution.name, 1, 300_000),
    )
    assert settle_institutions(purchase_ids=[number], at=AT) == SettledInstitutions(1, 300_000, 0)
    assert owed_and_paid(who) == (0, 300_000)
    assert transfers_of(owner_id=who)[-1].idempotency_key == f"institution:{training.pk}"
    settlement = InstitutionSettlement.objects.get()
    assert (settlement.settled_at, settlement.purchase_count, settlement.total_rupiah) == (AT, 1, 300_000)
    assert Purchase.objects.get().settlement == settlement
    with nothing_changes():
        assert settle_institutions(purchase_ids=[number, number], at=AT) == SettledInstitutions(0, 0, 1)
    assert settleable_ids(at=AT) == []


@pytest.mark.django_db
def test_what_was_earned_of_an_early_ending_is_settled_and_a_refund_never() -> None:
    people = factories.accepted(3)
    training = factories.training(session_count=3)
    ids = [factories.redeemed(who, training) for who in people]
    attendances = [Attendance(training.institution_id, ids[0], 1)]
    attendances += [Attendance(training.institution_id, ids[1], sequence) for sequence in (1, 2, 3)]
    record_attendance(attendances=attendances, at=RECONCILED_AT)
    end_purchases(purchase_ids=ids, at=RECONCILED_AT)
    assert settle_institutions(purchase_ids=ids, at=AT) == SettledInstitutions(2, 400_000, 1)
    assert [owed_and_paid(who) for who in people] == [(0, 100_000), (0, 300_000), (0, 0)]
    assert Purchase.objects.get(pk=ids[2]).settlement is None


@pytest.mark.django_db
def test_free_trainings_are_settled_without_a_transfer_and_what_is_not_proven_is_left_out() -> None:
    one, two, three = factories.accepted(3)
    institution = factories.institution()
    free = factories.reconciled(one, factories.training(price_rupiah=0, institution=institution))
    waiting = factories.completed(two, factories.training(institution=institution))
    before = transfers_of(owner_id=one)
    assert settle_institutions(purchase_ids=[free, waiting, 10**9, 2**80], at=AT) == SettledInstitutions(1, 0, 3)
    assert transfers_of(owner_id=one) == before
    assert Purchase.objects.get(pk=free).settlement is not None
    assert reconcile(at=AT, purchase_ids=[waiting]).waiting_count == 1
    assert owed_and_paid(three) == (0, 0)


@pytest.mark.django_db
def test_chunks_of_one_instant_add_up_to_one_settlement_of_each_institution() -> None:
    people = factories.accepted(4)
    first, second = (factories.training(price_rupiah=price) for price in (100_000, 250_000))
    ids = [factories.reconciled(who, training) for who, training in zip(people, (second, first) * 2, strict=True)]
    assert [Purchase.objects.get(pk=number).training_id for number in settleable_ids(at=AT)] == [
        first.pk,
        first.pk,
        second.pk,
        second.pk,
    ]
    for chunk in (ids[:1], ids[1:]):
        order_settlements(purchase_ids=chunk, at=AT)
    rows = InstitutionSettlement.objects.order_by("institution").values_list(
        "institution", "purchase_count", "total_rupiah"
    )
    assert list(rows) == [(first.institution_id, 2, 200_000), (second.institution_id, 2, 500_000)]


@pytest.mark.django_db
def test_a_stopped_institution_is_paid_nothing_until_it_may_go_on() -> None:
    one, two = factories.accepted(2)
    bad, good = factories.training(), factories.training()
    ids = [factories.reconciled(one, bad), factories.reconciled(two, good)]
    stop_settlement(institution_id=bad.institution_id, reason="Kehadiran palsu", at=AT)
    assert settleable_ids(at=AT) == [ids[1]]
    assert settle_institutions(purchase_ids=ids, at=AT) == SettledInstitutions(1, 300_000, 1)
    assert owed_and_paid(one) == (300_000, 0)
    resume_settlement(institution_id=bad.institution_id, at=AT)
    assert settle_all(AT + timedelta(days=1)) == SettledInstitutions(1, 300_000, 0)


@pytest.mark.django_db
def test_the_rule_of_the_day_of_the_proof_decides_and_the_set_agrees_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 1 May 2020 on a hold of 3 days, before one of 7: the later proof is payable earlier."""
    (old,) = RULES.history("settlement_hold_days")
    shorter = dataclasses.replace(old, since_on=date(2020, 5, 1), value=3)
    monkeypatch.setattr(hold, "RULES", Rules(MappingProxyType({"settlement_hold_days": (old, shorter)}), "changed"))
    people = factories.accepted(10)
    training = factories.training()
    proven_at = {}
    for day, who in enumerate(people):
        number = factories.reviewed(who, training)
        proven_at[number] = jakarta(2020, 4, 26, 15) + timedelta(days=day)
        assert reconcile(at=proven_at[number], purchase_ids=[number]).purchase_ids == (number,)
    for days in range(20):
        at = jakarta(2020, 4, 25, 16) + timedelta(days=days)
        due = [
            number for number in proven_at if hold.payable_from_on(proven_at[number]) <= at.date() >= date(2020, 4, 26)
        ]
        assert settleable_ids(at=at) == due, at
    assert hold.payable_from_on(jakarta(2020, 4, 30, 23, 59)) == date(2020, 5, 7)
    assert hold.payable_from_on(jakarta(2020, 5, 1, 0, 0)) == date(2020, 5, 4)


@pytest.mark.django_db
def test_many_are_a_handful_of_statements(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    people = factories.accepted(20, with_accounts=False)
    training = factories.training(session_count=1)
    ids = [each.purchase_id or 0 for each in factories.bought_all(people, training)]
    Purchase.objects.filter(pk__in=ids).update(redeemed_at=factories.REDEEMED_AT)
    attendances = [Attendance(training.institution_id, number, 1) for number in ids]
    record_attendance(attendances=attendances, at=RECONCILED_AT)
    end_purchases(purchase_ids=ids, at=RECONCILED_AT)
    with assert_queries(4):
        assert order_settlements(purchase_ids=ids, at=AT).purchase_count == 20


@pytest.mark.django_db(transaction=True)
def test_rivals_settle_everything_once(race: Callable[..., list[Any]]) -> None:
    people = factories.accepted(6, with_accounts=False)
    trainings = [factories.training() for _ in range(2)]
    ids = [factories.reconciled(who, trainings[place % 2]) for place, who in enumerate(people)]
    results = race(
        *[lambda: settle_institutions(purchase_ids=ids, at=AT)] * 2,
        lambda: settle_institutions(purchase_ids=ids[::-1], at=AT),
    )
    assert sum(each.purchase_count for each in results) == 6
    assert [owed_and_paid(who) for who in people] == [(0, 300_000)] * 6
    assert sum(InstitutionSettlement.objects.order_by("pk").values_list("total_rupiah", flat=True)) == 6 * 300_000


@pytest.mark.django_db(transaction=True)
def test_who_is_stopped_at_that_moment_is_paid_whole_or_not_at_all(race: Callable[..., list[Any]]) -> None:
    (who,) = factories.accepted(1, with_accounts=False)
    training = factories.training()
    number = factories.reconciled(who, training)
    done, stopped = race(
        lambda: settle_institutions(purchase_ids=[number], at=AT),
        lambda: stop_settlement(institution_id=training.institution_id, reason="Diperiksa", at=AT),
    )
    assert stopped.refusal is None and Institution.objects.get(pk=training.institution_id).settlement_stopped_at
    assert owed_and_paid(who) == ((0, 300_000) if done.purchase_count else (300_000, 0))


@pytest.mark.django_db(transaction=True)
def test_no_hold_opens_between_the_look_and_the_payment() -> None:
    (who,), training = factories.accepted(1, with_accounts=False), factories.training()
    number = factories.reconciled(who, training)

    def hold_it() -> None:
        held_institution(training.institution_id, at=AT)
        connection.close()

    opening = threading.Thread(target=hold_it)
    with transaction.atomic():
        done = settle_institutions(purchase_ids=[number], at=AT)
        opening.start()
        opening.join(timeout=1)
        assert opening.is_alive(), "it waits until the institution is paid"
    opening.join()
    assert done.purchase_count == 1 and Hold.objects.count() == 1


# Every rupiah is in exactly one place, whatever comes first


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(permutations(["end", "reconcile", "settle", "end_of_balance"])))
@pytest.mark.parametrize("evidence", ["nothing", "a session", "completed", "complete"])
def test_every_rupiah_is_in_one_place_after_any_order(order: tuple[str, ...], evidence: str) -> None:
    """Each step comes twice in a row, days later than the one before; the second time it changes nothing."""
    (who,) = factories.accepted()
    training = factories.training(price_rupiah=100_001, session_count=3)
    number = bring_to(evidence, who, training)
    at = jakarta(2020, 12, 16)
    for step in order:
        act(step, number, at)
        with nothing_changes():
            act(step, number, at)
        assert_books_hold(who, training.institution_id)
        at += timedelta(days=10)
    row = Purchase.objects.get()
    assert (row.reconciled_at is None) != (row.ended_at is None), "in the end it is proven or has ended"


def bring_to(evidence: str, who: int, training: Any) -> int:
    if evidence == "complete":
        return factories.reviewed(who, training)
    if evidence == "completed":
        return factories.completed(who, training)
    number = factories.redeemed(who, training)
    if evidence == "a session":
        record_attendance(attendances=[Attendance(training.institution_id, number, 2)], at=RECONCILED_AT)
    return number


def act(step: str, number: int, at: datetime) -> None:
    if step == "end":
        end_purchases(purchase_ids=[number], at=at)
    elif step == "reconcile":
        reconcile(at=at)
    elif step == "settle":
        settle_institutions(purchase_ids=[number], at=at)
    else:
        end_balances(at=at)


def assert_books_hold(who: int, institution_id: int) -> None:
    """The purchase says where its price is, the ledger says the same, and the statement adds up."""
    row = Purchase.objects.select_related("settlement").get()
    money = balances_of(owner_ids=[who])[who]
    kinds = [money.get(kind, 0) for kind in (Kind.ESCROW, Kind.INSTITUTION_PAYABLE, Kind.INSTITUTION_SETTLED)]
    is_open = row.reconciled_at is None and row.ended_at is None
    earned_rupiah = 0 if is_open else row.price_rupiah - row.refunded_rupiah
    is_settled = row.settlement is not None
    expected = [row.price_rupiah * is_open, earned_rupiah * (not is_settled), earned_rupiah * is_settled]
    assert kinds == expected
    assert sum(money.values()) == 0 and min(kinds) >= 0
    statement = institution_statement(institution_id=institution_id)
    assert statement is not None
    assert statement.totals == StatementTotals(1, row.price_rupiah, *expected, row.refunded_rupiah)
    assert sum(expected) + row.refunded_rupiah == row.price_rupiah
