"""What leaves the house, each in a loop of its own beside the worker's: somebody waits for a code, and neither a proof
of a minute nor a partner's receiver that does not answer may keep it back."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.conf import settings

from bekal.config.steps import Steps
from bekal.incentives.call_desk import CallDesk
from bekal.incentives.check_accounts import check_accounts
from bekal.incentives.close_day import close_days
from bekal.incentives.exception_alarm import alarming_count
from bekal.incentives.fetch_statements import fetch_statements
from bekal.incentives.find_silent import find_silent
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.house_rails import house_rails
from bekal.incentives.make_calls import make_calls
from bekal.incentives.statements import find_missing_statements
from bekal.incentives.turn_to_second_accounts import turn_to_second_accounts
from bekal.ledger.clock import machine_now, programme_day, programme_now
from bekal.messaging.channels import carriers
from bekal.participants.send_messages import send_messages
from bekal.partners.deliver_webhooks import deliver_webhooks
from bekal.partners.webhook_events import collect_events

MESSAGES_LOCK, WEBHOOKS_LOCK = "config.worker.messages", "config.worker.webhooks"
PAYMENTS_LOCK = "config.worker.payments"
FETCHED_EVERY = timedelta(seconds=5)
STATEMENTS_EVERY = timedelta(minutes=10)
# What is due to be asked for is looked up over all who have money coming; as long as there is any, at once.
CHECKED_EVERY = timedelta(seconds=20)
TURNED_EVERY = timedelta(minutes=10)
COLLECTED_EVERY = timedelta(seconds=30)


class MessageCourier(Steps):
    """Hands what waits in the outbox to the carriers. Raises ValueError for a carrier's address that cannot be one."""

    def __init__(self, *, say: Callable[[str], None], stop: Callable[[], bool] = lambda: False) -> None:
        super().__init__(say=say, stop=stop)
        self._carriers = carriers(settings.CARRIER_ADDRESSES, demo=settings.DEMO)

    def round(self) -> bool:
        """One batch; whether there was anything. Raises only where the database is gone."""
        return self._tried("messages", MESSAGES_LOCK, self._send_messages, programme_now())

    def _send_messages(self, at: datetime) -> bool:
        sent = send_messages(carriers=self._carriers, at=at)
        if sent.message_count:
            self._say("messages: " + ", ".join(f"{count:,} {what}" for what, count in sorted(sent.counts.items())))
        return sent.message_count > 0


class WebhookCourier(Steps):
    """Tells partners what happened to their own purchases."""

    _collected_at: datetime | None = None

    def round(self) -> bool:
        """One batch; whether there was anything. Raises only where the database is gone."""
        return self._tried("webhooks", WEBHOOKS_LOCK, self._tell_partners, programme_now())

    def _tell_partners(self, at: datetime) -> bool:
        """Look for news twice a minute, which reads much, and deliver what is due at once."""
        now = machine_now()
        if self._collected_at is None or abs(now - self._collected_at) >= COLLECTED_EVERY:
            collect_events(now=now)
            self._collected_at = now
        delivered = deliver_webhooks(now=now)
        if delivered.delivery_count:
            self._say("webhooks: " + ", ".join(f"{count:,} {what}" for what, count in sorted(delivered.counts.items())))
        return delivered.delivery_count > 0


class PaymentCourier(Steps):
    """Takes payments to the partners and their answers back. Raises RailsError where the rails' file cannot be."""

    _fetched_at: datetime | None = None
    _checked_at: datetime | None = None
    _turned_at: datetime | None = None
    _stated_at: datetime | None = None
    _missed_on: date | None = None

    def __init__(self, *, say: Callable[[str], None], stop: Callable[[], bool] = lambda: False) -> None:
        super().__init__(say=say, stop=stop)
        self._rails = house_rails()
        self._desk = CallDesk()

    def round(self) -> bool:
        """One batch; whether there was anything. Raises only where the database is gone."""
        return self._tried("payments", PAYMENTS_LOCK, self._pay, programme_now())

    def _pay(self, at: datetime) -> bool:
        """Calls at once, files and answers every few seconds: a bank is not asked all day whether it has news."""
        called = make_calls(rails=self._rails, at=at, now=machine_now, desk=self._desk)
        outcomes = dict(called.outcomes)
        now = machine_now()
        if self._fetched_at is None or abs(now - self._fetched_at) >= FETCHED_EVERY:
            exchanged = hand_over_files(rails=self._rails, at=at, now=machine_now)
            self._fetched_at = now
            for what, count in (*exchanged.outcomes.items(), ("files back", exchanged.fetched_count)):
                outcomes[what] = outcomes.get(what, 0) + count
        told = [f"{count:,} {what}" for what, count in sorted(outcomes.items()) if count]
        if told:
            self._say(f"payments: {', '.join(told)}")
        is_checking = self._check_accounts(at, now)
        self._take_statements(at, now)
        self._miss_answers(at)
        return called.did_anything or is_checking

    def _check_accounts(self, at: datetime, now: datetime) -> bool:
        """Payments first: one batch of accounts a round. Who could not be paid is turned to the second account before
        the next list is planned, so that it is asked for by then."""
        if self._turned_at is None or abs(now - self._turned_at) >= TURNED_EVERY:
            self._turned_at = now
            if turned_count := len(turn_to_second_accounts(at=at)):
                self._say(f"accounts: {turned_count:,} turned to the second")
        if self._checked_at is not None and abs(now - self._checked_at) < CHECKED_EVERY:
            return False
        checked = check_accounts(rails=self._rails, at=at, now=machine_now, desk=self._desk)
        if not checked.did_anything:
            self._checked_at = now
            return False
        self._checked_at = None
        self._say("accounts: " + ", ".join(f"{count:,} {what}" for what, count in sorted(checked.outcomes.items())))
        return True

    def _take_statements(self, at: datetime, now: datetime) -> None:
        """Those of the days that are over, which are closed then; a partner that has none yet is asked again in a
        while."""
        if self._stated_at is None or abs(now - self._stated_at) >= STATEMENTS_EVERY:
            self._stated_at = now
            if taken_count := fetch_statements(rails=self._rails, at=at).taken_count:
                self._say(f"payments: {taken_count:,} statements taken")
            if closed := close_days(at=at):
                self._say(f"payments: closed {len(closed):,} of the partners' days")

    def _miss_answers(self, at: datetime) -> None:
        """Once a day of the programme, after what came back was taken in."""
        today = programme_day(at)
        if self._missed_on != today:
            found = {
                "without an answer": find_silent(at=at),
                "statements missing": find_missing_statements(rails=self._rails, at=at),
                "exceptions older than they may be": alarming_count(at=at),
            }
            for what, count in found.items():
                if count:
                    self._say(f"payments: {count:,} {what}")
            self._missed_on = today
