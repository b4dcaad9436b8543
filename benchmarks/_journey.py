"""People on their way from registration to a paid incentive, one call of each verb for all of them.

Needs Django set up. Not a benchmark of its own: the benchmarks of the verbs walk on it.
"""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from django.db import connection

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Category, Institution, Training
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.entitle import entitle
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.settle_payouts import settle_payouts
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.messaging.issue_codes import IssuedCode
from bekal.participants.accept import accept
from bekal.participants.open_wave import open_wave
from bekal.participants.register import Registration, register
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.purchases.buy import Order, buy
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.request_purchase import Intent, request_purchases
from bekal.purchases.write_review import NewReview, write_review
from bekal.simulation.fake_partner import answer

T = TypeVar("T")
Rows = dict[str, int]


class Timing(NamedTuple):
    """One call of a verb: seconds by the clock, of processor time on both sides, and the rows of each table."""

    seconds: float
    cpu_seconds: float
    rows: Rows


REGISTERED_AT = datetime(2020, 4, 11, 3, tzinfo=UTC)
ACCEPTED_AT, BOUGHT_AT, REDEEMED_AT, ATTENDED_AT, REVIEWED_AT, RECONCILED_AT = (
    datetime(2020, 4, day, 3, tzinfo=UTC) for day in (20, 21, 22, 24, 25, 26)
)
PAID_AT, PAID_ON = datetime(2020, 5, 20, 3, tzinfo=UTC), date(2020, 5, 29)
OVERDUE_AT, ENDED_AT = datetime(2020, 8, 20, 3, tzinfo=UTC), datetime(2020, 12, 20, 3, tzinfo=UTC)
REVIEW = "Materinya jelas, contohnya dekat dengan pekerjaan saya, dan langsung bisa dipakai di toko."


class Journey:
    """A shelf of trainings, two officers, and people numbered from 1 on."""

    def __init__(self, training_count: int, session_count: int) -> None:
        category = Category.objects.create(slug="keterampilan", name_id="Keterampilan", name_en="Skills")
        institution = Institution.objects.create(code="lembaga", name="Lembaga")
        self.institution_id, self.session_count = institution.pk, session_count
        Training.objects.bulk_create(
            Training(
                code=f"pelatihan-{number}",
                title=f"Pelatihan keterampilan nomor {number}",
                category=category,
                institution=institution,
                price_rupiah=150_000 + number * 1_000,
                session_count=session_count,
                listed_at=REGISTERED_AT,
            )
            for number in range(training_count)
        )
        self.trainings = list(Training.objects.order_by("pk").values_list("pk", "price_rupiah"))
        self.officer_ids = [
            User.objects.create_user(f"petugas-{n}", None, role=Role.OFFICER, display_name="Petugas").pk for n in (1, 2)
        ]
        self.person = self.wave = 0
        self.timings: dict[str, Timing] = {}

    def walk(self, count: int) -> dict[str, Timing]:
        """`count` new people live through everything; what each verb took."""
        self.timings = {}
        participant_ids = self._register(count)
        participation_ids = self._accept(participant_ids)
        purchase_ids = self._learn(participation_ids)
        self._pay(participation_ids, purchase_ids)
        self._end(participation_ids)
        return self.timings

    def _timed(self, verb: str, rows: Rows, call: Callable[[], T]) -> T:
        cpu, started = cpu_seconds(), time.perf_counter()
        result = call()
        self.timings[verb] = Timing(time.perf_counter() - started, cpu_seconds() - cpu, rows)
        return result

    def _registrations(self, count: int) -> list[Registration]:
        first, self.person = self.person, self.person + count
        return [
            Registration(
                full_name=f"Siti Rahayu {_letters(number)}",
                nik=f"{327101 + number // 9_999:06d}550695{number % 9_999 + 1:04d}",
                sex="F",
                born_on=date(1995, 6, 15),
                education=3,
                employment=1,
                province=32,
                phone=f"0812{number:08d}",
                email=f"siti.{number}@surel.example",
            )
            for number in range(first, first + count)
        ]

    def _register(self, count: int) -> list[int]:
        people = self._registrations(count)
        rows = {
            "participants_participant": count,
            "participants_nikdirectory": count,
            "participants_contactpoint": 2 * count,
        }
        registered = self._timed("register", rows, lambda: register(registrations=people, at=REGISTERED_AT))
        ids = [_there(outcome.participant_id) for outcome in registered]
        accounts = [
            NewAccount(number, "bni", f"{number:010d}", person.full_name)
            for number, person in zip(ids, people, strict=True)
        ]
        rows = {"participants_payoutaccount": count, "participants_payoutaccountdirectory": count}
        self._timed("set_payout_accounts", rows, lambda: set_payout_accounts(accounts=accounts, at=REGISTERED_AT))
        return ids

    def _accept(self, participant_ids: list[int]) -> list[int]:
        self.wave += 1
        count, opens_on = len(participant_ids), date(2020, 4, 11)
        days: dict[str, Any] = {"opens_on": opens_on, "closes_on": opens_on + timedelta(5)}
        wave = self._timed(
            "open_wave",
            {"participants_wave": 1},
            lambda: open_wave(number=self.wave, quota_count=count, at=REGISTERED_AT, **days),
        )
        rows = {"participants_participation": count, "ledger_transfer": 3 * count, "ledger_trainingbalance": count}
        accepted = self._timed(
            "accept", rows, lambda: accept(wave_id=wave.pk, participant_ids=participant_ids, at=ACCEPTED_AT)
        )
        return [_there(outcome.participation_id) for outcome in accepted]

    def _learn(self, participation_ids: list[int]) -> list[int]:
        """Four in five of a large set buy and learn; a set of one does."""
        buyers = participation_ids[: max(1, len(participation_ids) * 4 // 5)]
        count = len(buyers)
        picks = [secrets.choice(self.trainings) for _ in buyers]
        intents = [Intent(buyer, training_id) for buyer, (training_id, _) in zip(buyers, picks, strict=True)]
        rows = {"messaging_onetimecode": count, "messaging_outboxmessage": count}
        issued = self._timed("request_purchases", rows, lambda: request_purchases(intents=intents, at=BOUGHT_AT))
        orders = []
        for code, (training_id, price_rupiah), buyer in zip(issued, picks, buyers, strict=True):
            assert isinstance(code, IssuedCode), code
            orders.append(Order(buyer, training_id, price_rupiah, code.code))
        rows = {
            "purchases_purchase": count,
            "purchases_redeemcodedirectory": count,
            "ledger_transfer": count,
            "ledger_trainingbalance": count,
            "messaging_onetimecode": count,
        }
        bought = self._timed("buy", rows, lambda: buy(orders=orders, at=BOUGHT_AT))
        ids = [_there(outcome.purchase_id) for outcome in bought]
        redemptions = [Redemption(self.institution_id, _there(outcome.redeem_code)) for outcome in bought]
        changed: Rows = {"purchases_purchase": count}
        self._timed("redeem", changed, lambda: redeem(redemptions=redemptions, at=REDEEMED_AT))
        self._prove(buyers, ids)
        return ids

    def _prove(self, buyers: list[int], ids: list[int]) -> None:
        count = len(ids)
        attendances = [
            Attendance(self.institution_id, number, session)
            for number in ids
            for session in range(1, self.session_count + 1)
        ]
        rows = {"purchases_evidence": len(attendances)}
        self._timed("record_attendance", rows, lambda: record_attendance(attendances=attendances, at=ATTENDED_AT))
        completions = [Completion(self.institution_id, number) for number in ids]
        rows = {"purchases_evidence": count, "purchases_purchase": count}
        self._timed("record_completion", rows, lambda: record_completion(completions=completions, at=ATTENDED_AT))
        reviews = [NewReview(buyer, number, 5, REVIEW) for buyer, number in zip(buyers, ids, strict=True)]
        rows = {"purchases_evidence": 2 * count, "purchases_review": count}
        self._timed("write_review", rows, lambda: write_review(reviews=reviews, at=REVIEWED_AT))
        rows = {"purchases_purchase": count, "ledger_transfer": count}
        self._timed("reconcile", rows, lambda: reconcile(at=RECONCILED_AT, purchase_ids=ids))

    def _pay(self, participation_ids: list[int], purchase_ids: list[int]) -> None:
        count = len(purchase_ids)
        earners = participation_ids[:count]
        rows = {"incentives_entitlement": 4 * count}
        self._timed("entitle", rows, lambda: entitle(at=RECONCILED_AT, participation_ids=earners))
        who: dict[str, Any] = {"planned_for": PAID_ON, "officer_id": self.officer_ids[0], "participation_ids": earners}
        rows = {"incentives_payout": count, "incentives_payoutrun": 1}
        planned = self._timed("plan_payout_run", rows, lambda: plan_payout_run(at=PAID_AT, **who))
        run_id, seen = _there(planned.run_id), _there(planned.list_sha256)
        self._timed(
            "approve_payout_run",
            {"incentives_payoutrun": 1},
            lambda: approve_payout_run(run_id=run_id, officer_id=self.officer_ids[1], list_sha256=seen, at=PAID_AT),
        )
        rows = {"incentives_payoutstatus": count, "ledger_transfer": count, "incentives_payoutfile": 1}
        export = partial(export_payout_run, run_id=run_id, at=PAID_AT, proof_limit=None)
        exported = self._timed("export_payout_run", rows, export)
        (file,) = exported.files
        content = answer(file.content)
        settled = self._timed(
            "settle_payouts",
            rows,
            lambda: settle_payouts(partner="bni", name="jawaban.csv", content=content, at=PAID_AT),
        )
        assert settled.settled_count == count, settled

    def _end(self, participation_ids: list[int]) -> None:
        """Who bought nothing loses the place (a set of one bought, so it only looks); the others' balance ends."""
        everybody = len(participation_ids)
        buyer_count = max(1, everybody * 4 // 5)
        overdue_count = everybody - buyer_count
        rows = {
            "participants_participation": overdue_count,
            "ledger_transfer": 3 * overdue_count,
            "ledger_trainingbalance": overdue_count,
        }
        revoked = self._timed("revoke", rows, lambda: revoke(at=OVERDUE_AT, participation_ids=participation_ids))
        assert revoked.participation_count == overdue_count, revoked
        rows = {
            "participants_participation": buyer_count,
            "ledger_transfer": buyer_count,
            "ledger_trainingbalance": buyer_count,
        }
        who: dict[str, Any] = {"at": ENDED_AT, "participation_ids": participation_ids}
        ended = self._timed("end_balances", rows, lambda: end_balances(**who))
        assert ended.participation_count == buyer_count, ended


def cpu_seconds() -> float:
    """Processor time of this process, and of the server's process that works for it where it can be seen."""
    connection.ensure_connection()
    server = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    seconds = int(server.read_text().split()[0]) / 1e9 if server.exists() else 0.0
    return seconds + time.process_time()


def _there(value: T | None) -> T:
    assert value is not None
    return value


def _letters(number: int) -> str:
    """A number as letters: A to J for the digits."""
    return "".join(chr(ord("A") + int(digit)) for digit in str(number)).capitalize()
