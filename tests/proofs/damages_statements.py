"""Ways to break what holds between the partners' statements, the books, and the certificates of closed days."""

from tests.proofs.damages import Damage

STATEMENT_GUARDS_DOWN = (
    "ALTER TABLE incentives_statement DISABLE TRIGGER USER, DROP CONSTRAINT incentives_statement_adds_up",
    "ALTER TABLE incentives_statementline DISABLE TRIGGER USER",
    "ALTER TABLE incentives_dayclosing DISABLE TRIGGER USER",
)
BESIDE_STATEMENTS: dict[str, Damage] = {
    "a statement that does not add up": Damage(
        "UPDATE incentives_statement SET closing_rupiah = closing_rupiah + 1 WHERE id = 1", "adds up", {"I5"}
    ),
    "a line of a statement that was lost": Damage(
        "DELETE FROM incentives_statementline WHERE statement_id = 2", "adds up", {"I5"}
    ),
    "a line of a statement for another payment": Damage(
        "UPDATE incentives_statementline SET reference = 'BKL9' WHERE statement_id = 1 AND line = 1",
        "whatever stands on a partner's statement",
        {"I5"},
    ),
    "a line of a statement to another account": Damage(
        "UPDATE incentives_payout SET account_hash = sha256('here') WHERE reference = (SELECT reference"
        " FROM incentives_statementline WHERE statement_id = 1 AND line = 1);"
        "UPDATE incentives_statementline SET account_hash = sha256('there') WHERE statement_id = 1 AND line = 1",
        "and to its account",
        {"I5"},
    ),
    "a payment that stands on statements twice": Damage(
        "UPDATE incentives_statementline SET reference = (SELECT reference FROM incentives_statementline"
        " WHERE statement_id = 1 AND line = 2) WHERE statement_id = 1 AND line = 1",
        "once, in its amount",
        {"I5"},
    ),
    "a payment that no statement shows": Damage(
        "UPDATE incentives_statementline SET said = 'returned' WHERE statement_id = 1 AND line = 1",
        "stands on the partner's statements two weeks later",
        {"I5"},
    ),
    "a certificate that was written anew": Damage(
        "UPDATE incentives_dayclosing SET content = content || 'x,,,,,' WHERE number = 2",
        "has the hash of its content",
        set(),
    ),
    "a certificate that was written anew with its hash": Damage(
        "UPDATE incentives_dayclosing SET content = content || 'x,,,,,',"
        " sha256 = sha256(convert_to(content || 'x,,,,,', 'UTF8')) WHERE number = 2",
        "names the one before",
        set(),
    ),
    "a certificate over other books": Damage(
        "UPDATE incentives_dayclosing SET ledger_rupiah = ledger_rupiah + 1 WHERE number = 3",
        "says the balances",
        {"I5"},
    ),
    "a difference without a name": Damage(
        "UPDATE incentives_dayclosing SET ledger_rupiah = ledger_rupiah - 5, content = replace(replace(content,"
        " 'ledger_closing,,,,' || ledger_rupiah, 'ledger_closing,,,,' || (ledger_rupiah - 5)),"
        " 'difference_total,,,,0', 'difference_total,,,,5') WHERE number = 3;"
        "UPDATE incentives_dayclosing SET sha256 = sha256(convert_to(content, 'UTF8')) WHERE number = 3",
        "names every rupiah",
        {"I5"},
    ),
}
