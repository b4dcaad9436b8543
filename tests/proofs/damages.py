"""Every way to break an invariant, done as somebody with the owner's rights who has taken the guards down.

Each damage: what is done to a built programme (`bekal.proofs.built`, whose people's fates follow from their numbers),
the words of the check that must tell, and every invariant that names it beside the digest chain (I10), which finds all
changes of transfers.
"""

from typing import NamedTuple

GUARDS_DOWN = (
    "ALTER TABLE ledger_transfer DISABLE TRIGGER USER, DROP CONSTRAINT ledger_transfer_allowed_movement,"
    " DROP CONSTRAINT ledger_transfer_amount_in_bounds, DROP CONSTRAINT ledger_transfer_posted_once",
    "ALTER TABLE ledger_trainingbalance DROP CONSTRAINT ledger_trainingbalance_within_grant",
    "DROP INDEX incentives_payout_one_live_attempt",
    "DROP INDEX incentives_payout_one_live_settlement",
    "ALTER TABLE incentives_payoutstatus DISABLE TRIGGER USER",
    "ALTER TABLE incentives_payoutfile DISABLE TRIGGER USER",
    "ALTER TABLE lifecycle_repayment DISABLE TRIGGER USER",
    "ALTER TABLE lifecycle_closedsum DISABLE TRIGGER USER",
    "ALTER TABLE engagement_surveyresponse DISABLE TRIGGER USER",
    "ALTER TABLE catalogue_training DROP CONSTRAINT catalogue_training_sold_within_seats",
    "ALTER TABLE participants_participation DROP CONSTRAINT participants_participation_ends_once",
)
_POST = (
    "INSERT INTO ledger_transfer (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)"
)
_LATER = "'2020-12-20T03:00Z'"
_SECOND = "entitlement_id = 5 * {n} + 2"


class Damage(NamedTuple):
    deed: str
    tells: str
    names: set[str]


DAMAGES: dict[str, Damage] = {
    "an amount below Rp0": Damage(
        "UPDATE ledger_transfer SET amount_rupiah = -1 WHERE owner_id = 12 AND reason = 8",
        "moves a whole positive amount",
        {"I1", "I2", "I8"},
    ),
    "money paid to its own kind": Damage(
        "UPDATE ledger_transfer SET credit_kind = 2 WHERE owner_id = 12 AND reason = 8",
        "moves a whole positive amount",
        {"I1"},
    ),
    "a kind that does not exist": Damage(
        "UPDATE ledger_transfer SET credit_kind = 12 WHERE owner_id = 12 AND reason = 8",
        "all kinds together sum to Rp0",
        {"I1"},
    ),
    "more spent than there was": Damage(
        "UPDATE ledger_transfer SET amount_rupiah = 900000 WHERE owner_id = 5 AND idempotency_key LIKE 'purchase:%%'",
        "no training balance is below Rp0",
        {"I2"},
    ),
    "spent before it was given back": Damage(
        "UPDATE ledger_transfer SET amount_rupiah = amount_rupiah + 300000 WHERE owner_id = 3 AND reason = 2;"
        "UPDATE ledger_transfer SET amount_rupiah = amount_rupiah + 600000 WHERE owner_id = 3 AND reason = 10",
        "after any single transfer",
        {"I2"},
    ),
    "a stored balance that drifted": Damage(
        "UPDATE ledger_trainingbalance SET remaining_rupiah = remaining_rupiah + 1 WHERE owner_id = 5",
        "the stored training balance",
        {"I2"},
    ),
    "a stored balance that was lost": Damage(
        "DELETE FROM ledger_trainingbalance WHERE owner_id = 5", "the stored training balance", {"I2"}
    ),
    "a stored balance for nobody": Damage(
        "INSERT INTO ledger_trainingbalance VALUES (999999, 5, 5)", "the stored training balance", {"I2"}
    ),
    "money that left for nowhere": Damage(
        "UPDATE ledger_transfer SET credit_kind = 0 WHERE owner_id = 12 AND reason = 8",
        "what left the treasury",
        {"I3"},
    ),
    "more settled than was sent": Damage(
        f"{_POST} VALUES (12, 7, 8, 5, 600000, 'settled:x', {_LATER})", "is below Rp0", {"I3"}
    ),
    "an acceptance without its envelope": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 1", "exactly one envelope", {"I3"}
    ),
    "half an envelope": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 5 AND credit_kind = 6 AND reason = 1", "exactly one", {"I3"}
    ),
    "an envelope for nobody": Damage(
        f"{_POST} VALUES (999999, 1, 5, 1, 600000, 'commit:incentive', {_LATER})", "exactly one envelope", {"I3"}
    ),
    "a larger envelope than the rules promise": Damage(
        "UPDATE ledger_transfer SET amount_rupiah = 3000000 WHERE owner_id = 5"
        " AND idempotency_key = 'commit:incentive'",
        "what the rules of the day of acceptance promise",
        {"I3"},
    ),
    "cash that was never earned": Damage(
        f"{_POST} VALUES (12, 6, 7, 4, 50000, 'sent:x', {_LATER}), (12, 7, 8, 5, 50000, 'settled:x', {_LATER})",
        "was earned, incentive and survey each",
        {"I4"},
    ),
    "what is earned was returned": Damage(
        f"{_POST} VALUES (12, 5, 1, 17, 600000, 'close:incentive', {_LATER})",
        "covers what is earned",
        {"I4"},
    ),
    "an instalment left out": Damage(
        "UPDATE incentives_entitlement SET instalment = 7 WHERE id = 5 * 12 + 3", "numbered without gaps", {"I4"}
    ),
    "an instalment of another amount": Damage(
        "UPDATE incentives_entitlement SET amount_rupiah = 500000 WHERE id = 5 * 12 + 3", "carry one amount", {"I4"}
    ),
    "instalments worth more than was promised": Damage(
        "UPDATE incentives_entitlement SET amount_rupiah = 600001 WHERE participation_id = 12 AND kind = 'incentive'",
        "is worth what the rules",
        {"I4", "I5"},
    ),
    "a survey worth less than was promised": Damage(
        "UPDATE incentives_entitlement SET amount_rupiah = 40000 WHERE id = 5 * 14 + 5",
        "is worth what the rules",
        {"I4"},
    ),
    "an incentive without a proven training": Damage(
        "UPDATE purchases_purchase SET completed_at = NULL, reconciled_at = NULL, settlement_id = NULL"
        " WHERE participation_id = 14",
        "only when a first training is proven",
        {"I5", "I6"},
    ),
    "an incentive earned before the training was proven": Damage(
        "UPDATE incentives_entitlement SET entitled_at = '2020-04-22T03:00Z' WHERE id = 5 * 14 + 1",
        "only when a first training is proven",
        {"I5"},
    ),
    "an incentive earned before the opening": Damage(
        "UPDATE participants_participation SET incentives_paid_before_count = 1, opened_at = '2020-09-01T03:00Z'"
        " WHERE id = 14",
        "at the take-over where a part had been paid",
        {"I3", "I4", "I5"},
    ),
    "a last day of the balance put off": Damage(
        "UPDATE participants_participation SET balance_ends_on = '2021-12-15' WHERE id = 5",
        "last days to buy first and to use the balance",
        {"I8"},
    ),
    "a day of acceptance under other rules": Damage(
        "UPDATE participants_participation SET accepted_on = '2023-01-09', first_purchase_due_on = '2023-01-24',"
        " balance_ends_on = '2023-12-31' WHERE id = 5",
        "the day of acceptance is that of its instant",
        {"I3", "I8"},
    ),
    "a longer time to buy first": Damage(
        "UPDATE participants_participation SET first_purchase_due_on = '2020-06-30' WHERE id = 5",
        "last days to buy first",
        {"I8"},
    ),
    "a purchase after the last day": Damage(
        "UPDATE purchases_purchase SET bought_at = '2020-12-15T17:00Z', redeemed_at = NULL"
        " WHERE participation_id = 2 AND ordinal = 2;"
        "UPDATE ledger_transfer SET posted_at = '2020-12-15T17:00Z' WHERE owner_id = 2 AND reason = 2"
        " AND amount_rupiah = 350000",
        "after the last day of the balance",
        {"I8"},
    ),
    "a fifth instalment": Damage(
        "INSERT INTO incentives_entitlement (participation_id, kind, instalment, amount_rupiah, scheduled_on,"
        f" payment_on, entitled_at) VALUES (12, 'incentive', 5, 600000, '2021-05-25', '2021-05-27', {_LATER})",
        "more instalments or surveys than the rules",
        {"I4"},
    ),
    "a survey of another amount": Damage(
        "UPDATE incentives_entitlement SET amount_rupiah = 200000 WHERE id = 5 * 12 + 5",
        "all surveys of a participation carry one amount",
        {"I4"},
    ),
    "two live attempts": Damage(
        "INSERT INTO incentives_payout (entitlement_id, run_id, account_id, partner, masked_account, attempt,"
        " amount_rupiah, reference) VALUES (5 * 12 + 1, 1, 12, 'bni', '', 2, 600000, 'TWICE')",
        "more than one live payout",
        {"I4"},
    ),
    "an instalment paid twice": Damage(
        "INSERT INTO incentives_payout (id, entitlement_id, run_id, account_id, partner, masked_account, attempt,"
        " amount_rupiah, reference) OVERRIDING SYSTEM VALUE"
        " VALUES (99999, 5 * 12 + 1, 1, 12, 'bni', '', 2, 600000, 'TWICE');"
        "INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)"
        f" VALUES (99999, 'sent', '', 1, {_LATER}), (99999, 'settled', '', 2, {_LATER});"
        f"{_POST} VALUES (12, 5, 7, 4, 600000, 'sent:TWICE', {_LATER}),"
        f" (12, 7, 8, 5, 600000, 'settled:TWICE', {_LATER})",
        "paid twice",
        {"I4"},
    ),
    "a survey without its answer": Damage(
        "DELETE FROM engagement_surveyresponse WHERE participation_id = 12", "without the response", {"I4"}
    ),
    "a transfer that no partner knows of": Damage(
        f"{_POST} VALUES (12, 5, 7, 4, 600000, 'sent:x', {_LATER})",
        "transfer of a payout has what was sent",
        {"I5"},
    ),
    "an answer that never reached the ledger": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 12 AND reason = 5", "has every transfer of a payout", {"I5"}
    ),
    "paid in another amount than was answered": Damage(
        "UPDATE ledger_transfer SET amount_rupiah = amount_rupiah - 1 WHERE owner_id = 12 AND reason = 5",
        "agree in amount, kinds and instant",
        {"I5"},
    ),
    "paid at another instant": Damage(
        "UPDATE ledger_transfer SET posted_at = posted_at + interval '1 hour' WHERE owner_id = 12 AND reason = 5",
        "agree in amount, kinds and instant",
        {"I5"},
    ),
    "paid to somebody else's account": Damage(
        "UPDATE incentives_payout SET account_id = 13 WHERE entitlement_id = 5 * 12 + 1",
        "to an account of its person",
        {"I5"},
    ),
    "a payout of another amount": Damage(
        "UPDATE incentives_payout SET amount_rupiah = 600001 WHERE entitlement_id = 5 * 12 + 1",
        "in the amount of its instalment",
        {"I5"},
    ),
    "settled and rejected": Damage(
        "INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)"
        f" SELECT id, 'rejected', 'AC01', 2, {_LATER} FROM incentives_payout WHERE entitlement_id = 5 * 12 + 1",
        "answered once",
        {"I5"},
    ),
    "an attempt that ended without a reason": Damage(
        f"UPDATE incentives_payout SET ended_at = {_LATER} WHERE entitlement_id = 5 * 6 + 2",
        "and nowhere else",
        {"I5"},
    ),
    "a file of fewer lines": Damage(
        "UPDATE incentives_payoutfile SET line_count = line_count - 1 WHERE id = 1", "as many lines", {"I5"}
    ),
    "a file of another sum": Damage(
        "UPDATE incentives_payoutfile SET total_rupiah = total_rupiah - 1 WHERE id = 1", "as many lines", {"I5"}
    ),
    "escrow without a purchase": Damage(
        f"{_POST} VALUES (5, 2, 3, 2, 100000, 'purchase:999', {_LATER})", "the escrow of each participation", {"I6"}
    ),
    "a purchase that was never paid": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 2 AND reason = 2 AND amount_rupiah = 350000",
        "a purchase has every transfer",
        {"I6"},
    ),
    "a transfer under another purchase's key": Damage(
        "UPDATE ledger_transfer SET idempotency_key = 'completion:77' WHERE owner_id = 5 AND reason = 3"
        " AND amount_rupiah = 400000",
        "institution's claim or to the institution has a purchase behind it",
        {"I6"},
    ),
    "owed to an institution in another amount": Damage(
        "UPDATE ledger_transfer SET amount_rupiah = amount_rupiah - 1 WHERE owner_id = 5 AND reason = 3"
        " AND amount_rupiah = 350000",
        "and a purchase agree in amount",
        {"I6"},
    ),
    "an institution paid that was not settled": Damage(
        f"{_POST} SELECT 5, 4, 9, 11, 350000, 'institution:' || training_id, {_LATER} FROM purchases_purchase"
        " WHERE participation_id = 5 AND ordinal = 2",
        "what institutions are owed or were paid",
        {"I6"},
    ),
    "a refund nobody asked for": Damage(
        f"{_POST} SELECT 2, 3, 1, 10, 350000, 'refund:' || training_id, {_LATER} FROM purchases_purchase"
        " WHERE participation_id = 2 AND ordinal = 2",
        "every refund",
        {"I6"},
    ),
    "an ending that refunded nothing": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 4 AND reason = 10", "every refund", {"I6"}
    ),
    "two live payments of a settlement": Damage(
        "UPDATE incentives_payout SET ended_at = NULL WHERE id = 1", "more than one live payment", {"I4", "I5"}
    ),
    "a payment to another institution's account": Damage(
        "UPDATE incentives_institutionaccount SET institution_id = 2", "on which two officers had agreed", {"I5"}
    ),
    "a settlement that is settled by nothing": Damage(
        "UPDATE purchases_institutionsettlement SET settled_at = ordered_at WHERE institution_id = 1",
        "is settled when its payment was",
        {"I5", "I6"},
    ),
    "a failed payment with another reason": Damage(
        "UPDATE incentives_payoutstatus SET reason_code = 'AC06' WHERE payout_id = 1 AND state = 'returned'",
        "stands with its reason",
        {"I5"},
    ),
    "a settlement of another sum": Damage(
        "UPDATE purchases_institutionsettlement SET total_rupiah = total_rupiah + 1", "the count and the sum", {"I6"}
    ),
    "a settlement with another institution": Damage(
        "UPDATE catalogue_training SET institution_id = 1 + institution_id %% 10 WHERE id ="
        " (SELECT training_id FROM purchases_purchase WHERE participation_id = 5 AND ordinal = 1)",
        "all of that institution",
        {"I6"},
    ),
    "settled before the hold was over": Damage(
        "UPDATE purchases_purchase SET reconciled_at = '2020-05-18T03:00Z' WHERE participation_id = 5 AND ordinal = 1;"
        "UPDATE ledger_transfer SET posted_at = '2020-05-18T03:00Z' WHERE owner_id = 5 AND reason = 3"
        " AND amount_rupiah = 400000",
        "the hold is over",
        {"I6"},
    ),
    "a revoked person who kept a balance": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 1 AND idempotency_key = 'revoke:training'",
        "a revoked person has no training balance",
        {"I7"},
    ),
    "a revoked person who kept unearned money": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 1 AND idempotency_key = 'revoke:incentive'",
        "nothing committed but what was earned before",
        {"I7"},
    ),
    "earned after the revocation": Damage(
        f"UPDATE incentives_entitlement SET entitled_at = {_LATER} WHERE id = 5 * 10 + 4",
        "after the revocation",
        {"I7"},
    ),
    "a clawed back person whose money stayed": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 10 AND idempotency_key LIKE '%%rest-incentive'",
        "has nothing committed",
        {"I7"},
    ),
    "an instalment that lapsed without a clawback": Damage(
        "UPDATE incentives_entitlement SET lapsed_at = now() WHERE participation_id = 12 AND instalment = 4",
        "and only then",
        {"I7"},
    ),
    "an instalment that did not lapse with the clawback": Damage(
        "UPDATE incentives_entitlement SET lapsed_at = NULL WHERE participation_id = 10 AND instalment = 4",
        "did not lapse with a clawback",
        {"I4", "I7"},
    ),
    "a revocation at no instant of one": Damage(
        "UPDATE ledger_transfer SET posted_at = posted_at + interval '1 hour' WHERE owner_id = 1 AND reason = 7"
        " AND debit_kind = 5",
        "when the place was revoked or clawed back",
        {"I7"},
    ),
    "a clawback nobody decided": Damage(
        f"{_POST} VALUES (12, 8, 10, 14, 600000, 'clawback:999:incentive', {_LATER})",
        "transfer of a clawback has an approved clawback",
        {"I7"},
    ),
    "a repayment that was not booked": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 10 AND reason = 15 AND debit_kind = 10",
        "has every transfer of a clawback",
        {"I7"},
    ),
    "less asked back than was decided": Damage(
        "UPDATE lifecycle_clawback SET incentive_rupiah = 1200001 WHERE id = 10",
        "an approved clawback, its repayment or its withdrawal agree",
        {"I7"},
    ),
    "a balance that ended with Rp50 left": Damage(
        "UPDATE ledger_transfer SET amount_rupiah = amount_rupiah - 50 WHERE owner_id = 12 AND reason = 8",
        "to the last rupiah",
        {"I8"},
    ),
    "a closed year that kept unearned money": Damage(
        "DELETE FROM ledger_transfer WHERE owner_id = 13 AND reason = 17", "a closed participation", {"I8"}
    ),
    "an end of the balance at another instant": Damage(
        "UPDATE ledger_transfer SET posted_at = posted_at - interval '1 hour' WHERE owner_id = 12 AND reason = 8",
        "the closing of a year returned",
        {"I8"},
    ),
    "a training balance turned into cash": Damage(
        f"{_POST} VALUES (5, 2, 7, 4, 100, 'cash', {_LATER})", "ever reaches a payout", {"I9"}
    ),
    "a training's cost that becomes incentive": Damage(
        f"{_POST} VALUES (10, 11, 8, 16, 100, 'cash', {_LATER})", "ever reaches a payout", {"I9"}
    ),
    "a day's sum a rupiah too high": Damage(
        "UPDATE lifecycle_closedsum SET moved_rupiah = moved_rupiah + 1"
        " WHERE id = (SELECT min(id) FROM lifecycle_closedsum)",
        "sums that are kept",
        {"I10"},
    ),
    "a sum taken away": Damage(
        "DELETE FROM lifecycle_closedsum WHERE id = (SELECT min(id) FROM lifecycle_closedsum)",
        "sums that are kept",
        {"I10"},
    ),
    "more sold than seats": Damage(
        "UPDATE catalogue_training SET seat_count = 0 WHERE bought_count > 0", "more buyers than seats", {"I11"}
    ),
    "buyers counted wrongly": Damage(
        "UPDATE catalogue_training SET bought_count = bought_count + 1 WHERE id = 1", "number of its purchases", {"I11"}
    ),
    "money in transit that nobody owns": Damage(
        "DELETE FROM incentives_payoutstatus WHERE state = 'sent' AND payout_id = 5 * 6 + 2",
        "is explained by open items",
        {"I5", "I12"},
    ),
}
