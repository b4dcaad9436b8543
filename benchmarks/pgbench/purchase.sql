\set owner_id random(1, :owners)
\set number random(1, 9000000000000000000)
\set amount 1
WITH moved AS (
    UPDATE ledger_trainingbalance SET remaining_rupiah = remaining_rupiah - :amount
    WHERE owner_id = :owner_id AND CASE WHEN remaining_rupiah >= :amount THEN true ELSE false END
    RETURNING owner_id
)
INSERT INTO ledger_transfer (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)
SELECT owner_id, 2, 3, 2, :amount, 'purchase-:number', '2020-04-22 09:00:00+07:00'::timestamptz FROM moved;
