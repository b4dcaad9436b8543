"""Contests about runs: two officers and one payout run, rivals over one mass run, many runners on its chunks."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction

from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.copy_rows import int_array
from bekal.ledger.movements import Movement
from bekal.lifecycle import mass_runs
from bekal.lifecycle.mass_runs import approve_mass_run, cancel_mass_run, plan_mass_run, work
from bekal.proofs.race_contest import Contest, do, one, rows
from bekal.proofs.race_purchases import remaining_of, write_transfer
from bekal.proofs.small_world import ACCEPTED_AT, LAST_DAY_OF_BALANCE, jakarta, midnight_of
from bekal.simulation.fake_partner import answer

PAID_AT, PAID_ON = jakarta(2020, 5, 20), date(2020, 5, 29)
MONEY_SQL = """
SELECT entitlement.participation_id,
       count(DISTINCT payout.run_id), count(DISTINCT payout.id), count(DISTINCT entitlement.id),
       max((SELECT count(*) FROM ledger_transfer t WHERE t.owner_id = entitlement.participation_id AND t.reason = 4)),
       max((SELECT count(*) FROM ledger_transfer t WHERE t.owner_id = entitlement.participation_id AND t.reason = 5))
FROM incentives_entitlement entitlement
JOIN incentives_payout payout ON payout.entitlement_id = entitlement.id AND payout.ended_at IS NULL
WHERE entitlement.participation_id = ANY(%s::bigint[]) GROUP BY 1
"""


class TwoOfficers(Contest):
    """One instalment, planned, approved, exported and answered by two officers at once."""

    name = "two officers and a payout run"
    rivals = 2
    stages = ("plan", "approve", "export", "answer")
    careless_stages = stages
    expected = {
        "plan": {"planned": 1, "refused payout_nothing_due": 1},
        "approve": {"approved": 1, "refused payout_run_already_approved": 1},
        "export": {"exported": 1, "exported again": 1},
        "answer": {"answered": 1, "answered again": 1},
    }
    unguard = (
        "ALTER TABLE incentives_payout DROP CONSTRAINT IF EXISTS incentives_payout_attempt",
        "ALTER TABLE incentives_payout DROP CONSTRAINT IF EXISTS incentives_payout_reference_key",
        "DROP INDEX IF EXISTS incentives_payout_one_live_attempt",
        "ALTER TABLE incentives_payoutstatus DROP CONSTRAINT IF EXISTS incentives_payoutstatus_once",
        "ALTER TABLE ledger_transfer DROP CONSTRAINT IF EXISTS ledger_transfer_posted_once",
    )

    def prepare(self, count: int, rng: random.Random) -> None:
        (training,) = self.world.trainings(1, price_rupiah=250_000)
        self.rounds = self.world.accept(count, with_accounts=True)
        self.world.earn(self.rounds, training)

    def attempt(self, round_: int, stage: str, rival: int) -> str:
        if stage == "plan":
            planner_id = self.world.officer_ids[rival]
            planned = plan_payout_run(
                planned_for=PAID_ON, officer_id=planner_id, at=PAID_AT, participation_ids=[round_]
            )
            return "planned" if planned.refusal is None else f"refused {planned.refusal.code}"
        run_id, list_sha256, _ = self._run_of(round_)
        if stage == "approve":
            officer_id = self.world.officer_ids[2 + rival]
            approved = approve_payout_run(run_id=run_id, officer_id=officer_id, list_sha256=list_sha256, at=PAID_AT)
            return "approved" if approved.refusal is None else f"refused {approved.refusal.code}"
        exported = export_payout_run(run_id=run_id, at=PAID_AT, proof_limit=None)
        if stage == "export":
            return f"refused {exported.refusal.code}" if exported.refusal else _again("exported", exported.repeated)
        (file,) = exported.files
        settled = settle_payouts(partner=file.partner, name="jawaban.csv", content=answer(file.content), at=PAID_AT)
        return f"refused {settled.refusal.code}" if settled.refusal else _again("answered", settled.repeated)

    def careless(self, round_: int, stage: str, rival: int) -> str:
        with transaction.atomic():
            if stage == "plan":
                return self._plan_carelessly(round_, rival)
            run_id, _, _ = self._run_of(round_)
            if stage == "approve":
                return self._approve_carelessly(run_id, rival)
            if stage == "export":
                return self._export_carelessly(run_id)
            return self._answer_carelessly(run_id)

    def _run_of(self, participation_id: int) -> tuple[int, bytes, int]:
        """The payout run with this person's instalment, its hash and its planner."""
        row = one(
            "SELECT run.id, run.list_sha256, run.planned_by_id FROM incentives_payoutrun run"
            " JOIN incentives_payout payout ON payout.run_id = run.id"
            " JOIN incentives_entitlement earned ON earned.id = payout.entitlement_id"
            " WHERE earned.participation_id = %s ORDER BY run.id LIMIT 1",
            [participation_id],
        )
        if row is None:
            raise RuntimeError(f"no run was planned for participation {participation_id}")
        return int(row[0]), bytes(row[1]), int(row[2])

    def _plan_carelessly(self, participation_id: int, rival: int) -> str:
        row = one(
            "SELECT e.id, e.amount_rupiah, a.id, a.partner, a.masked FROM incentives_entitlement e"
            " JOIN participants_participation p ON p.id = e.participation_id"
            " JOIN participants_payoutaccount a ON a.participant_id = p.participant_id"
            " WHERE p.id = %s AND e.payment_on <= %s"
            " AND NOT EXISTS (SELECT 1 FROM incentives_payout live WHERE live.entitlement_id = e.id)",
            [participation_id, PAID_ON],
        )
        if row is None:
            return "refused payout_nothing_due"
        entitlement_id, amount_rupiah, account_id, partner, masked = row
        run = one(
            "INSERT INTO incentives_payoutrun (planned_for, payout_count, total_rupiah, list_sha256, planned_by_id,"
            " planned_at) VALUES (%s, 1, %s, %s, %s, %s) RETURNING id",
            [PAID_ON, amount_rupiah, b"", self.world.officer_ids[rival], PAID_AT],
        )
        do(
            "INSERT INTO incentives_payout (entitlement_id, run_id, account_id, partner, masked_account, attempt,"
            " amount_rupiah, reference) VALUES (%s, %s, %s, %s, %s, 1, %s, %s)",
            [entitlement_id, run and run[0], account_id, partner, masked, amount_rupiah, f"BKL{entitlement_id}"],
        )
        return "planned"

    def _approve_carelessly(self, run_id: int, rival: int) -> str:
        row = one("SELECT approved_at FROM incentives_payoutrun WHERE id = %s", [run_id])
        if row is None or row[0] is not None:
            return "refused payout_run_already_approved"
        do(
            "UPDATE incentives_payoutrun SET approved_by_id = %s, approved_at = %s, approved_sha256 = list_sha256"
            " WHERE id = %s",
            [self.world.officer_ids[2 + rival], PAID_AT, run_id],
        )
        return "approved"

    def _export_carelessly(self, run_id: int) -> str:
        row = one("SELECT exported_at FROM incentives_payoutrun WHERE id = %s", [run_id])
        if row is None or row[0] is not None:
            return "exported again"
        self._post_of(run_id, Movement.SEND_INCENTIVE, "sent")
        do("UPDATE incentives_payoutrun SET exported_at = %s WHERE id = %s", [PAID_AT, run_id])
        return "exported"

    def _answer_carelessly(self, run_id: int) -> str:
        asked = (
            "SELECT 1 FROM incentives_payoutstatus s JOIN incentives_payout p ON p.id = s.payout_id"
            " WHERE p.run_id = %s AND s.state = 'settled'"
        )
        if one(asked, [run_id]):
            return "answered again"
        do(
            "INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)"
            " SELECT p.id, 'settled', '', f.id, %s FROM incentives_payout p"
            " JOIN incentives_payoutfile f ON f.run_id = p.run_id WHERE p.run_id = %s",
            [PAID_AT, run_id],
        )
        self._post_of(run_id, Movement.SETTLE, "settled")
        return "answered"

    def _post_of(self, run_id: int, movement: Movement, word: str) -> None:
        row = one(
            "SELECT e.participation_id, p.amount_rupiah, p.reference FROM incentives_payout p"
            " JOIN incentives_entitlement e ON e.id = p.entitlement_id WHERE p.run_id = %s",
            [run_id],
        )
        if row is not None:
            write_transfer(row[0], movement, row[1], f"{word}:{row[2]}", PAID_AT)

    def faults(self) -> Iterator[tuple[int, str]]:
        """One run, one payout, sent once, paid once: as far as this went, never twice."""
        money = {number: counts for number, *counts in rows(MONEY_SQL, [int_array(self.rounds)])}
        for number, participation_id in enumerate(self.rounds):
            counts = money.get(participation_id, [])
            if len(counts) != 5 or counts[0] != 1 or counts[1] != counts[2] or max(counts[3:]) > counts[1]:
                yield number, f"participation {participation_id}: runs, payouts, instalments, sent, paid are {counts}"


def _again(word: str, repeated: bool) -> str:
    return f"{word} again" if repeated else word


class MassRunOfficers(Contest):
    """Four officers plan the same revocation; then two approve and two cancel it: one of each, and never both."""

    name = "officers over a mass run"
    rivals = 4
    stages = ("clear", "plan", "decide")
    careless_stages = ("plan", "decide")
    expected = {"plan": {"planned": 1, "refused mass_run_open": 3}}
    share = 0.4
    side_by_side = False
    own_database = True
    unguard = ("ALTER TABLE lifecycle_massrun DROP CONSTRAINT IF EXISTS lifecycle_massrun_cancelled_before_approval",)
    _next_day = 0

    def prepare(self, count: int, rng: random.Random) -> None:
        """A person for every round, accepted a day later than the one before."""
        self.rounds = []
        for _ in range(count):
            accepted_at = ACCEPTED_AT + timedelta(days=self._next_day)
            self.world.accept(1, at=accepted_at)
            self.rounds.append(accepted_at + timedelta(days=31))
            self._next_day += 1

    def attempt(self, round_: datetime, stage: str, rival: int) -> str:
        officer_id = self.world.officer_ids[rival]
        if stage == "clear":
            return "" if rival else self._clear(round_)
        if stage == "plan":
            planned = plan_mass_run(operation="revoke", planned_by_id=officer_id, at=round_)
            return "planned" if planned.refusal is None else f"refused {planned.refusal.code}"
        run = one("SELECT id, list_sha256 FROM lifecycle_massrun ORDER BY id DESC LIMIT 1")
        if run is None:
            raise RuntimeError("no mass run was planned")
        if rival < 2:
            officer_id = self.world.officer_ids[4 + rival]  # nobody of those who plan
            refusal = approve_mass_run(run_id=run[0], officer_id=officer_id, list_sha256=bytes(run[1]), at=round_)
            return "approved" if refusal is None else "too late"
        refusal = cancel_mass_run(run_id=run[0], officer_id=officer_id, at=round_)
        return "cancelled" if refusal is None else "too late"

    def _clear(self, at: datetime) -> str:
        """Work off what the round before has approved, cancel what it has only planned."""
        work(at=at)
        for (run_id,) in rows("SELECT id FROM lifecycle_massrun WHERE finished_at IS NULL AND cancelled_at IS NULL"):
            cancel_mass_run(run_id=run_id, officer_id=self.world.officer_ids[0], at=at)
        return ""

    def careless(self, round_: datetime, stage: str, rival: int) -> str:
        officer_id = self.world.officer_ids[rival]
        with transaction.atomic():
            if stage == "plan":
                if one("SELECT 1 FROM lifecycle_massrun WHERE finished_at IS NULL AND cancelled_at IS NULL"):
                    return "refused mass_run_open"
                do(
                    "INSERT INTO lifecycle_massrun (operation, at, parameters, subject_count, total_rupiah,"
                    " list_sha256, planned_by_id, planned_at) VALUES ('revoke', %s, '{}', 0, 0, %s, %s, %s)",
                    [round_, b"", officer_id, round_],
                )
                return "planned"
            run = one("SELECT id, approved_at, cancelled_at FROM lifecycle_massrun ORDER BY id DESC LIMIT 1")
            if run is None or run[1] or run[2]:
                return "too late"
            word, seal = ("approved", ", approved_sha256 = list_sha256") if rival < 2 else ("cancelled", "")
            do(
                f"UPDATE lifecycle_massrun SET {word}_at = %s, {word}_by_id = %s{seal} WHERE id = %s",
                [round_, self.world.officer_ids[4 + rival] if rival < 2 else officer_id, run[0]],
            )
            return word

    def _faults_of(self, given: Mapping[str, Sequence[str]]) -> Iterator[str]:
        yield from super()._faults_of(given)
        told = Counter(given.get("decide", ()))
        if told and told["approved"] + told["cancelled"] != 1:
            yield f"told {dict(told)}: one of them decides"

    def faults(self) -> Iterator[tuple[int, str]]:
        asked = "SELECT id FROM lifecycle_massrun WHERE approved_at IS NOT NULL AND cancelled_at IS NOT NULL"
        for (run_id,) in rows(asked):
            yield 0, f"mass run {run_id} is approved and cancelled"


RUNNERS_SQL = """
SELECT run.subject_count, run.total_rupiah, count(*) FILTER (WHERE chunk.done_at IS NULL),
       coalesce(sum(chunk.done_count), 0)::bigint, coalesce(sum(chunk.done_rupiah), 0)::bigint
FROM lifecycle_massrun run JOIN lifecycle_masschunk chunk ON chunk.run_id = run.id
WHERE run.id = %s GROUP BY run.id
"""
RETURNED_SQL = """
SELECT p.id, (SELECT count(*) FROM ledger_transfer t WHERE t.owner_id = p.id AND t.reason = 8), b.remaining_rupiah
FROM participants_participation p JOIN ledger_trainingbalance b ON b.owner_id = p.id WHERE p.id = ANY(%s::bigint[])
"""


class Runners(Contest):
    """Four runners take chunks of one mass run: each chunk, and each person in it, is done once."""

    name = "runners on one mass run"
    rivals = 4
    expected = {"": {"one chunk": 4}}
    own_database = True
    unguard = ("ALTER TABLE ledger_transfer DROP CONSTRAINT IF EXISTS ledger_transfer_posted_once",)
    at = midnight_of(LAST_DAY_OF_BALANCE) + timedelta(days=1)

    def prepare(self, count: int, rng: random.Random) -> None:
        (training,) = self.world.trainings(1, price_rupiah=999_950)
        self.owners = self.world.accept(4 * count * 2)
        self.world.buy([(owner, training) for owner in self.owners])
        before, mass_runs.CHUNK_COUNT = mass_runs.CHUNK_COUNT, 2
        try:
            planned = plan_mass_run(operation="end_balances", planned_by_id=self.world.officer_ids[0], at=self.at)
        finally:
            mass_runs.CHUNK_COUNT = before
        if planned.run_id is None or planned.list_sha256 is None:
            raise RuntimeError(f"the run could not be planned: {planned.refusal}")
        self.run_id = planned.run_id
        officer_id = self.world.officer_ids[1]
        approve_mass_run(run_id=self.run_id, officer_id=officer_id, list_sha256=planned.list_sha256, at=self.at)
        self.rounds = list(range(count))

    def attempt(self, round_: int, stage: str, rival: int) -> str:
        done = work(run_id=self.run_id, at=self.at, chunk_limit=1)
        return "one chunk" if (done.chunk_count, done.failed_chunk_count) == (1, 0) else f"{done}"

    def careless(self, round_: int, stage: str, rival: int) -> str:
        with transaction.atomic():
            chunk = one(
                "SELECT id, subject_ids FROM lifecycle_masschunk WHERE run_id = %s AND done_at IS NULL"
                " ORDER BY number LIMIT 1",
                [self.run_id],
            )
            if chunk is None:
                return "nothing left"
            returned = 0
            for owner_id in chunk[1]:
                left = remaining_of(owner_id)
                returned += left
                if left:
                    write_transfer(owner_id, Movement.END_TRAINING, left, "end:training", self.at)
                do("UPDATE ledger_trainingbalance SET remaining_rupiah = 0 WHERE owner_id = %s", [owner_id])
                do("UPDATE participants_participation SET balance_ended_at = %s WHERE id = %s", [self.at, owner_id])
            do(
                "UPDATE lifecycle_masschunk SET done_at = %s, done_count = %s, done_rupiah = %s WHERE id = %s",
                [self.at, len(chunk[1]), returned, chunk[0]],
            )
        return "one chunk"

    def faults(self) -> Iterator[tuple[int, str]]:
        ((subjects, total, undone, done_count, done_rupiah),) = rows(RUNNERS_SQL, [self.run_id])
        if undone or (subjects, total) != (done_count, done_rupiah):
            done = f"done {done_count} for Rp{done_rupiah}, {undone} chunks not done"
            yield 0, f"planned {subjects} for Rp{total}, {done}"
        for owner_id, returns, left in rows(RETURNED_SQL, [int_array(self.owners)]):
            if returns != 1 or left:
                place = self.owners.index(owner_id) // 8
                yield place, f"participation {owner_id}: {returns} returns, Rp{left} left"


RUN_CONTESTS: tuple[type[Contest], ...] = (TwoOfficers, MassRunOfficers, Runners)
