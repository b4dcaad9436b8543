"""`manage work`: the background worker, until it is asked to end (SIGTERM, Ctrl-C); any number may run."""

import select
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, connections
from django.db.utils import Error

from bekal.config.couriers import MessageCourier, PaymentCourier, WebhookCourier
from bekal.config.worker import Worker
from bekal.lifecycle.mass_work import CHANNEL, kind_of

# How long it waits for a call before it looks by itself: for what nobody calls for (a new day, a chunk to try again).
LOOK_SECONDS = 5.0
# How long a courier that found nothing waits: somebody waits for a code.
COURIER_SECONDS = 1.0
# How long a courier may take to end: what it has claimed and not noted goes out a second time.
COURIER_ENDS_SECONDS = 30.0
DATABASE_GONE_SECONDS = 5.0

Courier = MessageCourier | WebhookCourier | PaymentCourier


class Command(BaseCommand):
    help = "Work off approved mass runs and proof requests; once a programme day daily work, lists, digest and proof."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="until nothing is left to do, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        self._asked_to_end = False
        worker = Worker(say=self._say, stop=self._is_asked_to_end)
        kinds = (MessageCourier, WebhookCourier, PaymentCourier)
        couriers = [kind(say=self._say, stop=self._is_asked_to_end) for kind in kinds]
        with self._signals() as bell:
            if options["once"]:
                # Each of them a round, and as long as one of them found something.
                while sum(loop.round() for loop in (*couriers, worker)) and not self._asked_to_end:
                    pass
                return
            self._say("ready")
            with self._beside(couriers):
                while not self._asked_to_end:
                    self._round_and_wait(worker, bell)
            self._say("ended")

    @contextmanager
    def _beside(self, couriers: Sequence[Courier]) -> Iterator[None]:
        """Each courier in a thread with connections of its own, until the block ends."""
        ended = threading.Event()
        threads = [threading.Thread(target=self._carry, args=[courier, ended], daemon=True) for courier in couriers]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join(COURIER_ENDS_SECONDS)

    def _carry(self, courier: Courier, ended: threading.Event) -> None:
        while not ended.is_set():
            pause = COURIER_SECONDS
            try:
                if courier.round():
                    continue
            except Exception as error:  # whatever it is: a thread that ended would be missed by nobody
                self._say(f"the database does not answer ({kind_of(error)}); trying again")
                connections.close_all()
                pause = DATABASE_GONE_SECONDS
            ended.wait(pause)
        connections.close_all()

    def _is_asked_to_end(self) -> bool:
        return self._asked_to_end

    def _say(self, text: str) -> None:
        self.stdout.write(f"worker: {text}")
        self.stdout.flush()

    def _round_and_wait(self, worker: Worker, bell: socket.socket) -> None:
        """One round, and where it found nothing to do a wait for the next call."""
        try:
            if not worker.round() and not self._asked_to_end:
                wait_for_call(bell, LOOK_SECONDS)
        except Error as error:
            self._say(f"the database does not answer ({kind_of(error)}); trying again")
            connections.close_all()
            select.select([bell], [], [], DATABASE_GONE_SECONDS)

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """SIGTERM and SIGINT ask to end after the current chunk, and ring the bell of whoever waits."""
        bell, hammer = socket.socketpair()
        bell.setblocking(False)
        hammer.setblocking(False)
        wakeup = signal.set_wakeup_fd(hammer.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield bell
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            bell.close()
            hammer.close()

    def _end(self, signum: int, frame: object) -> None:
        self._asked_to_end = True


def wait_for_call(bell: socket.socket, seconds: float) -> None:
    """Sleep until somebody has made work (NOTIFY), the bell rings, or so many seconds have passed."""
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    server = connection.connection
    with connection.wrap_database_errors:
        if any(True for _ in server.notifies(timeout=0)):
            return
        select.select([server.fileno(), bell], [], [], seconds)
        for _ in server.notifies(timeout=0):
            pass
