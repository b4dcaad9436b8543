"""Every rupiah can be followed: each movement has a page with its key in words, its cause, its rules, their source."""

import re
from datetime import date, datetime, timedelta

import pytest
from django.test import Client

from bekal.accounts.models import User
from bekal.console.trace import CAUSES, KEYS, key_words, trace_of
from bekal.console.trace_rules import LABELS, parameters, rules_in_force, value_text
from bekal.core.rules import RULES
from bekal.incentives.models import Payout
from bekal.ledger.models import DigestLink
from bekal.ledger.movements import Kind, Movement, Reason
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import TransferLine, transfer_under, transfers_of
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.mass_runs import plan_mass_run, work
from bekal.lifecycle.models import Clawback, MassChunk, MassRun, Repayment
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.factories import jakarta
from tests.incentives import journey

AT = jakarta(2020, 5, 20)
# What a participation explains by itself, without a purchase, a payout or a decision.
BY_PLACE = {
    Reason.ACCEPTANCE,
    Reason.OPENING,
    Reason.REVOCATION,
    Reason.END_OF_BALANCE,
    Reason.YEAR_CLOSING,
}


@pytest.fixture
def auditor(client: Client, db: None) -> Client:
    client.force_login(factories.auditor())
    return client


@pytest.fixture
def paid(db: None) -> int:
    """Somebody with a proven training and the first instalment in the account."""
    (person,) = journey.earners()
    journey.settled(journey.exported())
    return person


def place(owner_id: int) -> Participation:
    return Participation.objects.select_related("participant", "wave").get(pk=owner_id)


def under(owner_id: int, key: str) -> TransferLine:
    found = transfer_under(owner_id=owner_id, idempotency_key=key)
    assert found is not None, key
    return found


def test_every_reason_has_a_trace() -> None:
    assert set(CAUSES) == set(Reason)


@pytest.mark.parametrize("movement", list(Movement), ids=lambda each: each.name)
def test_every_movement_has_rules_with_a_source(movement: Movement) -> None:
    line = TransferLine(1, movement.reason, movement.debit_kind, movement.credit_kind, 1, "x:1", AT)
    names = parameters(line)
    rules = rules_in_force(names, accepted_on=AT.date(), event_on=AT.date())
    assert len(rules) == len(names) >= 1
    for rule in rules:
        assert len(rule.source) > 30 and rule.file.endswith(".yaml") and rule.value and rule.label
        assert rule.since_on <= rule.asked_on


def test_every_value_of_these_rules_can_be_written() -> None:
    for name in LABELS:
        for cited in RULES.history(name):
            assert value_text(cited)


def test_the_keys_of_the_verbs_are_explained(paid: int) -> None:
    for line in transfers_of(owner_id=paid):
        assert line.idempotency_key.partition(":")[0] in KEYS
        assert "proses program ini" not in key_words(line.idempotency_key)
    assert "proses program ini" in key_words("besok") and "proses program ini" in key_words("besok:1")


def test_a_purchase_is_traced_to_the_training_its_price_and_its_evidence(paid: int) -> None:
    bought = next(line for line in transfers_of(owner_id=paid) if line.reason == Reason.PURCHASE)
    trace = trace_of(place(paid), bought)
    purchase = trace.causes[0]
    steps = [step.what for step in purchase.steps]
    assert [step.at for step in purchase.steps] == sorted(step.at for step in purchase.steps)
    assert {
        "dibeli dengan kode sekali pakai",
        "kode ditukarkan",
        "kehadiran, sesi 1",
        "bukti kedua pihak cocok",
    } <= set(steps)
    assert {rule.parameter for rule in trace.rules} == {"first_purchase_days", "balance_end_month_day"}
    assert {rule.value for rule in trace.rules} == {"30 hari", "15 Desember"}
    assert "Rp300.000" in {fact.value for fact in purchase.facts}


def test_an_early_ending_is_traced_to_the_sessions_and_the_settlement_to_its_hold(db: None) -> None:
    (person,) = factories.accepted()
    training = factories.training(price_rupiah=300_000, session_count=3)
    purchase_id = factories.redeemed(person, training)
    attendance = Attendance(training.institution_id, purchase_id, 1)
    assert record_attendance(attendances=[attendance], at=jakarta(2020, 4, 24))[0].refusal is None
    end_purchases(purchase_ids=[purchase_id], at=jakarta(2020, 5, 4))
    settle_institutions(purchase_ids=[purchase_id], at=AT)
    refunded = trace_of(place(person), under(person, f"refund:{training.pk}"))
    values = {str(fact.label): fact.value for fact in refunded.causes[0].facts}
    assert (values["Dikembalikan"], values["Hak lembaga"]) == ("Rp200.000", "Rp100.000")
    assert "kehadiran, sesi 1" in {step.what for step in refunded.causes[0].steps}
    settled = trace_of(place(person), under(person, f"institution:{training.pk}"))
    hold = settled.rules[0]
    assert (hold.parameter, hold.value, hold.asked_on) == ("settlement_hold_days", "7 hari", date(2020, 5, 4))
    values = {str(fact.label): fact.value for fact in settled.causes[0].facts}
    assert (values["Dibayar bersamanya"], values["Pembelian yang dibayar bersamanya"]) == ("Rp100.000", "1")
    assert f"/console/ledger/institutions/{training.institution_id}/" in {f.address for f in settled.causes[0].facts}


def test_a_payout_is_traced_to_its_run_officers_files_and_answers(paid: int) -> None:
    payout = Payout.objects.get(entitlement__participation_id=paid)
    trace = trace_of(place(paid), under(paid, f"settled:{payout.reference}"))
    earned, sent = trace.causes[0], trace.causes[1]
    assert earned.paid_kind == "incentive" and earned.event_on == date(2020, 4, 1)
    values = {fact.value for fact in sent.facts}
    assert {payout.reference, f"BNI {payout.masked_account}", str(payout.run_id)} <= values
    assert [fact.address for fact in sent.facts if fact.address] == [f"/console/payout-runs/{payout.run_id}/"]
    officers = set(User.objects.filter(role="officer").values_list("display_name", flat=True).order_by("pk"))
    details = " ".join(step.detail for step in sent.steps)
    assert all(officer in details for officer in officers) and len(officers) == 2
    assert len(re.findall("SHA-256 [0-9a-f]{64}", details)) == 2  # the file that was sent, the file that came back
    assert [rule.parameter for rule in trace.rules] == [
        "incentive_rupiah",
        "instalment_count",
        "scheduled_day_of_month",
        "front_loading",
    ]
    assert [rule.value for rule in trace.rules] == ["Rp600.000", "4", "tanggal 25", "tidak"]


def test_a_rule_of_the_event_follows_the_event_and_one_of_acceptance_stays() -> None:
    line = TransferLine(1, Reason.PAYOUT_SENT, Kind.INCENTIVE_COMMITTED, Kind.PAYOUT_IN_TRANSIT, 1, "sent:A", AT)
    names = parameters(line, "incentive")
    first, instalments, _, loading = rules_in_force(names, accepted_on=AT.date(), event_on=date(2023, 2, 1))
    assert (first.since_on.year, first.is_kept) == (2020, True)
    assert instalments.value == "4"  # who is accepted in 2023 has one
    assert (loading.value, loading.since_on.year, loading.is_kept) == ("ya", 2021, False)


def test_revocation_and_end_of_balance_are_traced_to_the_run_over_many(db: None) -> None:
    loser, keeper = factories.accepted(2)
    factories.bought(keeper, factories.training())
    on = jakarta(2020, 5, 22)
    revoke(at=on)
    ended = jakarta(2020, 12, 17)
    end_balances(at=ended)
    for operation, at, owner, key in (
        ("revoke", on, loser, "revoke:training"),
        ("end_balances", ended, keeper, "end:training"),
    ):
        run = mass_run(operation, at, [owner, 10**9])
        mass_run(operation, at + timedelta(seconds=1), [owner])  # another instant: not this transfer's
        mass_run(operation, at, [10**9])  # another's list
        titles = [cause.title for cause in trace_of(place(owner), under(owner, key)).causes]
        assert titles == ["Pekerjaan massal", "Kepesertaan"]
        first = trace_of(place(owner), under(owner, key)).causes[0]
        assert first.facts[0].value == str(run.pk)
        assert [step.what for step in first.steps] == ["direncanakan", "disetujui orang kedua", "selesai dijalankan"]


def test_who_was_accepted_late_is_traced_to_the_run_by_the_part_that_did_it(db: None) -> None:
    """People are accepted when their part is worked, and not at the instant of the plan."""
    (person,) = factories.participants()
    wave, planned_at = factories.wave(), factories.ACCEPTED_AT
    plan_mass_run(operation="accept_wave", planned_by_id=None, at=planned_at, parameters={"wave_id": wave.pk})
    late = planned_at + timedelta(days=3)
    assert work(at=late).subject_count == 1
    accepted = Participation.objects.get(participant_id=person)
    assert accepted.accepted_at == late
    titles = [each.title for each in trace_of(accepted, under(accepted.pk, "commit:training")).causes]
    assert titles == ["Pekerjaan massal", "Kepesertaan"]


def mass_run(operation: str, at: datetime, subject_ids: list[int]) -> MassRun:
    """A finished run, as the worker leaves it."""
    run = MassRun.objects.create(
        operation=operation,
        at=at,
        subject_count=len(subject_ids),
        total_rupiah=1,
        list_sha256=bytes(32),
        planned_by=factories.officer(),
        planned_at=at,
        approved_by=factories.officer(),
        approved_at=at,
        approved_sha256=bytes(32),
        finished_at=at,
    )
    amounts = {"amounts_rupiah": [0] * len(subject_ids), "subject_count": len(subject_ids), "total_rupiah": 0}
    MassChunk.objects.create(run=run, number=1, subject_ids=subject_ids, done_at=at, done_count=1, **amounts)
    return run


def test_a_clawback_its_repayment_and_its_withdrawal_are_traced_to_the_decision(paid: int) -> None:
    decided, approved = factories.officer(), factories.officer()
    clawback = Clawback.objects.create(
        participation_id=paid,
        cause=Clawback.Cause.FALSE_EVIDENCE,
        explanation="Sertifikat palsu.",
        incentive_rupiah=600_000,
        training_rupiah=0,
        decided_by=decided,
        decided_at=AT,
        approved_by=approved,
        approved_at=AT,
        due_on=AT.date() + timedelta(days=60),
    )
    repayment = Repayment.objects.create(
        clawback=clawback,
        reference="NTPN-1",
        incentive_rupiah=100_000,
        training_rupiah=0,
        received_on=AT.date(),
        recorded_by=decided,
        recorded_at=AT,
    )
    taken = f"clawback:{clawback.pk}:incentive"
    paid_back = f"repayment:{repayment.pk}:incentive"
    withdrawn = f"withdrawal:{clawback.pk}:incentive"
    for movement, amount, key in (
        (Movement.CLAW_BACK_INCENTIVE, 600_000, taken),
        (Movement.REPAY_INCENTIVE, 100_000, paid_back),
        (Movement.WITHDRAW_INCENTIVE, 500_000, withdrawn),
    ):
        post(postings=[Posting(paid, movement, amount, key)], at=AT)
    for key in (taken, withdrawn):
        titles = [each.title for each in trace_of(place(paid), under(paid, key)).causes]
        assert titles == ["Penagihan kembali", "Kepesertaan"]
    said = trace_of(place(paid), under(paid, paid_back))
    assert [cause.title for cause in said.causes] == ["Pengembalian", "Penagihan kembali", "Kepesertaan"]
    values = {fact.value for cause in said.causes for fact in cause.facts}
    assert {"NTPN-1", "Sertifikat palsu.", "Rp100.000"} <= values
    assert [(rule.parameter, rule.value) for rule in said.rules] == [("clawback_days", "60 hari")]


def test_whatever_stands_in_the_ledger_can_be_opened_even_where_its_cause_was_lost(paid: int, auditor: Client) -> None:
    """One transfer for each movement, under keys nobody made."""
    granting = {Movement.COMMIT_TRAINING, Movement.OPEN_TRAINING}  # a balance is granted once
    lost = [Posting(paid, movement, 1, f"lost:{movement.name}") for movement in Movement if movement not in granting]
    post(postings=lost, at=AT)
    lines = [line for line in transfers_of(owner_id=paid) if line.idempotency_key.startswith("lost:")]
    assert len(lines) == len(Movement) - 2
    assert {line.reason for line in lines} == set(Reason)
    for line in lines:
        page = auditor.get(f"/console/ledger/people/{paid}/{line.id}/").content.decode()
        assert "Aturan yang berlaku" in page and "Sumber:" in page and ".yaml" in page, line
        assert ("tercatat untuk transfer ini" in page) == (line.reason not in BY_PLACE), line


def test_only_the_owners_own_transfer_is_under_the_owner(paid: int, auditor: Client) -> None:
    (other,) = factories.accepted()
    line = transfers_of(owner_id=paid)[0]
    assert auditor.get(f"/console/ledger/people/{paid}/{line.id}/").status_code == 200
    for path in (f"{other}/{line.id}", f"{paid}/{10**30}", f"{10**30}/{line.id}", f"{paid}/0"):
        assert auditor.get(f"/console/ledger/people/{path}/").status_code == 404


def test_what_leads_on_from_a_transfer_is_of_the_same_instant(paid: int, auditor: Client) -> None:
    bought = next(line for line in transfers_of(owner_id=paid) if line.reason == Reason.PURCHASE)
    address = f"/console/ledger/people/{paid}/{bought.id}/"
    institution = Purchase.objects.select_related("training").get(participation=paid).training.institution_id
    for query in ("", "?as_of=2020-05-01"):
        html = auditor.get(address + query).content.decode()
        for behind in (
            "/console/ledger/",
            f"/console/ledger/people/{paid}/",
            "/console/ledger/kinds/2/",
            "/console/ledger/kinds/3/",
            "/console/ledger/movements/2-2-3/",
            f"/console/ledger/institutions/{institution}/",
        ):
            assert f'<a href="{behind}{query}">' in html
        for page in (f"/console/ledger/people/{paid}/", "/console/ledger/movements/2-2-3/?day=2020-04-21"):
            path, _, day = page.partition("?")
            before = auditor.get(
                path, ({"day": "2020-04-21"} if day else {}) | ({"as_of": "2020-05-01"} if query else {})
            )
            assert f'href="{address}{query}"' in before.content.decode()
    assert "“kemarin” bukan tanggal" in auditor.get(address + "?as_of=kemarin").content.decode()
    payout = Payout.objects.get(entitlement__participation_id=paid)
    sent = under(paid, f"sent:{payout.reference}").id
    html = auditor.get(f"/console/ledger/people/{paid}/{sent}/?as_of=2020-05-01").content.decode()
    assert f'href="/console/payout-runs/{payout.run_id}/"' in html, "a page without a past is asked for none"


def test_a_transfer_leads_on_and_says_which_link_of_the_chain_covers_it(paid: int, auditor: Client) -> None:
    transfer = transfers_of(owner_id=paid)[-1]
    address = f"/console/ledger/people/{paid}/{transfer.id}/"
    html = auditor.get(address).content.decode()
    for behind in ("/console/ledger/kinds/7/", "/console/ledger/kinds/8/", "/console/ledger/movements/5-7-8/"):
        assert f'href="{behind}"' in html and auditor.get(behind).status_code == 200
    assert "Belum tercakup mata rantai sidik jari" in html
    for number, (after_id, until_id) in enumerate([(0, transfer.id - 1), (transfer.id - 1, transfer.id)], start=1):
        DigestLink.objects.create(
            number=number,
            after_id=after_id,
            until_id=until_id,
            transfer_count=1,
            total_rupiah=1,
            bucket_digests=b"",
            previous_sha256=b"",
            sha256=bytes([number]) * 32,
            closed_at=AT,
        )
    html = auditor.get(address).content.decode()
    assert "Tercakup mata rantai sidik jari 2" in html and "02" * 32 in html
