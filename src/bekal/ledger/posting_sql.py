"""The statements of `post`: a lean one that hopes for the usual case, and a careful one that looks before it writes.

The lean statement trusts the unique keys to find a posting that was made before; whoever sends it falls back to the
careful one, which compares what each key stands for and leaves out, owner by owner, whose balance is too small.

The planner knows nothing of sizes after a bulk load: it takes a million rows for one, and a table whose last ANALYZE
saw only rows that were rolled back for an empty one. So two sets that a statement made itself are joined by FULL JOIN
alone, which has no plan that compares each with each. A table is joined by `= ANY (ARRAY[…])`, which is looked up in
its index row by row and can be neither hashed nor merged: no plan is left that would read the whole table each time.
"""

from bekal.ledger.movements import Kind

_BALANCE = Kind.TRAINING_BALANCE.value
_TREASURY = Kind.TREASURY.value
_COLUMNS = "owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key"
INTO_TRANSFER = f"INSERT INTO ledger_transfer ({_COLUMNS}, posted_at)"

# Postings as arrays. Without instants of their own (a short array is filled with NULL) all are posted at the one given.
# In order, so that rivals with the same keys wait for each other and not in a circle.
GIVEN = """
SELECT owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key,
       coalesce(posted_at, %(at)s) AS posted_at
FROM unnest(%(owners)s::bigint[], %(debits)s::smallint[], %(credits)s::smallint[], %(reasons)s::smallint[],
            %(amounts)s::bigint[], %(keys)s::text[], %(instants)s::timestamptz[])
    AS given(owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)
ORDER BY owner_id, idempotency_key
"""


# The same postings for each of many owners, in the columns that `selected` takes.
COMMITMENTS = f"""
SELECT {_COLUMNS}
FROM unnest(%(owners)s::bigint[]) AS owner_id
CROSS JOIN unnest(%(debits)s::smallint[], %(credits)s::smallint[], %(reasons)s::smallint[], %(amounts)s::bigint[],
                  %(keys)s::text[]) AS alike(debit_kind, credit_kind, reason, amount_rupiah, idempotency_key)
"""


def selected(source: str) -> str:
    """The postings that a SELECT gives, its columns in this order, all at the one instant."""
    return f"SELECT {_COLUMNS}, %(at)s::timestamptz AS posted_at FROM ({source}) AS source({_COLUMNS})"


# One posting of one owner that spends from the training balance: a purchase. The conditional UPDATE locks the row and
# is evaluated again on the newest version after a wait, so that two purchases of the last rupiah cannot both pass.
# Behind CASE the planner does not look up how many balances are large enough: that takes longer than the row itself.
SPEND_SQL = f"""
WITH moved AS (
    UPDATE ledger_trainingbalance SET remaining_rupiah = remaining_rupiah - %(amount_rupiah)s
    WHERE owner_id = %(owner_id)s AND CASE WHEN remaining_rupiah >= %(amount_rupiah)s THEN true ELSE false END
    RETURNING owner_id
)
{INTO_TRANSFER}
SELECT owner_id, %(debit_kind)s, %(credit_kind)s, %(reason)s, %(amount_rupiah)s, %(idempotency_key)s, %(at)s FROM moved
"""

# What changes no balance has nothing to wait for but its keys.
INSERT_GIVEN_SQL = f"{INTO_TRANSFER} {GIVEN}"

_GRANTED = f"""granted AS (
    INSERT INTO ledger_trainingbalance (owner_id, granted_rupiah, remaining_rupiah)
    SELECT owner_id, amount_rupiah, amount_rupiah FROM {{fresh}}
    WHERE debit_kind = {_TREASURY} AND credit_kind = {_BALANCE}
)"""
_CHANGE = f"""change AS (
    SELECT owner_id,
           sum(CASE WHEN credit_kind = {_BALANCE} THEN amount_rupiah ELSE -amount_rupiah END)::bigint AS delta_rupiah
    FROM {{fresh}}
    WHERE {_BALANCE} IN (debit_kind, credit_kind) AND debit_kind <> {_TREASURY}
    GROUP BY owner_id
), moved AS (
    UPDATE ledger_trainingbalance b SET remaining_rupiah = b.remaining_rupiah + c.delta_rupiah
    FROM change c
    WHERE b.owner_id = ANY (ARRAY[c.owner_id]) AND b.remaining_rupiah + c.delta_rupiah >= 0
    RETURNING b.owner_id
)"""


def lean(wanted: str) -> str:
    """Posts all that is wanted, in the order in which it is given: how many owners were refused, how many transfers
    were made, their sum. The rows run straight into the table; what they mean for the balances is read off what was
    written. Is anybody refused, the postings were made all the same: the caller must undo them."""
    return f"""
WITH inserted AS (
    {INTO_TRANSFER}
    SELECT {_COLUMNS}, posted_at FROM ({wanted}) AS wanted
    RETURNING owner_id, debit_kind, credit_kind, amount_rupiah
), {_GRANTED.format(fresh="inserted")}, {_CHANGE.format(fresh="inserted")}
SELECT (SELECT count(*) FROM change) - (SELECT count(*) FROM moved), count(*), coalesce(sum(amount_rupiah), 0)::bigint
FROM inserted
"""


# Per owner all or nothing: an owner whose training balance would leave 0..granted gets none of its fresh postings. Does
# a key stand for something else, nothing is fresh.
def careful(wanted: str, *, naming_repeated: bool) -> str:
    """Posts what is new and allowed. Rows: ('posted', how many, their sum, how many were known, …), and with all their
    columns the postings that were not made: 'refused', 'conflict', and 'repeated' if they are to be named."""
    named = "" if naming_repeated else "AND NOT is_same"
    return f"""
WITH wanted AS MATERIALIZED ({wanted}), looked AS MATERIALIZED (
    SELECT w.*, t.owner_id IS NOT NULL AS is_known,
           (t.debit_kind, t.credit_kind, t.reason, t.amount_rupiah)
               IS NOT DISTINCT FROM (w.debit_kind, w.credit_kind, w.reason, w.amount_rupiah) AS is_same
    FROM wanted w
    LEFT JOIN ledger_transfer t
        ON t.owner_id = ANY (ARRAY[w.owner_id]) AND t.idempotency_key = ANY (ARRAY[w.idempotency_key])
), fresh AS MATERIALIZED (
    SELECT * FROM looked WHERE NOT is_known AND NOT EXISTS (SELECT FROM looked WHERE is_known AND NOT is_same)
), {_GRANTED.format(fresh="fresh")}, {_CHANGE.format(fresh="fresh")}, short AS MATERIALIZED (
    SELECT owner_id AS short_id FROM change EXCEPT SELECT owner_id FROM moved
), decided AS MATERIALIZED (
    SELECT * FROM fresh FULL JOIN short ON short_id = owner_id
), inserted AS (
    {INTO_TRANSFER}
    SELECT {_COLUMNS}, posted_at FROM decided WHERE short_id IS NULL ORDER BY owner_id, idempotency_key
    RETURNING amount_rupiah
)
SELECT 'posted', count(*), coalesce(sum(amount_rupiah), 0)::bigint, (SELECT count(*) FROM looked WHERE is_known),
       NULL, NULL, NULL, NULL FROM inserted
UNION ALL
SELECT CASE WHEN is_same THEN 'repeated' ELSE 'conflict' END, owner_id, amount_rupiah, debit_kind, credit_kind, reason,
       idempotency_key, posted_at
FROM looked WHERE is_known {named}
UNION ALL
SELECT 'refused', owner_id, amount_rupiah, debit_kind, credit_kind, reason, idempotency_key, posted_at
FROM decided WHERE short_id IS NOT NULL
"""


LEAN_GIVEN_SQL = lean(GIVEN)
