"""The same steps through the programme's verbs: every method answers with "done", "repeated" or a refusal's code."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import connection

from bekal.catalogue.stop_settlement import resume_settlement, stop_settlement
from bekal.core.refusal import Refusal
from bekal.engagement.answer_surveys import NewResponse, answer_surveys
from bekal.engagement.questionnaires import SURVEYS
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.entitle import entitle
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.reverse_payouts import ask_to_reverse_payouts, reverse_payouts
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.lifecycle.claw_back import agree_to_withdrawal, approve_clawback, decide_clawback, withdraw_clawback
from bekal.lifecycle.clawbacks import clawback_detail
from bekal.lifecycle.close_year import close_year
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.record_repayment import record_repayment
from bekal.lifecycle.revoke import revoke
from bekal.messaging.issue_codes import IssuedCode
from bekal.participants.accept import accept
from bekal.participants.models import Participation
from bekal.proofs.model.days import Terms
from bekal.proofs.model.memory import DONE, REPEATED, Move
from bekal.proofs.model.world import PARTNER, World
from bekal.purchases.buy import Order, buy
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.end_purchases import ending_preview as purchase_ending_preview
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.request_purchase import Intent, request_purchases
from bekal.purchases.settle_institutions import settle_institutions
from bekal.purchases.write_review import NewReview, write_review

NOBODY = 0
REASON_CODE, REVERSAL_CODE = "AC04", "SALAH1"
EXPLANATION = "Syaratnya tidak dipenuhi."
Key = tuple[int, str, int]
TRANSFERS_SQL = """
SELECT owner_id, reason, debit_kind, credit_kind, amount_rupiah, posted_at, id FROM ledger_transfer
WHERE owner_id = ANY(%s) ORDER BY id
"""
STORED_SQL = "SELECT owner_id, remaining_rupiah FROM ledger_trainingbalance WHERE owner_id = ANY(%s)"
LINES_SQL = """
SELECT entitlement.participation_id, entitlement.kind, entitlement.instalment, payout.reference, payout.amount_rupiah
FROM incentives_payout payout JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
WHERE payout.run_id = %s
"""
ENTITLEMENTS_SQL = """
SELECT participation_id, kind, instalment, amount_rupiah, payment_on FROM incentives_entitlement
WHERE participation_id = ANY(%s)
"""


def said(refusal: Refusal | None, *, repeated: bool = False) -> str:
    return str(refusal.code) if refusal else REPEATED if repeated else DONE


class House:
    """What the verbs gave out: numbers of places and purchases, codes, runs and their references."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places: dict[int, int] = {}
        self.purchases: dict[tuple[int, int], int] = {}
        self.redeem_codes: dict[tuple[int, int], str] = {}
        self.runs: list[int] = []
        self.clawbacks: list[int] = []
        self.references: list[dict[Key, tuple[str, int]]] = []

    # Acceptance and purchases

    def accept(self, person: int, at: datetime) -> str:
        participant = self.world.participants[person]
        (outcome,) = accept(wave_id=self.world.wave, participant_ids=[participant], at=at)
        if outcome.participation_id is not None:
            self.places[person] = outcome.participation_id
        return said(outcome.refusal)

    def take_over(self, person: int, terms: Terms, left_rupiah: int, at: datetime) -> str:
        """As the exchange writes somebody who was paid one instalment elsewhere."""
        incentives = (terms.incentive_count - 1) * terms.incentive_rupiah
        surveys = terms.survey_count * terms.survey_rupiah
        place = Participation.objects.create(
            participant_id=self.world.participants[person],
            wave_id=self.world.other_wave,
            accepted_at=at,
            accepted_on=terms.accepted_on,
            first_purchase_due_on=terms.due_on,
            balance_ends_on=terms.ends_on,
            opened_at=at,
            opened_rupiah=left_rupiah + incentives + surveys,
            incentives_paid_before_count=1,
        )
        self.places[person] = place.pk
        given = ((Movement.OPEN_TRAINING, left_rupiah), (Movement.OPEN_INCENTIVE, incentives))
        openings = [
            Posting(place.pk, movement, rupiah, f"open:{movement.credit_kind}")
            for movement, rupiah in (*given, (Movement.OPEN_SURVEY, surveys))
            if rupiah
        ]
        post(postings=openings, at=at)
        return DONE

    def request(self, person: int, training: int, at: datetime) -> tuple[str, str]:
        """The answer, and the code that the person reads."""
        intent = Intent(self.places.get(person, NOBODY), self.world.trainings[training])
        (issued,) = request_purchases(intents=[intent], at=at)
        return (DONE, issued.code) if isinstance(issued, IssuedCode) else (said(issued), "")

    def buy(self, person: int, training: int, price_rupiah: int, code: str, at: datetime) -> str:
        order = Order(self.places.get(person, NOBODY), self.world.trainings[training], price_rupiah, code)
        (outcome,) = buy(orders=[order], at=at)
        if outcome.purchase_id is not None:
            self.purchases[person, training] = outcome.purchase_id
            self.redeem_codes[person, training] = outcome.redeem_code or ""
        return said(outcome.refusal, repeated=outcome.repeated)

    def spend_directly(self, person: int, rupiah: int, key: str, at: datetime) -> str:
        """Past every verb, straight into the ledger."""
        posting = Posting(self.places[person], Movement.PURCHASE, rupiah, key)
        posted = post(postings=[posting], at=at)
        return DONE if posted.posted else REPEATED if posted.repeated else "refused"

    # What is proven

    def reconcile(self, at: datetime) -> int:
        return len(reconcile(at=at).purchase_ids)

    def redeem(self, person: int, training: int, institution: int, at: datetime) -> str:
        code = self.redeem_codes.get((person, training), "2" * 16)
        (outcome,) = redeem(redemptions=[Redemption(self.world.institutions[institution], code)], at=at)
        return said(outcome.refusal)

    def attend(self, person: int, training: int, institution: int, session: int, at: datetime) -> str:
        purchase = self.purchases.get((person, training), NOBODY)
        attendance = Attendance(self.world.institutions[institution], purchase, session)
        (outcome,) = record_attendance(attendances=[attendance], at=at)
        return said(outcome.refusal, repeated=outcome.repeated)

    def complete(self, person: int, training: int, institution: int, at: datetime) -> str:
        purchase = self.purchases.get((person, training), NOBODY)
        (outcome,) = record_completion(completions=[Completion(self.world.institutions[institution], purchase)], at=at)
        return said(outcome.refusal, repeated=outcome.repeated)

    def review(self, person: int, training: int, rating: int, text: str, at: datetime) -> str:
        purchase = self.purchases.get((person, training), NOBODY)
        review = NewReview(self.places.get(person, NOBODY), purchase, rating, text)
        (outcome,) = write_review(reviews=[review], at=at)
        return said(outcome.refusal, repeated=outcome.repeated)

    def answers_to(self, number: int, *, has_completed: bool) -> dict[str, str | list[str]]:
        """The first option of everything that is asked."""
        answers: dict[str, str | list[str]] = {}
        for question in SURVEYS[number].questions if number in SURVEYS else ():
            if question.is_asked(answers, has_completed=has_completed):
                option = next(iter(question.options))
                answers[question.code] = option if question.kind == "single" else [option]
        return answers

    def answer(self, person: int, number: int, answers: Mapping[str, Any], at: datetime) -> str:
        response = NewResponse(self.places.get(person, NOBODY), number, answers)
        (outcome,) = answer_surveys(responses=[response], at=at)
        return said(outcome.refusal, repeated=outcome.repeated)

    def entitle(self, at: datetime) -> int:
        return entitle(at=at).participation_count

    # Payout runs

    def plan(self, planned_for: date, officer: int, at: datetime) -> str:
        run = plan_payout_run(planned_for=planned_for, officer_id=self.world.officers[officer], at=at)
        if run.run_id is not None:
            self.runs.append(run.run_id)
            self.references.append(self._lines(run.run_id))
        return said(run.refusal)

    def _lines(self, run_id: int) -> dict[Key, tuple[str, int]]:
        people = {place: person for person, place in self.places.items()}
        with connection.cursor() as cursor:
            cursor.execute(LINES_SQL, [run_id])
            rows = cursor.fetchall()
        return {(people[place], kind, number): (reference, rupiah) for place, kind, number, reference, rupiah in rows}

    def approve(self, run: int, officer: int, at: datetime) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT list_sha256 FROM incentives_payoutrun WHERE id = %s", [self.runs[run]])
            (seal,) = cursor.fetchone()
        officer_id = self.world.officers[officer]
        approved = approve_payout_run(run_id=self.runs[run], officer_id=officer_id, list_sha256=bytes(seal), at=at)
        return said(approved.refusal)

    def cancel(self, run: int, officer: int, at: datetime) -> str:
        cancelled = cancel_payout_run(run_id=self.runs[run], officer_id=self.world.officers[officer], at=at)
        return said(cancelled.refusal)

    def export(self, run: int, at: datetime) -> tuple[str, int]:
        """The answer, and what the files ask the partners for in all."""
        exported = export_payout_run(run_id=self.runs[run], at=at, proof_limit=None)
        total_rupiah = sum(file.total_rupiah for file in exported.files)
        return said(exported.refusal, repeated=exported.repeated), total_rupiah

    def settle(self, run: int, said_of: Mapping[Key, str], at: datetime) -> str:
        """One status file for the whole or a part of the run; the same file again is taken once."""
        lines = [
            (*self.references[run][one], answer, "" if answer == "settled" else REASON_CODE)
            for one, answer in said_of.items()
        ]
        settled = settle_payouts(partner=PARTNER, name="jawab.csv", content=status_file(lines), at=at)
        troubles = {opened.kind.value for opened in settled.opened}
        return " ".join(sorted(troubles)) or said(settled.refusal, repeated=settled.repeated)

    def reverse(self, run: int, one: Key, at: datetime) -> str:
        reference, _ = self.references[run][one]
        asker_id, other_id = self.world.officers[:2]
        (asked,) = ask_to_reverse_payouts(references=[reference], reason_code=REVERSAL_CODE, officer_id=asker_id, at=at)
        if asked.refusal is not None or asked.repeated:
            return said(asked.refusal, repeated=asked.repeated)
        (outcome,) = reverse_payouts(references=[reference], reason_code=REVERSAL_CODE, officer_id=other_id, at=at)
        return said(outcome.refusal, repeated=outcome.repeated)

    # What ends

    def end_purchase(self, person: int, training: int, at: datetime) -> tuple[str, int, int]:
        """The answer and both amounts, which the preview has to promise."""
        purchase = self.purchases.get((person, training), NOBODY)
        (promised,) = purchase_ending_preview(purchase_ids=[purchase], at=at)
        (ended,) = end_purchases(purchase_ids=[purchase], at=at)
        if (promised.earned_rupiah, promised.refunded_rupiah) != (ended.earned_rupiah, ended.refunded_rupiah):
            return "not as promised", promised.earned_rupiah, promised.refunded_rupiah
        return said(ended.refusal, repeated=ended.repeated), ended.earned_rupiah, ended.refunded_rupiah

    def settle_institutions(self, at: datetime) -> tuple[int, int]:
        """Whatever is bought is named: the verb decides what is due."""
        settled = settle_institutions(purchase_ids=list(self.purchases.values()), at=at)
        return settled.purchase_count, settled.total_rupiah

    def stop(self, institution: int, at: datetime) -> str:
        number = self.world.institutions[institution]
        outcome = stop_settlement(institution_id=number, reason="Diperiksa.", at=at)
        return said(outcome.refusal, repeated=outcome.repeated)

    def resume(self, institution: int, at: datetime) -> str:
        outcome = resume_settlement(institution_id=self.world.institutions[institution], at=at)
        return said(outcome.refusal, repeated=outcome.repeated)

    def revoke(self, at: datetime) -> tuple[int, int]:
        revoked = revoke(at=at)
        return revoked.participation_count, revoked.returned_rupiah

    def end_balances(self, at: datetime) -> tuple[int, int]:
        ended = end_balances(at=at)
        return ended.participation_count, ended.returned_rupiah

    def close(self, at: datetime) -> tuple[int, int]:
        closed = close_year(participation_ids=list(self.places.values()), at=at)
        return closed.participation_count, closed.returned_rupiah

    # Clawbacks

    def decide(self, person: int, cause: str, officer: int, at: datetime) -> str:
        decided = decide_clawback(
            participation_id=self.places.get(person, NOBODY),
            cause=cause,
            explanation=EXPLANATION,
            officer_id=self.world.officers[officer],
            at=at,
        )
        if decided.refusal is None and not decided.repeated:
            self.clawbacks.append(decided.clawback_id or NOBODY)
        return said(decided.refusal, repeated=decided.repeated)

    def approve_clawback(self, number: int, officer: int, at: datetime) -> str:
        officer_id = self.world.officers[officer]
        return said(approve_clawback(clawback_id=self.clawbacks[number], officer_id=officer_id, at=at).refusal)

    def repay(self, number: int, receipt: str, rupiah: int, received_on: date, at: datetime) -> str:
        recorded = record_repayment(
            clawback_id=self.clawbacks[number],
            reference=receipt,
            amount_rupiah=rupiah,
            received_on=received_on,
            officer_id=self.world.officers[0],
            at=at,
        )
        return said(recorded.refusal, repeated=recorded.repeated)

    def withdraw(self, number: int, officer: int, at: datetime) -> str:
        officer_id = self.world.officers[officer]
        withdrawn = withdraw_clawback(
            clawback_id=self.clawbacks[number], officer_id=officer_id, because=EXPLANATION, at=at
        )
        if withdrawn.waits:
            line = clawback_detail(clawback_id=self.clawbacks[number])
            assert line is not None
            seen_sha256 = bytes.fromhex(line[0].withdrawal_sha256)
            withdrawn = agree_to_withdrawal(
                clawback_id=self.clawbacks[number],
                officer_id=self.world.officers[1 - officer],
                seen_sha256=seen_sha256,
                at=at,
            )
        return said(withdrawn.refusal)

    # The books

    def entitlements(self) -> dict[Key, tuple[int, date]]:
        """What every person has earned: amount and day of payment."""
        people = {place: person for person, place in self.places.items()}
        with connection.cursor() as cursor:
            cursor.execute(ENTITLEMENTS_SQL, [list(people)])
            rows = cursor.fetchall()
        return {(people[place], kind, number): (rupiah, pay_on) for place, kind, number, rupiah, pay_on in rows}

    def transfers(self) -> list[tuple[Move, int]]:
        """Every transfer of these people in the model's words, with its number."""
        people = {place: person for person, place in self.places.items()}
        with connection.cursor() as cursor:
            cursor.execute(TRANSFERS_SQL, [list(people)])
            rows = cursor.fetchall()
        return [((people[owner], *rest), number) for owner, *rest, number in rows]

    def stored(self) -> dict[int, int]:
        """The stored training balances."""
        people = {place: person for person, place in self.places.items()}
        with connection.cursor() as cursor:
            cursor.execute(STORED_SQL, [list(people)])
            return {people[owner]: rupiah for owner, rupiah in cursor.fetchall()}


def status_file(lines: Iterable[tuple[object, ...]]) -> bytes:
    """A partner's answer as docs/payout-csv.md describes it."""
    rows = list(lines)
    body = "".join(
        ",".join(map(str, row)) + "\n" for row in [("reference", "amount_rupiah", "state", "reason_code"), *rows]
    )
    total = sum(int(str(row[1])) for row in rows)
    return body.encode() + f"TRAILER,{len(rows)},{total},{hashlib.sha256(body.encode()).hexdigest()}\n".encode()
