"""What a restore could lose or bend, done on purpose to a restored database: the comparison must tell each of them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Tables from which a row can go without another row's asking for it.
LOSABLE_SQL = """
SELECT quote_ident(relname) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND confrelid = pg_class.oid)
ORDER BY 1
"""
ROW_SQL = "SELECT ctid::text FROM {table} ORDER BY ctid OFFSET %s LIMIT 1"
GUARDS_DOWN_SQL = "ALTER TABLE {table} DISABLE TRIGGER USER"
LOSE_SQL = "DELETE FROM {table} WHERE ctid = %s::tid"
BENT: Mapping[str, tuple[str, str]] = {
    "a rupiah more in a transfer": (
        "ledger_transfer",
        "UPDATE ledger_transfer SET amount_rupiah = amount_rupiah + 1 WHERE ctid = %s::tid",
    ),
    "a transfer given to somebody else": (
        "ledger_transfer",
        "UPDATE ledger_transfer SET owner_id = owner_id + (1::bigint << 60) WHERE ctid = %s::tid",
    ),
    "a stored balance that is a rupiah off": (
        "ledger_trainingbalance",
        "UPDATE ledger_trainingbalance SET remaining_rupiah = abs(remaining_rupiah - 1) WHERE ctid = %s::tid",
    ),
}


@dataclass(frozen=True, slots=True)
class Loss:
    """One change: its name, and what does it."""

    name: str
    statements: Sequence[tuple[str, Sequence[Any]]]

    def happen(self, cursor: Any) -> None:
        """Raises RuntimeError where it changed nothing: then nothing was tried."""
        for statement, values in self.statements:
            cursor.execute(statement, values)
        if cursor.rowcount != 1:
            raise RuntimeError(f"{self.name}: {cursor.rowcount} rows were changed, not one")


def losses(cursor: Any, row_counts: Mapping[str, int], seed_number: int) -> Iterator[Loss]:
    """A row lost from a table that the seed chooses, and each thing bent once, in a row that it chooses."""
    chance = random.Random(seed_number)
    cursor.execute(LOSABLE_SQL)
    table = chance.choice([table for (table,) in cursor.fetchall() if row_counts.get(table)])
    wanted = {f"a row of {table} lost": (table, LOSE_SQL.format(table=table)), **BENT}
    for name, (touched, statement) in wanted.items():
        cursor.execute(ROW_SQL.format(table=touched), [chance.randrange(row_counts[touched])])
        (place,) = cursor.fetchone()
        yield Loss(name, ((GUARDS_DOWN_SQL.format(table=touched), ()), (statement, (place,))))
