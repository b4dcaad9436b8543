"""What the bank does with what reaches it: takes files and calls in, books them, writes its reports and statements."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from bekal.simulation.bank import answers
from bekal.simulation.bank.books import Books, Order
from bekal.simulation.bank.faults import bend, put_out
from bekal.simulation.bank.orders import OrderError, read_orders

ACCOUNT = "0000000001"
"""The account that the programme pays from."""


@dataclass(slots=True)
class Bank:
    """One payment partner. `is_old`: it writes the older generation of each form."""

    books: Books
    partner: str
    is_old: bool = False

    def take_file(self, name: str, content: bytes) -> str | None:
        """Take a file of orders in; None, or why not. What is taken is booked by `work`."""
        try:
            file = read_orders(name, content)
        except (OrderError, ValueError) as error:
            return str(error)
        sha256 = hashlib.sha256(content).hexdigest()
        if self.books.receive(self.partner, file.message_id, sha256, file.form, file.day, file.orders) is not None:
            return f"{file.message_id} names another file already"
        return None

    def take_order(self, reference: str, number: str, holder_name: str, amount: int, day: date) -> bool:
        """Take one order that came by itself in and book it at once; False where its reference is known."""
        order = Order(reference, number, holder_name, amount)
        if not self.books.receive_one(self.partner, day, order, form="api"):
            return False
        self.books.book(self.partner, "api")
        return True

    def work(self, at: datetime) -> int:
        """Book every file that waits and put its reports out, each file whole or not at all; how many."""
        waiting = self.books.waiting(self.partner)
        return sum(self._work_off(message_id, form, day, at) for message_id, form, day in waiting)

    def _work_off(self, message_id: str, form: str, day: date, at: datetime) -> bool:
        with self.books.transaction():
            received = self.books.received(self.partner, message_id)
            # Another process over the same books may have been first.
            if received is None or received[2]:
                return False
            self.books.book(self.partner, message_id)
            booked = self.books.of_file(self.partner, message_id)
            # Where the day that was asked for is closed already it is booked on a later one.
            day = date.fromisoformat(booked[0].day) if booked else day
            lines = bend(self.books, self.partner, booked)
            if form == "csv":
                put_out(self.books, self.partner, f"status-{message_id}.csv", answers.csv_statuses(lines))
                return True
            original = (message_id, form, received[0], received[1])
            pain, camt = (
                (answers.PAIN_002_OLD, answers.CAMT_054_OLD) if self.is_old else (answers.PAIN_002, answers.CAMT_054)
            )
            report = answers.report(self._name("RPT", day), pain, original, lines, at)
            put_out(self.books, self.partner, f"{pain}-{message_id}.xml", report)
            name = self._name("NTF", day)
            notification = answers.notification(name, camt, ACCOUNT, lines, day, at)
            put_out(self.books, self.partner, f"{camt}-{message_id}.xml", notification)
            return True

    def give_back(self, reference: str, reason: str, day: date, at: datetime) -> bool:
        """Return a payment that was paid, and notify it; whether there was one."""
        with self.books.transaction():
            return self._give_back(reference, reason, day, at)

    def _give_back(self, reference: str, reason: str, day: date, at: datetime) -> bool:
        if not self.books.give_back(self.partner, reference, reason, day):
            return False
        lines = [one for one in self.books.of_reference(self.partner, reference) if one.state == "returned"]
        day = date.fromisoformat(lines[-1].returned_day or day.isoformat())
        form = answers.CAMT_054_OLD if self.is_old else answers.CAMT_054
        name = self._name("RTN", day)
        # Only what came back: the payment itself was notified on its day.
        notified = [line for line in lines if line.day != day.isoformat()] or lines
        content = answers.notification(name, form, ACCOUNT, notified, day, at)
        put_out(self.books, self.partner, f"{form}-{name}.xml", content)
        return True

    def statement(self, day: date, form: str, at: datetime) -> bytes:
        """The day's statement in that form: `camt.053` or `mt940`."""
        opening = self.books.balance_before(self.partner, day)
        money_in = self.books.put_in_on(self.partner, day)
        lines = self.books.of_day(self.partner, day)
        name = f"STM{day:%Y%m%d}{self.partner.upper()}"
        if form == "mt940":
            return answers.mt940(name, ACCOUNT, opening, money_in, lines, day)
        chosen = answers.CAMT_053_OLD if self.is_old else answers.CAMT_053
        return answers.statement(name, chosen, ACCOUNT, opening, money_in, lines, day, at)

    def _name(self, kind: str, day: date) -> str:
        """A name for ever: by the number that the answer will have."""
        return f"{kind}{day:%Y%m%d}{self.partner.upper()}{self.books.newest_answer() + 1:06d}"
