"""The checker finds what it must find: each planted damage, done as the owner with the guards taken down, is named."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connections, transaction

from bekal.ledger.digests import close_digest
from bekal.ledger.movements import Kind
from bekal.ledger.proof_results import latest_proof_result
from bekal.participants.models import Participation
from bekal.proofs.check import Proof, prove_ledger
from bekal.proofs.snapshot import read_instant
from tests import factories

EVERYWHERE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
LATER = factories.ACCEPTED_AT + timedelta(days=3)
# What an intruder with the owner's rights would have to do first.
UNGUARD = (
    "ALTER TABLE ledger_transfer DISABLE TRIGGER ledger_transfer_append_only",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_allowed_movement",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_amount_in_bounds",
    "ALTER TABLE ledger_trainingbalance DROP CONSTRAINT ledger_trainingbalance_within_grant",
    "DROP INDEX incentives_payout_one_live_attempt",
)
TRANSFER = (
    "INSERT INTO ledger_transfer"
    " (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at) "
)
PAYOUT = (
    "INSERT INTO incentives_payout"
    " (entitlement_id, run_id, account_id, partner, masked_account, attempt, amount_rupiah, reference) "
)
# Each damage: (what is done to the first participation's money, which invariant must name it).
DAMAGES = {
    "an amount of zero": ("UPDATE ledger_transfer SET amount_rupiah = 0 WHERE owner_id = %(who)s AND reason = 2", "I1"),
    "money paid to its own kind": (
        "UPDATE ledger_transfer SET credit_kind = debit_kind WHERE owner_id = %(who)s AND reason = 2",
        "I1",
    ),
    "a purchase above the balance": (
        "UPDATE ledger_transfer SET amount_rupiah = 1000001 WHERE owner_id = %(who)s AND reason = 2",
        "I2",
    ),
    "a stored balance that drifted": (
        "UPDATE ledger_trainingbalance SET remaining_rupiah = remaining_rupiah + 1 WHERE owner_id = %(who)s",
        "I2",
    ),
    "a stored balance that was lost": ("DELETE FROM ledger_trainingbalance WHERE owner_id = %(who)s", "I2"),
    "more settled to the institution than was bought": (
        TRANSFER + "VALUES (%(who)s, 3, 4, 3, 300001, 'completion:1', %(later)s)",
        "I3",
    ),
    "an acceptance without its envelope": ("DELETE FROM ledger_transfer WHERE owner_id = %(who)s", "I3"),
    "half an envelope": ("DELETE FROM ledger_transfer WHERE owner_id = %(who)s AND credit_kind = 6", "I3"),
    "an envelope for nobody": (TRANSFER + "VALUES (999999, 1, 5, 1, 600000, 'commit:incentive', %(later)s)", "I3"),
    "two live payouts of one instalment": (
        PAYOUT + "SELECT entitlement_id, run_id, account_id, partner, masked_account, attempt + 1, amount_rupiah,"
        " reference || 'X' FROM incentives_payout LIMIT 1",
        "I4",
    ),
    "an instalment settled in another amount": (
        TRANSFER + "SELECT %(who)s, 5, 7, 4, 1, 'sent:' || reference, %(later)s::timestamptz FROM incentives_payout"
        " UNION ALL SELECT %(who)s, 7, 8, 5, 1, 'settled:' || reference, %(later)s FROM incentives_payout",
        "I5",
    ),
    "cash that was never earned": (
        TRANSFER + "VALUES (%(who)s, 5, 7, 4, 1200000, 'sent:x', %(later)s),"
        " (%(who)s, 7, 8, 5, 1200000, 'settled:x', %(later)s)",
        "I4",
    ),
    "more instalments than the rules give": (
        "INSERT INTO incentives_entitlement"
        " (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)"
        " SELECT %(who)s, 'incentive', n, 600000, '2020-05-25', '2020-05-26', %(later)s FROM generate_series(2, 5) n",
        "I4",
    ),
    "an instalment left out": ("UPDATE incentives_entitlement SET instalment = 3", "I4"),
    "a survey paid without its response": (
        "WITH another AS (INSERT INTO engagement_surveyresponse"
        " (participation_id, survey_number, channel, answered_at, answers)"
        " VALUES (%(who)s, 2, 'dashboard', %(later)s, '{}'))"
        " INSERT INTO incentives_entitlement"
        " (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)"
        " VALUES (%(who)s, 'survey', 1, 50000, '2020-05-25', '2020-05-26', %(later)s)",
        "I4",
    ),
    "a fourth survey, paid out of the three": (
        "WITH answered AS (INSERT INTO engagement_surveyresponse"
        " (participation_id, survey_number, channel, answered_at, answers)"
        " SELECT %(who)s, n, 'dashboard', %(later)s, '{}' FROM generate_series(1, 4) n RETURNING survey_number)"
        " INSERT INTO incentives_entitlement"
        " (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)"
        " SELECT %(who)s, 'survey', survey_number, CASE survey_number WHEN 4 THEN 1 ELSE 49999 END,"
        " '2020-05-25', '2020-05-26', %(later)s FROM answered",
        "I4",
    ),
    "a training balance turned into cash": (TRANSFER + "VALUES (%(who)s, 2, 7, 4, 100, 'cash', %(later)s)", "I9"),
}


@pytest.fixture
def participations(transactional_db: None) -> tuple[int, ...]:
    """Two people with their envelopes; the first has bought, has learned what is free, and so has earned one instalment
    with a planned payout."""
    owners = factories.accepted(2)
    factories.bought(owners[0], factories.training(price_rupiah=300_000))
    factories.reconciled(owners[0], factories.training(price_rupiah=0))
    officer = factories.officer("petugas-bukti")
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO incentives_entitlement"
            " (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)"
            " VALUES (%s, 'incentive', 1, 600000, '2020-05-25', '2020-05-26', %s) RETURNING id",
            [owners[0], factories.RECONCILED_AT],
        )
        entitlement = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO incentives_payoutrun"
            " (planned_for, payout_count, total_rupiah, list_sha256, planned_by_id, planned_at)"
            " VALUES ('2020-05-25', 1, 600000, %s, %s, %s) RETURNING id",
            [b"x" * 32, officer.pk, factories.RECONCILED_AT],
        )
        run = cursor.fetchone()[0]
        cursor.execute(
            PAYOUT + "SELECT %s, %s, id, partner, masked, 1, 600000, 'R1' FROM participants_payoutaccount"
            " ORDER BY id LIMIT 1",
            [entitlement, run],
        )
    return owners


@pytest.fixture
def unguarded(participations: tuple[int, ...]) -> Iterator[None]:
    with transaction.atomic(using="owner"):
        with connections["owner"].cursor() as cursor:
            for statement in UNGUARD:
                cursor.execute(statement)
        yield
        transaction.set_rollback(True, using="owner")


def _broken(proof: Proof) -> set[str]:
    return {violation.invariant.name for violation in proof.violations}


@EVERYWHERE
def test_an_honest_ledger_is_proved_and_the_proof_says_how_much_it_saw(participations: tuple[int, ...]) -> None:
    proof = prove_ledger(connections["proof"])
    assert proof.violations == ()
    assert (proof.transfer_count, proof.participation_count, proof.payout_count) == (7, 2, 1)
    assert proof.total_in_rupiah == 2 * 3_550_000


@EVERYWHERE
@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found(damage: str, participations: tuple[int, ...], unguarded: None) -> None:
    statement, invariant = DAMAGES[damage]
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, {"who": participations[0], "later": LATER})
        assert cursor.rowcount >= 1
    assert invariant in _broken(prove_ledger(connections["owner"]))


@EVERYWHERE
def test_guards_that_were_taken_down_are_found(participations: tuple[int, ...], unguarded: None) -> None:
    proof = prove_ledger(connections["owner"])
    assert _broken(proof) == {"I9", "I10"}
    assert {row["name"] for each in proof.violations for row in each.rows} == {
        "incentives_payout_one_live_attempt",
        "ledger_trainingbalance_within_grant",
        "ledger_transfer_allowed_movement",
        "ledger_transfer_amount_in_bounds",
        "ledger_transfer_append_only",
    }


@EVERYWHERE
def test_a_past_instant_sees_only_what_had_happened(participations: tuple[int, ...]) -> None:
    before = prove_ledger(connections["proof"], as_of=factories.ACCEPTED_AT - timedelta(seconds=1))
    assert (before.transfer_count, before.violations) == (0, ())
    with pytest.raises(ValueError, match="aware"):
        prove_ledger(connections["proof"], as_of=datetime(2020, 4, 11))  # noqa: DTZ001


@EVERYWHERE
def test_the_proof_role_reads_money_but_neither_writes_nor_reads_people() -> None:
    for statement in (
        "INSERT INTO ledger_transfer VALUES (1)",
        "UPDATE ledger_trainingbalance SET remaining_rupiah = 0",
        "SELECT full_name FROM participants_participant",
        "SELECT password FROM accounts_user",
        "SELECT body_encrypted FROM messaging_outboxmessage",
    ):
        with connections["proof"].cursor() as cursor:
            # Read-only is the default of the role; what counts is that its rights forbid writing, too.
            cursor.execute("SET default_transaction_read_only = off")
            with pytest.raises(ProgrammingError, match="permission denied"):
                cursor.execute(statement)


@EVERYWHERE
def test_the_command_prints_what_holds_and_fails_on_what_does_not(participations: tuple[int, ...]) -> None:
    out = StringIO()
    call_command("prove", "ledger", stdout=out)
    assert "7 transfers, 2 participations, 1 payouts, Rp7.100.000 committed" in out.getvalue()
    assert "BROKEN" not in out.getvalue()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_trainingbalance SET remaining_rupiah = 1 WHERE owner_id = %s", [participations[0]]
        )
    out = StringIO()
    with pytest.raises(CommandError, match="do not hold") as failure:
        call_command("prove", "ledger", stdout=out)
    assert failure.value.returncode == 1
    assert f"owner_id={participations[0]}, remaining_rupiah=1" in out.getvalue()


@EVERYWHERE
def test_the_command_keeps_what_it_found_unless_told_otherwise(participations: tuple[int, ...]) -> None:
    call_command("prove", "ledger", "--no-record", stdout=StringIO())
    call_command("prove", "ledger", as_of="2020-07-27", stdout=StringIO())
    assert latest_proof_result() is None
    call_command("prove", "ledger", stdout=StringIO())
    found = latest_proof_result()
    assert found is not None
    assert (found.transfer_count, found.participation_count, found.violation_count) == (7, 2, 0)
    assert {total.kind: total.rupiah for total in found.kind_totals} == {
        Kind.TREASURY: -7_100_000,
        Kind.TRAINING_BALANCE: 1_700_000,
        Kind.ESCROW: 300_000,
        Kind.INCENTIVE_COMMITTED: 4_800_000,
        Kind.SURVEY_COMMITTED: 300_000,
    }


@EVERYWHERE
def test_a_noted_head_is_looked_up_in_the_chain(participations: tuple[int, ...]) -> None:
    link = close_digest(at=LATER)
    assert link is not None
    out = StringIO()
    call_command("prove", "ledger", head=link.sha256.hex(), stdout=out)
    assert f"noted head {link.sha256.hex()}: is in the chain" in out.getvalue()
    assert "1 links over 7 transfers, 0 not covered yet" in out.getvalue()
    with pytest.raises(CommandError, match="not everything holds"):
        call_command("prove", "ledger", head="00" * 32, stdout=StringIO())
    for text in ("beef", "Z" * 64, ""):
        with pytest.raises(CommandError, match="64 digits"):
            call_command("prove", "ledger", head=text, stdout=StringIO())


@EVERYWHERE
def test_what_is_open_is_listed_with_owner_and_age(participations: tuple[int, ...]) -> None:
    proof = prove_ledger(connections["proof"])
    assert [(each.kind, each.owner, each.count, each.rupiah) for each in proof.open_items] == [
        ("payout_waiting_for_approval", "officer", 1, 600_000),
        ("escrow_to_be_redeemed", "participant", 1, 300_000),
        ("place_to_be_revoked", "officer", 1, 3_550_000),
    ]
    assert [each.age for each in proof.open_items] == [208, 212, 182]
    assert {each.owner_label for each in proof.open_items} == {"manajemen pelaksana", "peserta"}
    out = StringIO()
    call_command("prove", "ledger", stdout=out)
    assert "open: escrow_to_be_redeemed, participant: 1, Rp300.000, oldest 212 days" in out.getvalue()


@EVERYWHERE
def test_amounts_beyond_four_bytes_are_added_up_exactly(participations: tuple[int, ...]) -> None:
    opening = {"opened_at": LATER, "opened_rupiah": 3_000_000_000_000}
    Participation.objects.filter(pk=participations[1]).update(**opening)
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_transfer DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM ledger_transfer WHERE owner_id = %s", [participations[1]])
        cursor.execute(
            TRANSFER + "SELECT %s, 1, kind, 9, 1000000000000, 'open:' || kind, %s FROM unnest(ARRAY[2, 5, 6]) kind",
            [participations[1], LATER],
        )
        cursor.execute(
            "UPDATE ledger_trainingbalance SET granted_rupiah = 1000000000000, remaining_rupiah = 1000000000000"
            " WHERE owner_id = %s",
            [participations[1]],
        )
        proof = prove_ledger(connections["owner"])
        transaction.set_rollback(True, using="owner")
    assert _broken(proof) == {"I10"}  # the trigger that was taken down
    assert proof.total_in_rupiah == 3_550_000 + 3_000_000_000_000


@EVERYWHERE
@pytest.mark.parametrize("text", ["yesterday", "2020-13-01", "2020-07-27T25:00", "", "\u0662\u0660\u0662\u0660"])
def test_an_instant_that_is_none_is_refused_with_the_form_to_use(text: str) -> None:
    with pytest.raises(CommandError, match="2020-07-27T09:00"):
        call_command("prove", "ledger", f"--as-of={text}", stdout=StringIO())


@EVERYWHERE
@pytest.mark.parametrize("text", ["2020-07-27", "2020-07-27T09:00", "2020-07-27T09:00+07:00", "2020-07-27T02:00Z"])
def test_an_empty_ledger_says_that_it_is_empty(text: str) -> None:
    out = StringIO()
    call_command("prove", "ledger", as_of=text, stdout=out)
    assert "invariants of what has no past" in out.getvalue()
    assert "an empty ledger" in out.getvalue()


def test_the_end_of_a_day_is_jakartas() -> None:
    assert read_instant("2020-07-27") == datetime(2020, 7, 27, 16, 59, 59, 999999, tzinfo=UTC)
    assert read_instant("2020-07-27T09:00") == datetime(2020, 7, 27, 2, tzinfo=UTC)
