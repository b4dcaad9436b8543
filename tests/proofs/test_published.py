"""Each published figure is computed right on a world that is known, and found wherever that world deviates from it."""

from collections.abc import Iterator
from fractions import Fraction
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from bekal.proofs.published import FIGURES, Reading, Verdict, measure
from tests import databases
from tests.factories import jakarta
from tests.proofs.published_deviations import DEVIATIONS, as_an_intruder
from tests.proofs.published_world import RUNNING, World, build_world

NOW = jakarta(2021, 6, 1)
BY_ID = {figure.id: figure for figure in FIGURES}
PAYING_INSTITUTIONS = (
    "ALTER TABLE ledger_transfer ADD CONSTRAINT ledger_transfer_allowed_movement CHECK"
    " (reason % 100 = reason AND (debit_kind, credit_kind) IN ((1, 2), (2, 3), (3, 4), (4, 7)))"
)


PIECES = (
    "review",
    "rating",
    "attendance",
    "to_reconcile",
    "day_to_come",
    "no_account",
    "due",
    "unanswered",
    "rejected",
)


@pytest.fixture(scope="module")
def world(new_database: Any, django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """A database of its own, because building this world takes longer than everything that is asked of it."""
    with django_db_blocker.unblock():
        others = connections["default"].settings_dict["NAME"]
        databases.point_connections_at(new_database("published").name)
        try:
            yield build_world()
        finally:
            databases.point_connections_at(others)


def verdicts(readings: tuple[Reading, ...], wanted: Verdict) -> set[str]:
    return {reading.figure.id for reading in readings if reading.verdict is wanted}


def test_each_figure_is_computed_right(world: World) -> None:
    readings = measure(connections["proof"], now=NOW)
    assert {reading.figure.id: reading.running for reading in readings} == RUNNING
    assert verdicts(readings, Verdict.OUTSIDE) == verdicts(readings, Verdict.NOT_YET) == set()
    assert verdicts(readings, Verdict.INFORMATION) == {f.id for f in FIGURES if f.tolerance == "none"}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_each_deviation_is_found(name: str, world: World) -> None:
    statement, expected = DEVIATIONS[name]
    with as_an_intruder() as cursor:
        if "INTO ledger_transfer" in statement or "credit_kind = 5" in statement:
            cursor.execute("ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_allowed_movement")
        cursor.execute(statement)
        assert cursor.rowcount >= 1
        outside = verdicts(measure(connections["owner"], now=NOW), Verdict.OUTSIDE)
    assert expected - outside == set()


def test_a_deviation_is_planted_for_every_figure_that_has_a_tolerance() -> None:
    planted = set().union(*(expected for _, expected in DEVIATIONS.values()))
    # The database's own list of movements is planted apart, below.
    assert {f.id for f in FIGURES if f.tolerance != "none"} - planted == {"S1.movements_to_cash"}


@pytest.mark.parametrize(
    ("statement", "ways"),
    [(None, 3_000), (f"{PAYING_INSTITUTIONS} NOT VALID", 3_000), (PAYING_INSTITUTIONS, 50)],
    ids=["no constraint", "one that was never checked", "one that lets institutions pay cash"],
)
def test_the_closed_list_is_read_from_the_catalogue(statement: str | None, ways: int, world: World) -> None:
    """A way over several steps counts once for each of 50 reasons. Without a valid constraint all 15 kinds that are
    neither the treasury nor cash may pay any of the 4 that are cash."""
    with as_an_intruder() as cursor:
        cursor.execute("DELETE FROM ledger_transfer")
        cursor.execute("ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_allowed_movement")
        if statement is not None:
            cursor.execute(statement)
        (reading,) = measure(connections["owner"], now=NOW, figures=[BY_ID["S1.movements_to_cash"]])
    assert (reading.verdict, reading.running) == (Verdict.OUTSIDE, ways)


def test_who_was_taken_over_with_opening_balances_is_left_out(world: World) -> None:
    with as_an_intruder() as cursor:
        cursor.execute(
            "UPDATE participants_participation SET opened_at = accepted_at WHERE id = ANY(%s)",
            [[world.paid[0], world.waiting[0], world.revoked[0]]],
        )
        readings = measure(connections["owner"], now=NOW)
    running = {each.figure.id: each.running for each in readings}
    assert [running[f"S8.{name}"] for name in ("accepted", "bought", "not_bought", "paid")] == [99, 88, 11, 71]
    assert running["S6.waiting"] == Fraction(100, 88)
    assert running["S9.revoked_share"] == Fraction(1100, 99)
    assert {each.counted_count for each in readings if each.figure.query == "envelopes"} == {99}


def test_people_between_finished_and_paid_say_what_is_missing(world: World) -> None:
    def details(*statements: str) -> dict[str, int]:
        with as_an_intruder() as cursor:
            for statement in statements:
                cursor.execute(statement, {"who": world.waiting[0], "paid": world.paid[0]})
                assert cursor.rowcount >= 1, statement
            (reading,) = measure(connections["owner"], now=NOW, figures=[BY_ID["S6.waiting"]])
        counts = [int(value) for _, value in reading.details]
        return {name: count for name, count in zip(PIECES, counts, strict=True) if count}

    purchase = "(SELECT min(id) FROM purchases_purchase WHERE participation_id = %(who)s)"
    payout = (
        "(SELECT payout.id FROM incentives_payout payout JOIN incentives_entitlement e ON e.id = entitlement_id"
        " WHERE e.participation_id = %(paid)s AND e.instalment = 1)"
    )
    unpaid = f"DELETE FROM incentives_payoutstatus WHERE state = 'settled' AND payout_id = {payout}"
    unsent = f"DELETE FROM incentives_payoutstatus WHERE payout_id = {payout}"
    to_come = "UPDATE incentives_entitlement SET payment_on = '2020-07-28' WHERE participation_id = %(paid)s"
    rejected = "UPDATE incentives_payoutstatus SET state = 'rejected', reason_code = 'AC04' WHERE state = 'settled'"
    evidence = (
        "INSERT INTO purchases_evidence (purchase_id, piece, source, sequence, recorded_at) SELECT"
        f" {purchase}, piece, 'participant', 1, '2020-07-27T23:59+07' FROM unnest(ARRAY['rating', 'review']) piece"
    )
    both = {"review": 2, "rating": 2}
    assert details() == both
    assert details(evidence) == {"review": 1, "rating": 1, "to_reconcile": 1}
    assert details(evidence.replace("-27T23:59", "-28T00:00")) == both
    no_attendance = f"DELETE FROM purchases_evidence WHERE piece = 'attendance' AND purchase_id = {purchase}"
    assert details(no_attendance) == both | {"attendance": 1}
    assert details(unpaid) == both | {"unanswered": 1}
    assert details(f"{rejected} AND payout_id = {payout}") == both | {"rejected": 1}
    assert details(unsent) == both | {"due": 1}
    assert details(unsent, to_come) == both | {"day_to_come": 1}
    no_account = (
        "UPDATE participants_payoutaccount SET verified_at = NULL WHERE participant_id ="
        " (SELECT participant_id FROM participants_participation WHERE id = %(paid)s)"
    )
    assert details(unsent, no_account) == both | {"no_account": 1}


def test_the_past_sees_only_what_had_happened(world: World) -> None:
    early = measure(connections["proof"], now=jakarta(2020, 4, 30))
    assert {"S1.granted_median", "S5.envelope_lowest", "S5.incentives_most", "S1.cash"} <= verdicts(
        early, Verdict.WITHIN
    )
    later = {f.id for f in FIGURES if f.at or f.not_before or f.id == "S9.per_person"}
    assert later <= verdicts(early, Verdict.NOT_YET)


@pytest.mark.parametrize(("moment", "bought"), [("27T23:59:59.9", 90), ("28T00:00", 74)])
def test_a_day_ends_with_its_last_moment_in_jakarta(moment: str, bought: int, world: World) -> None:
    with as_an_intruder() as cursor:
        cursor.execute(
            f"UPDATE purchases_purchase SET bought_at = '2020-07-{moment}+07' WHERE redeemed_at IS NULL AND ordinal = 1"
        )
        (reading,) = measure(connections["owner"], now=NOW, figures=[BY_ID["S8.bought"]])
    assert reading.running == bought


def test_the_command_prints_what_was_asked_and_ends_well(world: World, clock: Any) -> None:
    clock.set(2021, 6, 1)
    out = StringIO()
    call_command("published", as_of="2020-07-28", figures="S8,s9.per_person", stdout=out)
    words = " ".join(out.getvalue().split())
    assert "S8 Waves and funnel" in words and "S11" not in words
    assert "published 88.2 %, here 88.24 %, difference +0.04 points; tolerance 2 points" in words
    assert "at the end of 27 July 2020; 102 counted: everyone accepted by then" in words
    assert "published Rp3.550.000, here Rp3.550.000, difference Rp0; must be exact" in words
    assert "5 within their tolerance, 0 outside, 0 not yet measurable, 4 for information" in words
    out = StringIO()
    call_command("published", stdout=out)
    words = " ".join(out.getvalue().split())
    assert "95 % interval +/- 7.25 points" in words, "83 of 99 agree"
    assert "2 (2.22 %) the review is missing" in words
    assert words.count("Source: Survey of 2,000 participants") == 1, "what a group shares is said once"
    assert max(map(len, out.getvalue().splitlines())) <= 120
    with pytest.raises(CommandError, match=r"still to come: the programme's clock shows 2021-06-01"):
        call_command("published", as_of="2021-06-02", stdout=StringIO())
