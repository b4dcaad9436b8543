"""`manage bank`: the payment partner of the demo, on a port of this machine, until it is ended."""

import json
import socket
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.simulation.bank.books import Books
from bekal.simulation.bank.server import Service, serve, settings_of

WORK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Serve the payment partner of the demo: takes bank files and SNAP BI calls, keeps its own books."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--books", type=Path, help="its books (default: those that the settings name)")
        parser.add_argument("--settings-file", type=Path, required=True, help="JSON: see docs/bank-files.md")
        parser.add_argument("--port", type=int, default=0, help="where to listen on this machine (default: any)")
        parser.add_argument("--listener", type=int, help="the number of a socket that listens already, instead")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["settings_file"]
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            settings = settings_of(said)
            kept_in = options["books"] or Path(said["books"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{path} does not say how the bank is set up: {type(error).__name__} {error}") from None
        books = Books(kept_in, knows_everybody=settings.knows_everybody)
        service = Service(books, settings)
        number = options["listener"]
        listener = None if number is None else socket.socket(fileno=number)
        server = serve(service, options["port"], listener)
        self.stdout.write(f"The bank listens on http://127.0.0.1:{server.server_address[1]}")
        ended = threading.Event()
        worker = threading.Thread(target=_work, args=(service, server, kept_in, ended), daemon=True)
        worker.start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            ended.set()
            worker.join()
            server.server_close()
            books.close()


def _work(service: Service, server: ThreadingHTTPServer, kept_in: Path, ended: threading.Event) -> None:
    """Book what waits, twice a second: a file is answered a moment after it came, as at a bank. A bank whose books were
    deleted is over."""
    while not ended.wait(WORK_SECONDS):
        if not kept_in.exists():
            server.shutdown()
            return
        service.work()
