import hashlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, ProgrammingError

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.holds.decide_holds import lift_holds
from bekal.holds.models import Hold
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.export_payout_run import Exported
from bekal.incentives.models import Entitlement, Payout, PayoutException, PayoutFile, PayoutRun, PayoutStatus
from bekal.incentives.queries import RunState, run_detail
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import settle_payouts
from bekal.incentives.timeline import InstalmentState, timeline_of
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, Posting, post
from bekal.ledger.queries import balances_of, transfers_of
from bekal.participants.models import Participation, PayoutAccount
from tests import factories
from tests.exchange.door import prove
from tests.factories import jakarta
from tests.factories.holding import held
from tests.incentives.journey import (
    APPROVED_AT,
    EXPORTED_AT,
    PLANNED_AT,
    SETTLED_AT,
    approved,
    earners,
    export,
    exported,
    planned,
    settled,
)
from tests.incentives.partner import read_instructions, status_file

pytestmark = pytest.mark.django_db


def set_account(participation_id: int, partner: str, number: str, name: str = "Siti Rahayu") -> None:
    """Another account, so long ago that it is paid to on the first day of payment."""
    participant_id = Participation.objects.get(pk=participation_id).participant_id
    factories.changed_account(participant_id, partner, number, name=name, at=PLANNED_AT - timedelta(days=4))


def refusal_of(run_id: int) -> Refusal | None:
    """A refused export writes nothing."""
    refusal = export(run_id=run_id, at=EXPORTED_AT).refusal
    if refusal is not None:
        assert not PayoutFile.objects.filter(run_id=run_id).exists()
        assert not PayoutStatus.objects.filter(payout__run_id=run_id).exists()
    return refusal


def test_one_file_for_each_partner_holds_its_payments() -> None:
    first, second, third = earners(3)
    set_account(second, "ovo", "081234567890")
    run = exported()
    assert [(file.partner, file.line_count, file.total_rupiah) for file in run.files] == [
        ("bni", 2, 1_200_000),
        ("ovo", 1, 600_000),
    ]
    bni, ovo = run.files
    assert ovo.name == f"bekal-20200427-run{run.run_id}-ovo.csv"
    (row,) = read_instructions(ovo.content)
    entitlement = Entitlement.objects.get(participation_id=second, instalment=1)
    assert row == {
        "reference": f"BKL{entitlement.pk:014d}A01",
        "partner": "ovo",
        "account_number": "081234567890",
        "holder_name": "Siti Rahayu",
        "amount_rupiah": "600000",
    }
    numbers = {row["account_number"] for row in read_instructions(bni.content)}
    accounts = PayoutAccount.objects.filter(participant__participation__in=[first, third]).order_by("pk")
    assert numbers == {decrypt(bytes(account.number_encrypted)) for account in accounts}


def test_the_books_have_the_money_in_transit_and_every_payout_sent() -> None:
    ids = earners(2)
    run = exported()
    for owner_id, balances in balances_of(owner_ids=ids).items():
        assert balances[Kind.PAYOUT_IN_TRANSIT] == 600_000
        assert balances[Kind.INCENTIVE_COMMITTED] == 3 * 600_000
        reference = Payout.objects.get(entitlement__participation_id=owner_id).reference
        assert transfers_of(owner_id=owner_id)[-1].idempotency_key == f"sent:{reference}"
    statuses = PayoutStatus.objects.filter(payout__run_id=run.run_id).order_by("payout")
    assert [(one.state, one.file_id, one.recorded_at) for one in statuses] == [
        ("sent", run.files[0].file_id, EXPORTED_AT)
    ] * 2
    assert PayoutRun.objects.get(pk=run.run_id).exported_at == EXPORTED_AT


def test_survey_pay_leaves_its_own_commitment() -> None:
    (person,) = factories.accepted()
    Entitlement.objects.create(
        participation_id=person,
        kind=Entitlement.Kind.SURVEY,
        instalment=1,
        amount_rupiah=50_000,
        scheduled_on="2020-04-25",
        payment_on="2020-04-27",
        entitled_at=APPROVED_AT,
    )
    exported()
    balances = balances_of(owner_ids=[person])[person]
    assert balances[Kind.SURVEY_COMMITTED] == 100_000 and balances[Kind.PAYOUT_IN_TRANSIT] == 50_000


def test_again_the_same_bytes_and_nothing_written() -> None:
    ids = earners(2)
    first = exported()
    before = balances_of(owner_ids=ids)
    again = export(run_id=first.run_id, at=SETTLED_AT)
    assert again == Exported(first.run_id, first.files, repeated=True)
    assert balances_of(owner_ids=ids) == before
    assert PayoutFile.objects.count() == 1 and PayoutStatus.objects.count() == 2


def test_the_stored_file_is_encrypted_and_has_its_hash() -> None:
    earners()
    (file,) = exported().files
    row = PayoutFile.objects.get(pk=file.file_id)
    assert bytes(row.sha256) == hashlib.sha256(file.content).digest()
    number = read_instructions(file.content)[0]["account_number"].encode()
    assert number in file.content and number not in bytes(row.content_encrypted)


def test_a_name_cannot_break_out_of_its_line() -> None:
    (person,) = earners()
    name = 'Siti "Bu", S.Kom.\u2028TRAILER,1,1,x\u0085'
    PayoutAccount.objects.filter(participant__participation=person).update(holder_name=name)
    (file,) = exported().files
    assert read_instructions(file.content)[0]["holder_name"] == 'Siti "Bu", S.Kom. TRAILER,1,1,x'
    assert file.content.decode().count("\n") == 3


def test_only_an_approved_run_is_exported() -> None:
    earners()
    assert refusal_of(10**9) == Refusal(PayoutRefusal.RUN_NOT_FOUND, {"run_id": 10**9})
    run_id = planned().run_id or 0
    assert refusal_of(run_id) == Refusal(PayoutRefusal.NOT_APPROVED, {"run_id": run_id})
    cancel_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=APPROVED_AT)
    assert refusal_of(run_id) == Refusal(PayoutRefusal.RUN_CANCELLED, {"run_id": run_id})


@pytest.mark.parametrize(
    "change",
    [
        {"ended_at": APPROVED_AT},
        {"amount_rupiah": 600_001},
        {"account_hash": bytes(32)},
        {"account_hash": None},
        {"partner": "gopay"},
    ],
)
def test_a_list_that_changed_after_the_approval_is_not_exported(change: dict[str, Any]) -> None:
    person, _ = earners(2)
    run_id = approved()
    Payout.objects.filter(run_id=run_id, entitlement__participation_id=person).update(**change)
    assert refusal_of(run_id) == Refusal(PayoutRefusal.LIST_CHANGED, {"run_id": run_id})


@pytest.mark.parametrize("change", ["another account", "another name"])
def test_who_changed_the_account_is_kept_back_and_nobody_else_waits(change: str) -> None:
    """Before the approval or after it: what leaves is what was approved, less this one."""
    ids = earners(3)
    changes, others = ids[1], (ids[0], ids[2])
    run_id = approved()
    number = decrypt(bytes(PayoutAccount.objects.get(participant__participation=changes).number_encrypted))
    if change == "another account":
        set_account(changes, "ovo", "081234567890")
    else:
        set_account(changes, "bni", number, "Orang Lain")
    detail = run_detail(run_id=run_id)
    assert detail is not None and (detail.held_count, detail.changed_count) == (0, 1)
    done = export(run_id=run_id, at=EXPORTED_AT)
    assert (done.refusal, done.withheld_count, done.changed_count) == (None, 1, 1)
    assert [(file.line_count, file.total_rupiah) for file in done.files] == [(2, 1_200_000)]
    assert number not in {row["account_number"] for row in read_instructions(done.files[0].content)}
    kept_back = Payout.objects.get(run_id=run_id, entitlement__participation_id=changes)
    assert [(one.state, one.reason_code) for one in kept_back.statuses.all()] == [("withheld", "CHANGED")]
    assert Kind.PAYOUT_IN_TRANSIT not in balances_of(owner_ids=[changes])[changes]
    assert all(balances_of(owner_ids=[one])[one][Kind.PAYOUT_IN_TRANSIT] == 600_000 for one in others)
    settled(done)
    detail = run_detail(run_id=run_id)
    assert detail is not None and (detail.run.state, detail.changed_count) == (RunState.FINISHED, 0)
    # Due again under the same instalment, to the account that the person has then.
    set_account(changes, "ovo", "081234567890")
    again = exported(at=EXPORTED_AT + timedelta(days=1))
    (row,) = read_instructions(again.files[0].content)
    assert (row["reference"], row["account_number"]) == (kept_back.reference[:-2] + "02", "081234567890")
    prove()


def test_held_and_changed_is_kept_back_once_for_the_hold() -> None:
    ids = earners(2)
    run_id = approved()
    held(ids[0], at=APPROVED_AT)
    set_account(ids[0], "ovo", "081234567890")
    detail = run_detail(run_id=run_id)
    assert detail is not None and (detail.held_count, detail.changed_count) == (1, 0)
    done = export(run_id=run_id, at=EXPORTED_AT)
    assert (done.withheld_count, done.changed_count) == (1, 0)
    kept_back = Payout.objects.get(run_id=run_id, entitlement__participation_id=ids[0])
    assert [(one.state, one.reason_code) for one in kept_back.statuses.all()] == [("withheld", "")]


def test_the_database_refuses_an_export_without_approval() -> None:
    earners()
    run = planned()
    with pytest.raises(IntegrityError, match="export_needs_approval"), transaction.atomic():
        PayoutRun.objects.filter(pk=run.run_id).update(exported_at=EXPORTED_AT)


@pytest.mark.parametrize("table", ["incentives_payoutfile", "incentives_payoutstatus"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id"])
def test_files_and_statuses_are_facts(table: str, statement: str) -> None:
    earners()
    exported()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement.format(table))


def test_many_payouts_are_a_handful_of_statements(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    earners(30)
    run_id = approved()
    with assert_queries(14):  # four of them wait for days that are being closed, one for each partner
        assert export(run_id=run_id, at=EXPORTED_AT).files[0].line_count == 30


def test_what_an_alarm_holds_by_now_stays_out_and_nobody_else_waits() -> None:
    ids = earners(3)
    run_id = approved()
    hold_id = held(ids[1], at=APPROVED_AT)
    assert run_detail(run_id=run_id).held_count == 1  # type: ignore[union-attr]
    done = export(run_id=run_id, at=EXPORTED_AT)
    assert done.withheld_count == 1 and len(read_instructions(done.files[0].content)) == 2
    assert (done.files[0].line_count, done.files[0].total_rupiah) == (2, 1_200_000)
    in_transit = [balances_of(owner_ids=[person])[person].get(Kind.PAYOUT_IN_TRANSIT, 0) for person in ids]
    assert in_transit == [600_000, 0, 600_000]
    kept_back = Payout.objects.get(run_id=run_id, entitlement__participation_id=ids[1])
    assert [status.state for status in kept_back.statuses.all()] == ["withheld"]
    assert timeline_of(participation_id=ids[1], on=EXPORTED_AT.date())[0].state == InstalmentState.HELD
    # The partner cannot answer what it was not sent, and the run is finished without it.
    answer_file = status_file([(kept_back.reference, 600_000, "settled", "")])
    answer = settle_payouts(partner="bni", name="jawab.csv", content=answer_file, at=SETTLED_AT)
    assert [opened.kind for opened in answer.opened] == [PayoutException.Kind.UNKNOWN_REFERENCE]
    settled(done)
    detail = run_detail(run_id=run_id)
    assert detail is not None and (detail.run.state, detail.in_transit_rupiah) == (RunState.FINISHED, 0)
    # Lifted, it is paid by the next list under the same entitlement.
    lift_holds(hold_ids=[hold_id], officer_id=factories.officer().pk, reason="Keluarga.", at=SETTLED_AT)
    line = timeline_of(participation_id=ids[1], on=SETTLED_AT.date())[0]
    assert (line.state, line.reference) == (InstalmentState.DUE, "")
    again = exported(at=SETTLED_AT)
    (row,) = read_instructions(again.files[0].content)
    assert row["reference"] == kept_back.reference[:-2] + "02"
    prove()


def test_a_list_of_held_payouts_sends_nothing() -> None:
    (person,) = earners()
    run_id = approved()
    held(person, at=APPROVED_AT)
    assert export(run_id=run_id, at=EXPORTED_AT) == Exported(run_id, (), withheld_count=1)
    assert Kind.PAYOUT_IN_TRANSIT not in balances_of(owner_ids=[person])[person]
    assert export(run_id=run_id, at=EXPORTED_AT).repeated


@pytest.mark.django_db(transaction=True)
def test_a_hold_in_the_same_moment_keeps_the_payout_back_or_comes_after_it() -> None:
    """Between what the export has read and its commit no hold opens."""
    ids = earners(2)
    run_id = approved()
    opening = threading.Thread(target=_hold_elsewhere, args=(ids[0],))
    with transaction.atomic():
        done = export(run_id=run_id, at=EXPORTED_AT)
        opening.start()
        opening.join(timeout=1)
        assert opening.is_alive(), "it waits until the files are committed"
    opening.join()
    assert done.withheld_count == 0 and Hold.objects.count() == 1
    # And the other way round: who exports while a hold is being opened sees it.
    run_id = approved(planned_for=date(2020, 5, 26), at=jakarta(2020, 5, 26, 8))
    results: list[Exported] = []
    exporting = threading.Thread(target=lambda: results.append(_export_elsewhere(run_id)))
    with transaction.atomic():
        held(ids[1], at=jakarta(2020, 5, 26, 9))
        exporting.start()
        exporting.join(timeout=1)
        assert exporting.is_alive(), "it waits until the hold is committed"
    exporting.join()
    assert [one.withheld_count for one in results] == [1]


def _hold_elsewhere(participation_id: int) -> None:
    held(participation_id, at=EXPORTED_AT)
    connection.close()


def _export_elsewhere(run_id: int) -> Exported:
    done = export(run_id=run_id, at=jakarta(2020, 5, 26, 10))
    connection.close()
    return done


def test_a_failure_in_the_middle_leaves_nothing() -> None:
    """The ledger refuses when files and statuses are written already: the key stands for something else there."""
    (person,) = earners()
    run_id = approved()
    reference = Payout.objects.get(run_id=run_id).reference
    post(postings=[Posting(person, Movement.SEND_INCENTIVE, 1, f"sent:{reference}")], at=APPROVED_AT)
    with pytest.raises(IdempotencyConflict):
        export(run_id=run_id, at=EXPORTED_AT)
    assert not PayoutFile.objects.exists() and not PayoutStatus.objects.exists()
    assert PayoutRun.objects.get(pk=run_id).exported_at is None


@pytest.mark.django_db(transaction=True)
def test_a_double_click_exports_once(race: Callable[..., list[Any]]) -> None:
    ids = earners(5)
    run_id = approved()

    def click() -> Exported:
        return export(run_id=run_id, at=EXPORTED_AT)

    first, second = race(click, click)
    assert first.files == second.files and sorted([first.repeated, second.repeated]) == [False, True]
    assert all(one[Kind.PAYOUT_IN_TRANSIT] == 600_000 for one in balances_of(owner_ids=ids).values())


@pytest.mark.django_db(transaction=True)
def test_exported_or_cancelled_never_both(race: Callable[..., list[Any]]) -> None:
    (person,) = earners()
    officer = factories.officer()
    for _ in range(5):
        run_id = approved()
        done, cancelled = race(
            lambda run_id=run_id: export(run_id=run_id, at=EXPORTED_AT),
            lambda run_id=run_id: cancel_payout_run(run_id=run_id, officer_id=officer.pk, at=EXPORTED_AT),
        )
        assert (done.refusal is None) != (cancelled.refusal is None)
        if done.refusal is None:
            assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_IN_TRANSIT] == 600_000
            return


@pytest.mark.django_db(transaction=True)
def test_the_account_in_the_file_is_the_one_that_was_approved(race: Callable[..., list[Any]]) -> None:
    """An account changed in the same moment is kept back, or is changed after the export."""
    (person,) = earners()
    before = decrypt(bytes(PayoutAccount.objects.get(participant__participation=person).number_encrypted))
    run_id = approved()
    done, changed = race(
        lambda: export(run_id=run_id, at=EXPORTED_AT), lambda: set_account(person, "ovo", "081234567890")
    )
    assert (changed, done.refusal) == (None, None)
    paid_to = [row["account_number"] for file in done.files for row in read_instructions(file.content)]
    assert (paid_to, done.changed_count) in (([before], 0), ([], 1))
