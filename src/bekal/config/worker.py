"""The background worker: mass runs that may work, proofs and figures that were asked for, and once a programme day the
daily work, everybody's list, the digest with its sums, and the proof. What leaves the house goes beside it
(`couriers.py`).

It holds nothing in memory that matters: several may run, each may be killed anywhere, and the next goes on. Each step
is tried by itself: an error in one keeps none of the others from being done.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.db import connections

from bekal.alarms.watch import watch
from bekal.catalogue.on_sale import refresh_sales
from bekal.config.steps import RETRY_AFTER, Steps
from bekal.console.tallies import COUNTS
from bekal.core.money import format_rupiah
from bekal.incentives.entitle import entitle
from bekal.incentives.follow_complaints import close_moved_complaints, pass_complaints_on
from bekal.ledger.clock import machine_now, programme_day, programme_now
from bekal.ledger.digests import close_digest
from bekal.ledger.proof_results import answer_proof_requests, latest_proof_result, take_proof_requests
from bekal.lifecycle.closed_sums import close_sums
from bekal.lifecycle.daily_work import do_daily_work
from bekal.lifecycle.mass_list import SealedLists
from bekal.lifecycle.mass_runs import Progress, work
from bekal.lifecycle.tallies import count_next
from bekal.partners.calls import forget_calls
from bekal.partners.keyed_answers import forget_answers
from bekal.partners.purchase_intents import forget_intents
from bekal.proofs.check import prove_ledger, record
from bekal.purchases.queries import buyers_of
from bekal.purchases.reconcile_changed import reconcile_changed
from bekal.purchases.screen_reviews import screen_reviews
from bekal.recommender.prepare_lists import prepare_lists
from bekal.recommender.price_seats import price_seats, reprice_seats

CHUNKS_AT_A_TIME = 10
# Of several workers one is at it, and the locks of one that dies go with its connection.
DAILY_LOCK, DIGEST_LOCK, PROOF_LOCK = "config.worker.daily", "config.worker.digest", "config.worker.proof"
COUNT_LOCK, LISTS_LOCK = "config.worker.count", "config.worker.lists"
SEATS_LOCK = "config.worker.seats"
ALARMS_LOCK, REVIEWS_LOCK = "config.worker.alarms", "config.worker.reviews"
SALES_LOCK, CALLS_LOCK = "config.worker.sales", "config.worker.calls"
RECONCILE_LOCK = "config.worker.reconcile"
COMPLAINTS_LOCK = "config.worker.complaints"
REPRICED_EVERY = timedelta(hours=1)
PASSED_ON_EVERY = timedelta(minutes=10)


class Worker(Steps):
    """One worker: `round()` looks once at everything there may be to do."""

    def __init__(self, *, say: Callable[[str], None], stop: Callable[[], bool] = lambda: False) -> None:
        super().__init__(say=say, stop=stop)
        self._done_on: dict[str, date] = {}
        self._sealed = SealedLists()
        self._repriced_at: datetime | None = None
        self._passed_on_at: datetime | None = None

    def round(self) -> bool:
        """Do a little of everything that waits; whether there was anything. Raises only where the database is gone."""
        at = programme_now()
        busy = [
            self._guarded("mass runs", self._work, at),
            self._tried("proof", PROOF_LOCK, self._prove_if_asked, at),
            self._tried("reconciliation", RECONCILE_LOCK, self._reconcile, at),
            self._daily("sales of the day", SALES_LOCK, self._refresh_sales, at),
            self._daily("daily work", DAILY_LOCK, self._do_daily_work, at),
            self._daily("alarms", ALARMS_LOCK, self._watch, at),
            self._daily("seat prices", SEATS_LOCK, self._price_seats, at),
            self._reprice_hourly(at),
            self._tried("complaints", COMPLAINTS_LOCK, self._follow_complaints, at),
            self._tried("reviews", REVIEWS_LOCK, self._screen_reviews, at),
            self._lists(at),
            self._tried("counting", COUNT_LOCK, self._count, at),
            self._daily("calls to forget", CALLS_LOCK, self._forget_calls, at),
            self._daily("digest", DIGEST_LOCK, self._close_digest, at),
            self._daily("daily proof", PROOF_LOCK, self._prove_daily, at),
        ]
        return any(busy)

    def _daily(self, what: str, lock: str, step: Callable[[datetime], bool], at: datetime) -> bool:
        """The step once a programme day; after a restart again, which changes nothing but for what is new."""
        if self._done_on.get(what) == programme_day(at):
            return False
        done = self._tried(what, lock, step, at)
        if done:
            self._done_on[what] = programme_day(at)
        return done

    def _work(self, at: datetime) -> bool:
        worked = work(
            at=at,
            chunk_limit=CHUNKS_AT_A_TIME,
            failed_before=at - RETRY_AFTER,
            progress=self._tell,
            stop=self._stop,
            sealed=self._sealed,
        )
        return worked.chunk_count > 0

    def _tell(self, progress: Progress) -> None:
        self._say(
            f"run {progress.run_id}: {progress.done_chunk_count} of {progress.chunk_count} chunks, "
            f"{progress.done_count:,} done, {format_rupiah(progress.done_rupiah)}"
        )

    def _prove_if_asked(self, at: datetime) -> bool:
        return self._prove(at, only_asked=True)

    def _prove(self, at: datetime, *, only_asked: bool) -> bool:
        """One proof, which answers whoever has asked by now; killed before its end it leaves them waiting."""
        asked_ids = take_proof_requests(at=at)
        if only_asked and not asked_ids:
            return False
        proof = prove_ledger(connections["proof"])
        record(proof)
        answer_proof_requests(ids=asked_ids, at=programme_now())
        self._say(f"proof: {proof.transfer_count:,} transfers, {len(proof.violations)} checks broken")
        return True

    def _do_daily_work(self, at: datetime) -> bool:
        done = do_daily_work(at=at)
        self._say(
            f"daily work: {len(done.reconciled.purchase_ids):,} purchases reconciled, "
            f"{done.entitled.entitlement_count:,} instalments earned, {len(done.planned_run_ids)} runs planned, "
            f"{len(done.waiting)} wait for approval"
        )
        return True

    def _reconcile(self, at: datetime) -> bool:
        """What new messages were about; whoever is released by it earns at once, and need not wait for the day."""
        looked = reconcile_changed(at=at)
        if looked.released_ids:
            entitled = entitle(at=at, participation_ids=buyers_of(purchase_ids=looked.released_ids))
            self._say(
                f"reconciliation: {len(looked.released_ids):,} of {looked.purchase_count:,} purchases released, "
                f"{entitled.entitlement_count:,} instalments earned"
            )
        return looked.did_anything

    def _watch(self, at: datetime) -> bool:
        looked = watch(at=at)
        opened_count = sum(each.opened_count for each in looked)
        if opened_count:
            self._say(f"alarms: {opened_count:,} payments wait since {len(looked)} detectors have looked")
        return True

    def _lists(self, at: datetime) -> bool:
        """One chunk of today's lists at a time, so that nothing else waits long; until all of them are made."""
        if self._done_on.get("lists") == programme_day(at):
            return False
        return self._tried("lists", LISTS_LOCK, self._prepare_lists, at)

    def _prepare_lists(self, at: datetime) -> bool:
        prepared = prepare_lists(at=at, chunk_limit=1)
        if prepared is None:
            return False
        if prepared.is_finished:
            self._done_on["lists"] = programme_day(at)
        if prepared.made_count:
            self._say(f"lists: {prepared.list_count:,} made" + ("" if prepared.is_finished else " so far"))
        return prepared.made_count > 0

    def _follow_complaints(self, at: datetime) -> bool:
        """What has moved ends its complaint at once; whose turn the others are is looked at every few minutes."""
        closed_count = close_moved_complaints(at=at)
        passed_on_count = 0
        if self._passed_on_at is None or abs(at - self._passed_on_at) >= PASSED_ON_EVERY:
            passed_on_count = pass_complaints_on(at=at)
            self._passed_on_at = at
        if closed_count or passed_on_count:
            self._say(
                f"complaints: {closed_count:,} closed by what has moved, {passed_on_count:,} somebody else's turn"
            )
        return closed_count > 0

    def _screen_reviews(self, at: datetime) -> bool:
        """One batch of new reviews a round."""
        screened = screen_reviews(at=at)
        if screened.flag_counts:
            found = ", ".join(f"{reason} {count:,}" for reason, count in sorted(screened.flag_counts.items()))
            self._say(f"reviews: {screened.review_count:,} looked at, flagged: {found}")
        return screened.review_count > 0

    def _close_digest(self, at: datetime) -> bool:
        link = close_digest(at=at)
        if link is not None:
            self._say(f"digest: link {link.number} closed over {link.transfer_count:,} transfers")
        close_sums()
        return True

    def _count(self, at: datetime) -> bool:
        """What a page has asked for first."""
        name = count_next(COUNTS, at=at)
        if name is not None:
            self._say(f"counted: {name}")
        return name is not None

    def _prove_daily(self, at: datetime) -> bool:
        latest = latest_proof_result()
        if latest is None or programme_day(latest.proved_at) != programme_day(at):
            self._prove(at, only_asked=False)
        return True

    def _forget_calls(self, at: datetime) -> bool:
        """What partners were told, where it need not be kept: by the machine's clock, as calls are signed."""
        now = machine_now()
        forget_answers(now=now)
        forget_intents(at=at)
        while forget_calls(at=now):
            pass
        return True

    def _refresh_sales(self, at: datetime) -> bool:
        """What an accreditation that began or ended opens or closes; the lists and prices of the day come after it."""
        kept = refresh_sales(at=at)
        if kept.opened_count or kept.closed_count:
            self._say(f"sales of the day: {kept.opened_count:,} opened, {kept.closed_count:,} closed")
        return True

    def _price_seats(self, at: datetime) -> bool:
        """Before the lists of the day, which move by these prices; not done while no model serves."""
        priced = price_seats(at=at)
        if priced is not None and priced.training_count:
            self._say(f"seats: {priced.priced_count:,} of {priced.training_count:,} trainings have a price")
        return priced is not None

    def _reprice_hourly(self, at: datetime) -> bool:
        if self._repriced_at is not None and abs(at - self._repriced_at) < REPRICED_EVERY:
            return False
        return self._tried("prices of the hour", SEATS_LOCK, self._reprice_seats, at)

    def _reprice_seats(self, at: datetime) -> bool:
        moved = reprice_seats(at=at)
        self._repriced_at = at
        return moved.changed_count > 0
