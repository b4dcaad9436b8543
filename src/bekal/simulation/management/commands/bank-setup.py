"""`manage bank-setup SETTINGS`: everything that `manage bank` needs to be the payment partner of this demo."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.ledger.clock import is_simulated, programme_now
from bekal.simulation.bank.books import Books
from bekal.simulation.demo_bank import make_access, open_accounts


class Command(BaseCommand):
    help = "Make keys, rails and accounts for the demo's bank; nothing for a programme that no simulation has made."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("settings_file", type=Path, help="the settings of `manage bank`, in a folder of their own")
        parser.add_argument("--address", required=True, help="where the bank will answer: http://127.0.0.1:PORT")
        parser.add_argument("--rails-file", type=Path, required=True, help="what BEKAL_PAYOUT_RAILS is to name")

    def handle(self, *args: Any, **options: Any) -> None:
        address = options["address"].rstrip("/")
        if urlsplit(address).hostname != "127.0.0.1":
            raise CommandError(
                f"--address is {address}: the demo's bank answers on this machine, http://127.0.0.1:PORT."
            )
        # Nobody real is ever "paid" by a bank that does not exist.
        if not is_simulated():
            self.stdout.write("No simulation has made this database: no bank was set up, payouts go out by hand.")
            return
        settings_file = options["settings_file"].resolve()
        try:
            kept_in = make_access(
                settings_file=settings_file, rails_file=options["rails_file"].resolve(), address=address
            )
        except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
            raise CommandError(f"{settings_file.parent}: {error}. Delete the folder to have it made anew.") from None
        books = Books(kept_in)
        kept_in.chmod(0o600)
        try:
            opened = open_accounts(books=books, at=programme_now())
        finally:
            books.close()
        if opened:
            self.stdout.write(f"The bank knows {opened:,} accounts more.")
