"""For each operation the list says exactly what the verb then does; who is not due is on no list."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bekal.catalogue.models import Institution
from bekal.catalogue.stop_settlement import resume_settlement, stop_settlement
from bekal.core.entitlement import age_years
from bekal.core.rules import RULES
from bekal.incentives.entitle import entitle, entitling_ids
from bekal.ledger.clock import programme_day
from bekal.ledger.proof_results import PROOF_LIMIT, record_proof_result
from bekal.lifecycle import mass_runs as engine
from bekal.lifecycle.close_year import closable_ids
from bekal.lifecycle.end_balances import end_balances, ending_ids
from bekal.lifecycle.mass_people import LeftOut, ListGroup, ListView, dry_run, left_out, lines_of, list_of
from bekal.lifecycle.mass_runs import (
    Worked,
    approve_mass_run,
    cancel_mass_run,
    mass_run,
    plan_mass_run,
    work,
)
from bekal.lifecycle.models import MassChunk, MassRun
from bekal.lifecycle.operations import AUTOMATIC, OPERATIONS
from bekal.lifecycle.refusals import MassRefusal
from bekal.lifecycle.revoke import revocable_ids, revoke
from bekal.participants.accept import accept
from bekal.participants.models import Participation
from bekal.participants.refusals import ParticipantRefusal
from bekal.purchases.settle_institutions import settle_institutions, settleable_ids
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
Kinds = MassRun.Operation
AFTER_DEADLINE = jakarta(2020, 5, 21)
AFTER_BALANCE = jakarta(2020, 12, 16)
ENVELOPE_RUPIAH = 3_550_000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CHUNK_COUNT", 2)


def listed_ids(run_id: int | None) -> list[int]:
    return [
        number for chunk in MassChunk.objects.filter(run_id=run_id).order_by("number") for number in chunk.subject_ids
    ]


def planned(operation: str, at: datetime, **parameters: Any) -> tuple[int, list[int], int]:
    """The number of a run, who is on its list, and its rupiah; the dry run says the same."""
    view = dry_run(operation=operation, at=at, parameters=parameters)
    run = plan_mass_run(operation=operation, planned_by_id=None, at=at, parameters=parameters)
    assert run.run_id is not None and run.list_sha256 is not None, run.refusal
    assert isinstance(view, ListView)
    assert (view.subject_count, view.total_rupiah) == (run.subject_count, run.total_rupiah)
    if OPERATIONS[operation].needs_approval:
        officer_id = factories.officer().pk
        seen = {"run_id": run.run_id, "officer_id": officer_id, "list_sha256": run.list_sha256}
        assert approve_mass_run(**seen, at=at, proof_limit=None) is None
    return run.run_id, listed_ids(run.run_id), run.total_rupiah


def left_out_of(run_id: int) -> tuple[LeftOut, ...]:
    state = mass_run(run_id)
    assert state is not None
    return left_out(run=state)


def done(run_id: int, at: datetime) -> tuple[int, int]:
    worked = work(run_id=run_id, at=at)
    assert worked.failed_chunk_count == 0, list(MassChunk.objects.values_list("failure", flat=True))
    return worked.subject_count, worked.total_rupiah


def test_who_needs_a_second_person() -> None:
    assert set(AUTOMATIC) == {"accept_wave", "entitle"}
    assert set(OPERATIONS) == set(Kinds.values)


# Revoking and ending


def test_revocations_are_listed_as_they_are_done() -> None:
    idlers = factories.accepted(5)
    (buyer,) = factories.accepted()
    factories.bought(buyer, factories.training())
    (late,) = factories.accepted(at=jakarta(2020, 5, 1))
    run_id, ids, total_rupiah = planned(Kinds.REVOKE, AFTER_DEADLINE)
    assert ids == list(idlers) == revocable_ids(at=AFTER_DEADLINE)
    assert total_rupiah == 5 * ENVELOPE_RUPIAH
    assert done(run_id, AFTER_DEADLINE) == (5, total_rupiah)
    assert left_out_of(run_id) == ()
    assert Participation.objects.get(pk=late).revoked_at is None


def test_balances_end_as_they_are_listed_the_last_fifty_rupiah_included() -> None:
    people = factories.accepted(3)
    for person, price_rupiah in zip(people, (999_950, 1_000_000, 400_000), strict=True):
        factories.bought(person, factories.training(price_rupiah=price_rupiah))
    factories.accepted(1)
    run_id, ids, total_rupiah = planned(Kinds.END_BALANCES, AFTER_BALANCE)
    assert ids == list(people) == ending_ids(at=AFTER_BALANCE)
    assert total_rupiah == 50 + 0 + 600_000
    assert done(run_id, AFTER_BALANCE) == (3, total_rupiah)


def test_who_was_revoked_or_ended_meanwhile_is_left_out_with_the_reason() -> None:
    idlers = factories.accepted(2)
    buyers = factories.accepted(2)
    factories.bought_all(buyers, factories.training())
    revoking, _, _ = planned(Kinds.REVOKE, AFTER_BALANCE)
    ending, _, _ = planned(Kinds.END_BALANCES, AFTER_BALANCE)
    sooner = AFTER_BALANCE - timedelta(hours=1)
    revoke(at=sooner, participation_ids=idlers[:1])
    end_balances(at=sooner, participation_ids=buyers)
    assert done(revoking, AFTER_BALANCE) == (1, ENVELOPE_RUPIAH)
    assert done(ending, AFTER_BALANCE) == (0, 0)
    assert left_out_of(revoking) == (LeftOut("revoked", 1, idlers[:1]),)
    assert left_out_of(ending) == (LeftOut("ended", 2, buyers),)


# Accepting


def test_a_wave_takes_whom_the_rules_allow_as_many_as_it_has_places() -> None:
    at = factories.ACCEPTED_AT
    wave = factories.wave(quota_count=3)
    (young,) = factories.participants(born_on=date(2003, 1, 1))
    people = factories.participants(4)
    assert age_years(date(2003, 1, 1), programme_day(at)) < (RULES.scheme(programme_day(at)).minimum_age_years or 0)
    accept(wave_id=factories.wave().pk, participant_ids=people[:1], at=at)
    run_id, ids, total_rupiah = planned(Kinds.ACCEPT_WAVE, at, wave_id=wave.pk)
    assert ids == list(people[1:4]) and young not in ids
    assert total_rupiah == 3 * ENVELOPE_RUPIAH
    assert done(run_id, at) == (3, total_rupiah)
    again = plan_mass_run(operation=Kinds.ACCEPT_WAVE, planned_by_id=None, at=at, parameters={"wave_id": wave.pk})
    assert again.refusal is not None and again.refusal.code is ParticipantRefusal.WAVE_FULL


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_the_list_counts_ages_as_the_rules_do(days: int) -> None:
    """On the birthday, the day before and the day after; 29 February included."""
    for born_on in (date(2002, 4, 20), date(2004, 2, 29)):
        at = jakarta(born_on.year + 18, 4 if born_on.month == 4 else 3, 20 if born_on.month == 4 else 1)
        at += timedelta(days=days)
        (person,) = factories.participants(born_on=born_on, at=jakarta(2020, 1, 2))
        opens_on = programme_day(at)
        wave = factories.wave(opens_on=opens_on, closes_on=opens_on)
        view = dry_run(operation=Kinds.ACCEPT_WAVE, at=at, parameters={"wave_id": wave.pk, "participant_ids": [person]})
        (outcome,) = accept(wave_id=wave.pk, participant_ids=[person], at=at)
        assert isinstance(view, ListView)
        assert view.subject_count == (outcome.refusal is None), (born_on, at)


def test_of_people_who_are_named_the_first_get_the_places() -> None:
    people = factories.participants(4)
    wave = factories.wave(quota_count=2)
    named = [people[3], people[1], people[0], people[3]]
    run_id, ids, _ = planned(Kinds.ACCEPT_WAVE, factories.ACCEPTED_AT, wave_id=wave.pk, participant_ids=named)
    assert ids == sorted([people[3], people[1]])
    assert MassRun.objects.get(pk=run_id).parameters == {"wave_id": wave.pk}, "the list is in the chunks"


def test_who_is_accepted_late_gets_the_days_of_the_day_on_which_it_is_done() -> None:
    """No worker ran for a month: nobody's place may be lost the moment it is given."""
    at, late = factories.ACCEPTED_AT, factories.ACCEPTED_AT + timedelta(days=31)
    people, others = factories.participants(2), factories.participants(1)
    wave = factories.wave(quota_count=2)
    run_id, _, _ = planned(Kinds.ACCEPT_WAVE, at, wave_id=wave.pk, participant_ids=people)
    accept(wave_id=wave.pk, participant_ids=others, at=late)
    assert done(run_id, late) == (1, ENVELOPE_RUPIAH)
    place = Participation.objects.get(participant_id=people[0])
    scheme = RULES.scheme(programme_day(late))
    assert (place.accepted_at, place.accepted_on) == (late, programme_day(late))
    assert place.first_purchase_due_on == scheme.first_purchase_due_on
    assert left_out_of(run_id) == (LeftOut("full", 1, ()),), "whoever was accepted late is not among the left out"


def test_a_clock_that_was_set_back_accepts_nobody_before_the_plan() -> None:
    at = factories.ACCEPTED_AT
    people = factories.participants(1)
    run_id, _, _ = planned(Kinds.ACCEPT_WAVE, at, wave_id=factories.wave().pk, participant_ids=people)
    assert done(run_id, at - timedelta(days=1)) == (1, ENVELOPE_RUPIAH)
    assert Participation.objects.get().accepted_at == at
    assert left_out_of(run_id) == ()


def test_where_the_rules_have_another_envelope_by_then_nobody_is_accepted() -> None:
    """What was shown is what is committed: the officer cancels the run and plans it anew."""
    at, late = jakarta(2022, 12, 30), jakarta(2023, 1, 2)
    assert RULES.scheme(programme_day(at)).envelope_rupiah != RULES.scheme(programme_day(late)).envelope_rupiah
    people = factories.participants(1, at=at)
    wave = factories.wave(opens_on=programme_day(at), closes_on=programme_day(late))
    run_id, _, _ = planned(Kinds.ACCEPT_WAVE, at, wave_id=wave.pk, participant_ids=people)
    assert work(run_id=run_id, at=late).failed_chunk_count == 1
    assert MassChunk.objects.get().failure == "RulesChanged"
    assert not Participation.objects.exists()
    assert cancel_mass_run(run_id=run_id, officer_id=factories.officer().pk, at=late) is None
    again, _, total_rupiah = planned(Kinds.ACCEPT_WAVE, late, wave_id=wave.pk, participant_ids=people)
    assert total_rupiah == RULES.scheme(programme_day(late)).envelope_rupiah
    assert done(again, late) == (1, total_rupiah)


def test_a_wave_that_is_full_by_then_leaves_out_the_rest() -> None:
    at = factories.ACCEPTED_AT
    people, others = factories.participants(3), factories.participants(1)
    wave = factories.wave(quota_count=3)
    run_id, _, _ = planned(Kinds.ACCEPT_WAVE, at, wave_id=wave.pk, participant_ids=people)
    accept(wave_id=wave.pk, participant_ids=[*others, people[0]], at=at - timedelta(minutes=1))
    assert done(run_id, at) == (1, ENVELOPE_RUPIAH)
    first = Participation.objects.get(participant_id=people[0]).pk
    assert left_out_of(run_id) == (LeftOut("accepted", 1, (first,)), LeftOut("full", 1, ()))


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, MassRefusal.WAVE_MISSING),
        ({"wave_id": "1"}, MassRefusal.WAVE_MISSING),
        ({"wave_id": 4711}, ParticipantRefusal.UNKNOWN_WAVE),
    ],
)
def test_a_wave_has_to_be_named(parameters: dict[str, Any], code: object) -> None:
    refusal = plan_mass_run(
        operation=Kinds.ACCEPT_WAVE, planned_by_id=None, at=AFTER_DEADLINE, parameters=parameters
    ).refusal
    assert refusal is not None and refusal.code is code


def test_a_wave_that_is_not_open_yet_is_refused() -> None:
    wave = factories.wave(opens_on=date(2020, 6, 1), closes_on=date(2020, 6, 2))
    refusal = plan_mass_run(
        operation=Kinds.ACCEPT_WAVE, planned_by_id=None, at=AFTER_DEADLINE, parameters={"wave_id": wave.pk}
    ).refusal
    assert refusal is not None and refusal.code is ParticipantRefusal.WAVE_NOT_OPEN_YET


# Entitling


def test_instalments_are_listed_as_they_are_earned() -> None:
    people = factories.accepted(3)
    (later,) = factories.accepted(at=jakarta(2023, 1, 20))
    for person in people[:2]:
        factories.reconciled(person, factories.training())
    factories.reconciled(later, factories.training(), at=jakarta(2023, 1, 21))
    at = jakarta(2023, 2, 1)
    assert entitling_ids(at=at) == [people[0], people[1], later]
    run_id, ids, total_rupiah = planned(Kinds.ENTITLE, at)
    assert ids == [people[0], people[1], later]
    assert total_rupiah == 2 * 4 * 600_000 + 600_000
    entitle(at=at - timedelta(hours=1), participation_ids=people[:1])
    assert done(run_id, at) == (2, 4 * 600_000 + 600_000)
    assert left_out_of(run_id) == (LeftOut("entitled", 1, people[:1]),)


# Institutions


def proven_purchases(number: int, institution: Institution) -> list[int]:
    training = factories.training(price_rupiah=300_000, institution=institution)
    return [factories.reconciled(person, training) for person in factories.accepted(number)]


def prove(violations: Sequence[dict[str, Any]], at: datetime) -> None:
    record_proof_result(
        as_of=None,
        proved_at=at,
        duration_ms=1,
        transfer_count=1,
        participation_count=1,
        check_count=12,
        violations=violations,
        kinds={},
        digest_sha256=None,
    )


def test_institutions_are_settled_as_listed_and_a_stop_after_the_plan_holds() -> None:
    first, second = factories.institution(), factories.institution()
    paid, stopped = proven_purchases(3, first), proven_purchases(2, second)
    at = AFTER_DEADLINE
    run_id, ids, total_rupiah = planned(Kinds.SETTLE_INSTITUTIONS, at)
    assert ids == sorted(settleable_ids(at=at)) == sorted(paid + stopped)
    assert total_rupiah == 5 * 300_000
    state = mass_run(run_id)
    assert state is not None
    assert list_of(run=state).groups == (ListGroup(first.name, 3, 900_000), ListGroup(second.name, 2, 600_000))
    stop_settlement(institution_id=second.pk, reason="Alamat kursus tidak ditemukan", at=at)
    settle_institutions(purchase_ids=paid[:1], at=at - timedelta(hours=1))
    assert done(run_id, at) == (2, 600_000)
    reasons = {each.reason: each.subject_count for each in left_out_of(run_id)}
    assert reasons == {"stopped": 2, "settled": 1}
    resume_settlement(institution_id=second.pk, at=at)
    assert plan_mass_run(operation=Kinds.SETTLE_INSTITUTIONS, planned_by_id=None, at=at).subject_count == 2


def test_while_the_proof_finds_a_difference_no_settlement_is_approved_or_worked() -> None:
    proven_purchases(1, factories.institution())
    at = AFTER_DEADLINE
    run = plan_mass_run(operation=Kinds.SETTLE_INSTITUTIONS, planned_by_id=None, at=at)
    values = {"run_id": run.run_id or 0, "officer_id": factories.officer().pk, "list_sha256": run.list_sha256 or b""}
    difference = [{"name": "I1", "holds": "all kinds sum to Rp0", "rows": []}]
    prove(difference, at)
    refusal = approve_mass_run(**values, at=at)
    assert refusal is not None and refusal.code is MassRefusal.LEDGER_DIFFERENCE
    prove([], at)
    assert approve_mass_run(**values, at=at) is None
    prove(difference, at)
    assert work(at=at) == Worked(0, 0, 0, failed_chunk_count=1)
    assert MassChunk.objects.get().failure == "LedgerDifference"
    prove([], at)
    assert work(at=at) == Worked(1, 1, 300_000)


def test_no_settlement_is_approved_without_a_proof_of_the_last_two_days() -> None:
    proven_purchases(1, factories.institution())
    at = AFTER_DEADLINE
    run = plan_mass_run(operation=Kinds.SETTLE_INSTITUTIONS, planned_by_id=None, at=at)
    values = {"run_id": run.run_id or 0, "officer_id": factories.officer().pk, "list_sha256": run.list_sha256 or b""}
    for proved_at in (None, at - PROOF_LIMIT - timedelta(seconds=1)):
        if proved_at is not None:
            prove([], proved_at)
        refusal = approve_mass_run(**values, at=at)
        assert refusal is not None and refusal.code is MassRefusal.LEDGER_NOT_PROVED
        assert refusal.values == {"run_id": run.run_id, "hours_count": 48}
    prove([], at - PROOF_LIMIT)
    assert approve_mass_run(**values, at=at) is None


def test_a_difference_holds_up_nothing_that_pays_nobody() -> None:
    factories.accepted(1)
    prove([{"name": "I1", "holds": "all kinds sum to Rp0", "rows": []}], AFTER_DEADLINE)
    run_id, _, _ = planned(Kinds.REVOKE, AFTER_DEADLINE)
    assert done(run_id, AFTER_DEADLINE) == (1, ENVELOPE_RUPIAH)


# Closing a year


def test_a_year_is_closed_as_it_is_listed() -> None:
    idler, buyer, learner = people = factories.accepted(3)
    factories.bought(buyer, factories.training(price_rupiah=300_000))
    factories.reconciled(learner, factories.training(price_rupiah=300_000))
    factories.accepted(1, at=jakarta(2021, 3, 1))
    entitle(at=AFTER_DEADLINE, participation_ids=[learner])
    at = jakarta(2021, 7, 1)
    assert closable_ids(year=2020, at=at) == list(people)
    run_id, ids, total_rupiah = planned(Kinds.CLOSE_YEAR, at, year=2020)
    assert ids == list(people)
    # The idler's whole envelope; of the buyer all, since nothing was proven; of the learner the rest and the surveys.
    assert total_rupiah == ENVELOPE_RUPIAH + ENVELOPE_RUPIAH + (ENVELOPE_RUPIAH - 300_000 - 4 * 600_000)
    assert done(run_id, at) == (3, total_rupiah)
    assert MassRun.objects.get(pk=run_id).parameters == {"year": 2020}
    assert Participation.objects.filter(closed_at=at).count() == 3
    assert Participation.objects.get(pk=idler).revoked_at == at


@pytest.mark.parametrize("year", [None, "2020", 2019, 2022])
def test_a_year_has_to_be_one_of_the_programme(year: object) -> None:
    refusal = plan_mass_run(
        operation=Kinds.CLOSE_YEAR, planned_by_id=None, at=jakarta(2021, 7, 1), parameters={"year": year}
    ).refusal
    assert refusal is not None
    assert (refusal.code, refusal.values) == (MassRefusal.YEAR_UNKNOWN, {"first_year": 2020, "last_year": 2021})


# The list as people see it


def test_a_list_is_summed_by_wave_and_its_first_lines_have_names() -> None:
    first, second = factories.accepted(2), factories.accepted(1, full_name="Budi Santoso")
    run_id, _, _ = planned(Kinds.REVOKE, AFTER_DEADLINE)
    state = mass_run(run_id)
    assert state is not None
    view = list_of(run=state)
    assert [(each.subject_count, each.total_rupiah) for each in view.groups] == [
        (2, 2 * ENVELOPE_RUPIAH),
        (1, ENVELOPE_RUPIAH),
    ]
    assert [(line.participation_id, line.full_name) for line in view.lines] == [
        (first[0], "Siti Rahayu"),
        (first[1], "Siti Rahayu"),
        (second[0], "Budi Santoso"),
    ]
    assert "Budi" not in repr(view), "a name is in no log"
    assert list(lines_of(run=state)) == list(view.lines)
