"""Between finished and paid: one query lists everybody with the reason, and counts what S6 counts."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection

from bekal.core.evidence import Piece, Source
from bekal.incentives.entitle import entitle
from bekal.incentives.finished_unpaid import (
    PEOPLE_SQL,
    SUMMARY_SQL,
    Reason,
    Side,
    WaitingChoice,
    _values,
    every_finished_unpaid,
    finished_unpaid,
    waiting_figures,
)
from bekal.incentives.models import AccountCheck
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.participants.models import Participation, PayoutAccount, PayoutAccountDirectory
from bekal.proofs.published_sql import WAITING
from bekal.purchases.models import Purchase
from bekal.purchases.reconcile_changed import reconcile_changed
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from tests import factories
from tests.factories.holding import held

pytestmark = pytest.mark.django_db
AT = factories.RECONCILED_AT


def everybody() -> dict[int, tuple[Reason, Side]]:
    return {line.participation_id: (line.reason, line.side) for line in every_finished_unpaid(WaitingChoice(), at=AT)}


def population() -> dict[str, int]:
    """One person for each reason that can be had by the verbs."""
    training = factories.training(session_count=1)
    names = ("learning", "early", "unreviewed", "contested", "ready", "reconciled", "earned", "held")
    people = dict(zip(names, factories.accepted(len(names)), strict=True))
    (people["poor"],) = factories.accepted(with_accounts=False)
    factories.redeemed(people["learning"], training)
    early = factories.redeemed(people["early"], training)
    done = Message(Speaker(Source.INSTITUTION, training.institution_id), early, Piece.COMPLETION)
    record_evidence(messages=[done], at=AT - timedelta(days=1))
    factories.completed(people["unreviewed"], training)
    contested = factories.reviewed(people["contested"], training)
    for name in ("earned", "held", "poor"):
        factories.reconciled(people[name], training)
    entitle(at=AT)
    factories.reconciled(people["reconciled"], training)
    no = Message(Speaker(Source.PARTICIPANT, people["contested"]), contested, Piece.ATTENDANCE, holds=False)
    record_evidence(messages=[no], at=AT)
    reconcile_changed(at=AT)
    factories.reviewed(people["ready"], training)
    held(people["held"], at=AT)
    return people


def test_whose_account_was_changed_waits_for_the_calendar() -> None:
    (person,) = factories.accepted()
    factories.reconciled(person, factories.training())
    entitle(at=AT)
    late = AT + timedelta(days=4)
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081234567890", at=late)
    (line,) = every_finished_unpaid(WaitingChoice(), at=late)
    assert (line.reason, line.side, line.due_on) == (
        Reason.ACCOUNT_CHANGED,
        Side.CALENDAR,
        (late + timedelta(days=3)).date(),
    )
    (line,) = every_finished_unpaid(WaitingChoice(), at=late + timedelta(days=3))
    assert line.reason is Reason.TO_PLAN


def test_whose_account_cannot_be_paid_to_has_to_name_another() -> None:
    (person,) = factories.accepted()
    factories.reconciled(person, factories.training())
    entitle(at=AT)
    account = PayoutAccount.objects.get(participant__participation=person)
    AccountCheck.objects.create(
        account=account,
        account_hash=PayoutAccountDirectory.objects.get(account=account).account_hash,
        outcome="failed",
        reason_code="AC04",
        needed_rupiah=600_000,
        recorded_at=AT,
        noted_at=AT,
    )
    late = AT + timedelta(days=4)
    (line,) = every_finished_unpaid(WaitingChoice(), at=late)
    assert (line.reason, line.side) == (Reason.ACCOUNT_FAILED, Side.PARTICIPANT)
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081234567890", at=late)
    (line,) = every_finished_unpaid(WaitingChoice(), at=late + timedelta(days=3))
    assert line.reason is Reason.TO_PLAN, "nobody has said that of the new one"


def test_everybody_is_listed_once_with_the_reason() -> None:
    people = population()
    expected = {
        "early": (Reason.ATTENDANCE, Side.INSTITUTION),
        "unreviewed": (Reason.RATING, Side.PARTICIPANT),
        "contested": (Reason.CONFLICT, Side.PROGRAMME),
        "ready": (Reason.TO_RECONCILE, Side.WORKER),
        "reconciled": (Reason.TO_ENTITLE, Side.WORKER),
        "earned": (Reason.PAYMENT_DAY, Side.CALENDAR),
        "held": (Reason.HELD, Side.PROGRAMME),
        "poor": (Reason.NO_ACCOUNT, Side.PARTICIPANT),
    }
    assert everybody() == {people[name]: told for name, told in expected.items()}
    line = next(each for each in every_finished_unpaid(WaitingChoice(reason="rating"), at=AT))
    assert (line.pieces, line.since_on, line.due_on) == (
        ("rating:participant", "review:participant"),
        date(2020, 4, 23),
        date(2020, 5, 7),
    )


def test_it_counts_what_the_published_figure_counts() -> None:
    population()
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"as_of": AT, "day": date(2020, 4, 25)})
        columns = [each.name for each in cursor.description]
        figure = dict(zip(columns, cursor.fetchone(), strict=True))
    listed = list(every_finished_unpaid(WaitingChoice(is_completed=True), at=AT))
    assert len(listed) == figure["waiting_count"] == 7
    figures = waiting_figures(at=AT)
    assert sum(each.people_count for each in figures if each.is_completed) == figure["waiting_count"]
    assert sum(each.people_count for each in figures if not each.is_completed) == 1


def test_what_is_chosen_is_listed_a_page_at_a_time() -> None:
    people = population()
    choices = {
        WaitingChoice(side="worker"): {"ready", "reconciled"},
        WaitingChoice(is_completed=False): {"early"},
        WaitingChoice(reason="held", band=1): {"held"},
        WaitingChoice(overdue=True): set(),
        WaitingChoice(institution_id=Purchase.objects.order_by("pk").first().training.institution_id): set(people)  # type: ignore[union-attr]
        - {"learning"},
        WaitingChoice(institution_id=1_000_000): set(),
    }
    for choice, names in choices.items():
        found = finished_unpaid(choice, at=AT, limit=50)
        assert {each.participation_id for each in found.people} == {people[name] for name in names}, choice
        assert found.looked_until is None
    first = finished_unpaid(WaitingChoice(), at=AT, limit=5)
    assert first.looked_until == first.people[-1].participation_id
    rest = finished_unpaid(WaitingChoice(), at=AT, after_id=first.looked_until, limit=5)
    assert len(first.people) + len(rest.people) == 8 and rest.looked_until is None


def test_a_planned_payout_waits_for_its_approval_and_a_lost_place_for_nobody() -> None:
    one, two = factories.accepted(2)
    training = factories.training()
    factories.reconciled(one, training)
    entitle(at=AT)
    factories.completed(two, training)
    Participation.objects.filter(pk=two).update(revoked_at=AT)
    payment_on = date(2020, 5, 25)
    later = factories.jakarta(2020, 5, 20)
    plan_payout_run(planned_for=payment_on, officer_id=factories.officer().pk, at=later)
    assert everybody() == {
        one: (Reason.TO_APPROVE, Side.PROGRAMME),
        two: (Reason.REVOKED, Side.NOBODY),
    }


def test_none_of_it_has_to_be_asked_person_by_person() -> None:
    """Over everybody each table is read once: told to do without nested loops, the planner can. Two things are asked
    one by one: what one side alone calls finished, and when a payout was sent."""
    population()
    values = _values(WaitingChoice(), AT)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        for statement in (SUMMARY_SQL, PEOPLE_SQL):
            cursor.execute(f"EXPLAIN (COSTS OFF) {statement}", values | {"limit": None})
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Nested Loop" not in plan, plan
            assert len(set(re.findall(r"^ *(SubPlan \d+)$", plan, flags=re.MULTILINE))) <= 2, plan
