"""The bank's own books: accounts, what it was ordered, what it paid. SQLite, so that they survive the process and
several may keep them.

Its books are the truth that the programme's are held against: who was paid how often, and how much.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bekal.simulation.bank.accounts import Account
from bekal.simulation.bank.schema import SCHEMA

BUSY_LIMIT_SECONDS = 60.0
"""So long it waits for another process that writes in the same books."""
MEMORY = timedelta(days=60)
"""So long a reference is remembered: one gateway forgets after two months, and would then pay it again."""

# Beside each order the first one of its reference that is remembered. Without the word about the index SQLite would
# look through the whole day for it.
PENDING_SQL = """
SELECT transfer.id, (SELECT min(first.id) FROM transfer first INDEXED BY transfer_reference
                     WHERE first.partner = transfer.partner AND first.reference = transfer.reference
                       AND first.day >= date(transfer.day, -? || ' days')),
       reference, transfer.number, transfer.holder_name, amount,
       account.holder_name, standing, is_known, balance, ceiling
FROM transfer LEFT JOIN account ON account.partner = transfer.partner AND account.number = transfer.number
WHERE transfer.partner = ? AND message_id = ? AND state = 'pending' ORDER BY transfer.id
"""


@dataclass(frozen=True, slots=True)
class Order:
    """One payment somebody has ordered, in rupiah."""

    reference: str
    number: str
    holder_name: str
    amount: int


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of it: `settled`, `rejected`, `pending` or `returned`, with the reason's ISO code."""

    reference: str
    number: str
    holder_name: str
    amount: int
    state: str
    reason: str
    day: str
    returned_day: str | None


class Books:
    """The books in one file. Safe for several threads and processes; each act is one transaction."""

    def __init__(
        self, path: Path | str = ":memory:", *, knows_everybody: bool = False, memory: timedelta | None = MEMORY
    ) -> None:
        """`knows_everybody`: an account nobody has opened is opened when first paid or asked for, in the name given.
        `memory`: so long it knows what it was ordered; without one it pays whatever it hears, as often as it hears."""
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_LIMIT_SECONDS
        )
        self._lock = threading.RLock()
        self.knows_everybody = knows_everybody
        self._memory = memory
        with self._lock:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(SCHEMA)
        # Books that were begun before the bank kept identity numbers.
        with self.transaction() as connection:
            if "identity" not in {row[1] for row in connection.execute("PRAGMA table_info(account)")}:
                connection.execute("ALTER TABLE account ADD COLUMN identity TEXT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One act upon the books, whole or not at all."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # Accounts

    def open_accounts(self, partner: str, rows: Iterable[Sequence[str | int | None]], *, only_new: bool = False) -> int:
        """Open or change accounts (`only_new`: open only): number, name of the holder, standing (`active`, `blocked`,
        `closed`), whether its holder is known (KYC), balance, ceiling or None, identity number or None. How many."""
        verb = "INSERT OR IGNORE" if only_new else "INSERT OR REPLACE"
        with self.transaction() as connection:
            before = connection.total_changes
            connection.executemany(f"{verb} INTO account VALUES (?{', ?' * 7})", ((partner, *row) for row in rows))
            return connection.total_changes - before

    def knows_anybody(self) -> bool:
        """Whether any account was ever opened."""
        with self.transaction() as connection:
            return connection.execute("SELECT 1 FROM account LIMIT 1").fetchone() is not None

    def account(self, partner: str, number: str) -> tuple[str, str, bool, int, int | None, str | None] | None:
        """Name, standing, whether the holder is known, balance, ceiling, identity number; None where there is none."""
        asked = "holder_name, standing, is_known, balance, ceiling, identity"
        with self.transaction() as connection:
            query = f"SELECT {asked} FROM account WHERE partner = ? AND number = ?"
            row = connection.execute(query, (partner, number)).fetchone()
        return None if row is None else (row[0], row[1], bool(row[2]), row[3], row[4], row[5])

    # Orders

    def receive(
        self, partner: str, message_id: str, sha256: str, form: str, day: date, orders: Sequence[Order]
    ) -> str | None:
        """Take a file of orders in; None, or why not: the file's name stands for another file already. The same file
        again is taken as what it is: received before."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT sha256, day FROM received WHERE partner = ? AND message_id = ?", (partner, message_id)
            ).fetchone()
            if row is not None and self._memory is not None and date.fromisoformat(row[1]) + self._memory >= day:
                return None if row[0] == sha256 else "DUPL"
            total = sum(order.amount for order in orders)
            connection.execute(
                "INSERT OR REPLACE INTO received VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                (partner, message_id, sha256, form, day.isoformat(), len(orders), total),
            )
            self._insert(connection, partner, message_id, day, orders)
            return None

    def receive_one(self, partner: str, day: date, order: Order, form: str) -> bool:
        """Take one order in that came by itself; whether it is new: what is remembered is not paid again."""
        with self.transaction() as connection:
            if self._remembers(connection, partner, order.reference, day):
                return False
            self._insert(connection, partner, form, day, [order])
            return True

    def _insert(
        self, connection: sqlite3.Connection, partner: str, message_id: str, day: date, orders: Iterable[Order]
    ) -> None:
        connection.executemany(
            "INSERT INTO transfer (partner, reference, message_id, number, holder_name, amount, day, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 'pending')",
            ((partner, o.reference, message_id, o.number, o.holder_name, o.amount, day.isoformat()) for o in orders),
        )

    def _remembers(self, connection: sqlite3.Connection, partner: str, reference: str, day: date) -> bool:
        if self._memory is None:
            return False
        row = connection.execute(
            "SELECT 1 FROM transfer INDEXED BY transfer_reference WHERE partner = ? AND reference = ? AND day >= ?",
            (partner, reference, (day - self._memory).isoformat()),
        ).fetchone()
        return row is not None

    def waiting(self, partner: str) -> list[tuple[str, str, date]]:
        """Files that were received and not yet booked: name, form and day."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT message_id, form, day FROM received WHERE partner = ? AND NOT is_done ORDER BY message_id",
                (partner,),
            ).fetchall()
        return [(message_id, form, date.fromisoformat(day)) for message_id, form, day in rows]

    def received(self, partner: str, message_id: str) -> tuple[int, int, bool] | None:
        """Count, sum and whether it is booked, of a file; None where it was never received."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT payment_count, total, is_done FROM received WHERE partner = ? AND message_id = ?",
                (partner, message_id),
            ).fetchone()
        return None if row is None else (row[0], row[1], bool(row[2]))

    def book(self, partner: str, message_id: str) -> None:
        """Pay or reject everything of a file (or everything that came by itself under that name) that is pending, in
        its order: what is paid fills the account for what follows."""
        with self.transaction() as connection:
            memory_days = (self._memory or timedelta()).days
            rows = connection.execute(PENDING_SQL, (memory_days, partner, message_id)).fetchall()
            forced = self.fault_targets(partner, "reject")
            known: dict[str, Account] = {}
            open_day = self._open_day(connection, partner)
            decided, paid = [], set()
            for id_, first_id, reference, number, name, amount, *account in rows:
                if number not in known and account[0] is not None:
                    known[number] = Account(*account)
                reason: str | None = None if self._memory is None or first_id == id_ else "AM05"
                if reason is None and not forced.isdisjoint(("*", reference, number)):
                    reason = self.take_fault(partner, "reject", reference, number)
                if reason is None and number not in known and self.knows_everybody:
                    known[number] = Account(name)
                if reason is None:
                    reason = known[number].reason_against(name, amount) if number in known else "AC01"
                if not reason:
                    known[number].balance += amount
                    paid.add(number)
                decided.append(("rejected" if reason else "settled", reason, open_day, id_))
            # Where the day that was asked for is closed it is booked on the first that is not.
            sql = "UPDATE transfer SET state = ?, reason = ?, day = max(day, ?) WHERE id = ?"
            connection.executemany(sql, decided)
            connection.executemany(
                "INSERT INTO account (partner, number, holder_name, balance) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET balance = excluded.balance",
                ((partner, number, known[number].holder_name, known[number].balance) for number in sorted(paid)),
            )
            connection.execute(
                "UPDATE received SET is_done = 1 WHERE partner = ? AND message_id = ?", (partner, message_id)
            )

    def give_back(self, partner: str, reference: str, reason: str, day: date) -> bool:
        """Take a paid transfer back out of its account and return it; whether there was one."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT id, number, amount FROM transfer WHERE partner = ? AND reference = ? AND state = 'settled'",
                (partner, reference),
            ).fetchone()
            if row is None:
                return False
            connection.execute(
                "UPDATE transfer SET state = 'returned', reason = ?, returned_day = ? WHERE id = ?",
                (reason, max(day.isoformat(), self._open_day(connection, partner)), row[0]),
            )
            connection.execute(
                "UPDATE account SET balance = balance - ? WHERE partner = ? AND number = ?", (row[2], partner, row[1])
            )
            return True

    # Faults that were ordered, and what is used once a day

    def order_fault(self, partner: str, kind: str, target: str, value: str, times: int) -> None:
        """Have the bank fail: `kind` as faults.py lists them, at `target` (an account, a reference, `*`), so often."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO fault (partner, kind, target, value, times_left) VALUES (?, ?, ?, ?, ?)",
                (partner, kind, target, value, times),
            )

    def take_fault(self, partner: str, kind: str, *targets: str) -> str | None:
        """The value of a fault of that kind that is due for one of these, used up by one; None where there is none."""
        with self.transaction() as connection:
            marks = ", ".join("?" * (len(targets) + 1))
            row = connection.execute(
                f"UPDATE fault SET times_left = times_left - 1 WHERE id = (SELECT id FROM fault WHERE partner = ? "
                f"AND kind = ? AND times_left > 0 AND target IN ({marks}) ORDER BY id LIMIT 1) RETURNING value",
                (partner, kind, "*", *targets),
            ).fetchone()
        return None if row is None else row[0]

    def fault_targets(self, partner: str, kind: str) -> set[str]:
        """What faults of that kind are ordered for, so that nobody asks for each line of a file."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT target FROM fault WHERE partner = ? AND kind = ? AND times_left > 0", (partner, kind)
            ).fetchall()
        return {target for (target,) in rows}

    def use_external_id(self, partner: str, day: str, external_id: str) -> bool:
        """Whether this X-EXTERNAL-ID is used for the first time that day, as far as the bank remembers."""
        if self._memory is None:
            return True
        with self.transaction() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO external_id VALUES (?, ?, ?)", (partner, day, external_id)
            )
            return cursor.rowcount == 1

    # What it answers

    def keep_answer(self, partner: str, name: str, content: bytes) -> None:
        """Put a file where the programme fetches it."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO answer (partner, name, content, sha256) VALUES (?, ?, ?, ?)",
                (partner, name, content, sha256),
            )

    def newest_answer(self) -> int:
        """The number of the file that was put out last, over all partners; 0 where there is none."""
        with self.transaction() as connection:
            (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM answer").fetchone()
        return int(newest)

    def answers_after(self, partner: str, number: int) -> list[tuple[int, str, str, int]]:
        """Number, name, SHA-256 and size of the files after that one, at most a hundred."""
        with self.transaction() as connection:
            rows: list[tuple[int, str, str, int]] = connection.execute(
                "SELECT id, name, sha256, length(content) FROM answer WHERE partner = ? AND id > ? "
                "ORDER BY id LIMIT 100",
                (partner, number),
            ).fetchall()
        return rows

    def answer(self, partner: str, number: int) -> bytes | None:
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT content FROM answer WHERE partner = ? AND id = ?", (partner, number)
            ).fetchone()
        return None if row is None else bytes(row[0])

    # Reading

    def of_file(self, partner: str, message_id: str) -> list[Booked]:
        return self._booked("message_id = ?", partner, message_id)

    def of_reference(self, partner: str, reference: str) -> list[Booked]:
        return self._booked("reference = ?", partner, reference)

    def of_day(self, partner: str, day: date) -> list[Booked]:
        """Everything that moved on the account that day: what was paid and what came back."""
        text = day.isoformat()
        return self._booked("(day = ? OR returned_day = ?) AND state IN ('settled', 'returned')", partner, text, text)

    def paid(self, partner: str) -> dict[str, tuple[int, int]]:
        """By reference how often it stands paid, and how much in all: what a proof compares the programme with."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT reference, count(*), sum(amount) FROM transfer WHERE partner = ? AND state = 'settled' "
                "GROUP BY reference",
                (partner,),
            ).fetchall()
        return {reference: (count, total) for reference, count, total in rows}

    def balance_before(self, partner: str, day: date) -> int:
        """What the paying account held when that day began."""
        text = day.isoformat()
        with self.transaction() as connection:
            (money_in,) = connection.execute(
                "SELECT coalesce(sum(amount), 0) FROM money_in WHERE partner = ? AND day < ?", (partner, text)
            ).fetchone()
            (paid, back) = connection.execute(
                "SELECT coalesce(sum(amount) FILTER (WHERE day < ?1), 0), "
                "coalesce(sum(amount) FILTER (WHERE returned_day < ?1), 0) FROM transfer "
                "WHERE partner = ?2 AND state IN ('settled', 'returned')",
                (text, partner),
            ).fetchone()
        return int(money_in - paid + back)

    def put_in(self, partner: str, day: date, amount: int) -> None:
        """Money that the treasury puts on the paying account."""
        with self.transaction() as connection:
            on = max(day.isoformat(), self._open_day(connection, partner))
            connection.execute("INSERT INTO money_in VALUES (?, ?, ?)", (partner, on, amount))

    def close_day(self, partner: str, day: date) -> None:
        """The statement of that day is given out: what comes for it, or for a day before it, is booked on the next."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO closed_day VALUES (?, ?) ON CONFLICT (partner) DO UPDATE SET day = max(day, excluded.day)",
                (partner, day.isoformat()),
            )

    def _open_day(self, connection: sqlite3.Connection, partner: str) -> str:
        """The first day that is not closed; nothing where none is."""
        row = connection.execute("SELECT day FROM closed_day WHERE partner = ?", (partner,)).fetchone()
        return "" if row is None else (date.fromisoformat(row[0]) + timedelta(days=1)).isoformat()

    def put_in_on(self, partner: str, day: date) -> list[int]:
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT amount FROM money_in WHERE partner = ? AND day = ? ORDER BY rowid", (partner, day.isoformat())
            ).fetchall()
        return [amount for (amount,) in rows]

    def _booked(self, condition: str, partner: str, *values: str) -> list[Booked]:
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT reference, number, holder_name, amount, state, reason, day, returned_day FROM transfer "
                f"WHERE partner = ? AND {condition} ORDER BY id",
                (partner, *values),
            ).fetchall()
        return [Booked(*row) for row in rows]
