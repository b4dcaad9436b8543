"""What `completions` asks of and writes to the database, set by set."""

from bekal.exchange.export_columns import instant_sql
from bekal.exchange.history import LIMIT, Line, one_by_one, post_lines, refuse_other
from bekal.exchange.progress import Progress
from bekal.exchange.staging import Staged
from bekal.ledger.clock import JAKARTA
from bekal.ledger.movements import Movement
from bekal.purchases.training_summary import Increase, increase

_NEW = "row.purchase_id IS NULL AND row.participation_id IS NOT NULL AND row.training_id IS NOT NULL"
_REFUND = {"balance": Movement.REFUND_TO_BALANCE, "treasury": Movement.REFUND_TO_TREASURY}
# What the database knows of the attendance of a purchase, by sequence, as the file would say it.
_ATTENDED = """(SELECT array_agg(evidence.recorded_at ORDER BY number)
    FROM generate_series(1, (SELECT max(known.sequence) FROM purchases_evidence known
                             WHERE known.purchase_id = purchase.id AND known.piece = 'attendance'
                               AND known.source = 'institution' AND known.holds)) AS number
    LEFT JOIN LATERAL (SELECT min(said.recorded_at) AS recorded_at FROM purchases_evidence said
                       WHERE said.purchase_id = purchase.id AND said.piece = 'attendance'
                         AND said.source = 'institution' AND said.holds AND said.sequence = number) evidence
        ON true)"""


def prepare(staged: Staged) -> None:
    """Fill in what the file leaves open, as its documentation says."""
    staged.write("""
        UPDATE history_row SET attended = array_fill(completed_at, ARRAY[session_count::integer])
        WHERE attended IS NULL AND completed_at IS NOT NULL AND session_count IS NOT NULL AND purchase_id IS NULL
          AND NOT is_told
    """)
    staged.write("""
        UPDATE history_row row SET ordinal = coalesce(purchase.ordinal, numbered.ordinal)
        FROM (SELECT line, purchase_id, row_number() OVER (PARTITION BY participation_id, purchase_id IS NULL
                                              ORDER BY bought_at, line)
                     + (SELECT coalesce(max(known.ordinal), 0) FROM purchases_purchase known
                        WHERE known.participation_id = numbering.participation_id) AS ordinal
              FROM history_row numbering) numbered
        LEFT JOIN purchases_purchase purchase ON purchase.id = numbered.purchase_id
        WHERE row.line = numbered.line AND row.ordinal IS NULL
    """)


def check(staged: Staged) -> None:
    """Refuse every row that the programme could not have seen, or knows otherwise."""
    staged.refuse_repeated("nik_hash, training", "training", "this person's purchase of this training")
    _check_known(staged)
    _check_place(staged)
    _check_refunds(staged)
    _check_sessions(staged)
    _check_codes(staged)
    _check_ordinals(staged)
    staged.refuse(
        "training",
        "only {} seats of this training exist, and this file sells more: raise seat_count, or take rows out",
        f"""
        SELECT min(line) AS line, training.seat_count FROM history_row row
        JOIN catalogue_training training ON training.id = row.training_id WHERE {_NEW}
        GROUP BY training.id HAVING training.bought_count + count(*) > training.seat_count {LIMIT}
        """,
    )


def _check_known(staged: Staged) -> None:
    """What a file leaves blank agrees with whatever has happened since."""
    journey = [
        f"row.{name} IS NOT NULL AND row.{name} IS DISTINCT FROM purchase.{name}"
        for name in ("redeemed_at", "completed_at", "reconciled_at")
    ]
    refuse_other(
        staged,
        "training",
        "this person's purchase of this training",
        f"""
        history_row row JOIN purchases_purchase purchase ON purchase.id = row.purchase_id
        LEFT JOIN purchases_redeemcodedirectory code ON code.purchase_id = purchase.id
        LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
        WHERE (purchase.price_rupiah, purchase.ordinal, purchase.bought_at)
              <> (row.price_rupiah, row.ordinal, row.bought_at)
           OR {" OR ".join(journey)}
           OR row.attended IS NOT NULL AND NOT row.is_told AND {_ATTENDED} IS DISTINCT FROM row.attended
           OR row.code_hash IS NOT NULL AND code.code_hash IS DISTINCT FROM row.code_hash
           OR row.ended_at IS NOT NULL AND (purchase.ended_at, purchase.ending, purchase.refunded_rupiah)
              IS DISTINCT FROM (row.ended_at, row.ending, row.refunded_rupiah)
           OR row.settled_at IS NOT NULL AND settlement.settled_at IS DISTINCT FROM row.settled_at
        """,
    )


def _check_place(staged: Staged) -> None:
    """A purchase needs a place that was open at its instant."""
    for instant, words in (
        ("accepted_at", "this is before the person was accepted ({}): correct it"),
        ("opened_at", "the opening balance of {} holds this purchase already: take the row out"),
    ):
        staged.refuse(
            "bought_at",
            words,
            f"SELECT line, {instant_sql(instant)} FROM history_row row WHERE bought_at < {instant} {LIMIT}",
        )
    staged.refuse(
        "bought_at",
        "the training balance of this person ended on {}: nothing could be bought after that day",
        f"""
        SELECT line, place.balance_ends_on FROM history_row row
        JOIN participants_participation place ON place.id = row.participation_id
        WHERE {_NEW} AND (row.bought_at AT TIME ZONE '{JAKARTA.key}')::date > place.balance_ends_on {LIMIT}
        """,
    )
    staged.refuse(
        "nik",
        "the place of this person was revoked or the balance ended: no purchase can be added any more",
        f"""
        SELECT line FROM history_row row
        WHERE {_NEW} AND (revoked_at IS NOT NULL OR balance_ended_at IS NOT NULL) {LIMIT}
        """,
    )


def _check_refunds(staged: Staged) -> None:
    staged.refuse(
        "refunded_to",
        "the training balance of this person ended on {}: what was refunded later went to the treasury",
        f"""
        SELECT line, place.balance_ends_on FROM history_row row
        JOIN participants_participation place ON place.id = row.participation_id
        WHERE {_NEW} AND row.refunded_to = 'balance'
          AND (row.ended_at AT TIME ZONE '{JAKARTA.key}')::date > place.balance_ends_on {LIMIT}
        """,
    )


def _check_sessions(staged: Staged) -> None:
    staged.refuse(
        "attended_at",
        "the training has {} sessions, and here are {}: correct the list or the training's session_count",
        f"""
        SELECT line, session_count, cardinality(attended) FROM history_row row
        WHERE {_NEW} AND NOT is_told AND cardinality(attended) > session_count {LIMIT}
        """,
    )
    staged.refuse(
        "attended_at",
        "completed, but not every one of the {} sessions was attended: write an instant for each",
        f"""
        SELECT line, session_count FROM history_row row
        WHERE {_NEW} AND NOT is_told AND completed_at IS NOT NULL
          AND (cardinality(attended) < session_count OR array_position(attended, NULL) IS NOT NULL) {LIMIT}
        """,
    )


def _check_codes(staged: Staged) -> None:
    staged.refuse(
        "redeem_code",
        "another purchase has this code: correct it, or leave it blank",
        f"""
        SELECT line FROM (
            SELECT row.*, row_number() OVER (PARTITION BY row.code_hash ORDER BY row.line) AS place
            FROM history_row row WHERE row.code_hash IS NOT NULL
        ) row
        WHERE place > 1 OR {_NEW} AND EXISTS (SELECT 1 FROM purchases_redeemcodedirectory known
                                              WHERE known.code_hash = row.code_hash) {LIMIT}
        """,
    )


def _check_ordinals(staged: Staged) -> None:
    """Buying numbers the next purchase by how many there are: a gap would make it fail for ever."""
    staged.refuse(
        "ordinal",
        "with this file the purchases of this person are not numbered 1, 2, 3 and so on: correct them",
        f"""
        SELECT line FROM (
            SELECT participation_id, min(line) AS line FROM (
                SELECT participation_id, ordinal, line FROM history_row row WHERE {_NEW}
                UNION ALL
                SELECT purchase.participation_id, purchase.ordinal, NULL FROM purchases_purchase purchase
                WHERE purchase.participation_id IN (SELECT participation_id FROM history_row row WHERE {_NEW})
            ) every
            GROUP BY participation_id HAVING count(DISTINCT ordinal) <> count(*) OR max(ordinal) <> count(*)
        ) misnumbered {LIMIT}
        """,
    )


def write(staged: Staged, progress: Progress) -> dict[str, int]:
    """Write the new purchases and what follows from them; counts by what was done."""
    _write_settlements(staged)
    added_count = staged.write(f"""
        INSERT INTO purchases_purchase (participation_id, training_id, price_rupiah, ordinal, redeem_code_encrypted,
                                        bought_at, redeemed_at, completed_at, reconciled_at, ended_at, ending,
                                        refunded_rupiah, settlement_id)
        SELECT row.participation_id, row.training_id, row.price_rupiah, ordinal, code_encrypted,
               bought_at, redeemed_at, completed_at, reconciled_at, ended_at, ending, refunded_rupiah, settlement.id
        FROM history_row row JOIN catalogue_training training ON training.id = row.training_id
        LEFT JOIN purchases_institutionsettlement settlement
            ON settlement.institution_id = training.institution_id AND settlement.ordered_at = row.settled_at
            AND settlement.part = 0
        WHERE {_NEW} ORDER BY line
    """)
    # From here on the new rows have their numbers in a table of their own.
    staged.write(f"""
        CREATE TEMPORARY TABLE new_purchase ON COMMIT DROP AS
        SELECT row.line, purchase.id, row.attended, row.code_hash, row.refunded_to, row.settled_at,
               row.is_told
        FROM history_row row JOIN purchases_purchase purchase
            ON purchase.participation_id = row.participation_id AND purchase.training_id = row.training_id
        WHERE {_NEW};
        ALTER TABLE new_purchase ADD PRIMARY KEY (line);
        ANALYZE new_purchase
    """)
    staged.write("""
        INSERT INTO purchases_redeemcodedirectory (code_hash, purchase_id)
        SELECT code_hash, id FROM new_purchase WHERE code_hash IS NOT NULL ORDER BY line
    """)
    evidence_count = staged.write("""
        INSERT INTO purchases_evidence (purchase_id, piece, source, sequence, recorded_at, door)
        SELECT purchase.id, piece, 'institution', sequence, recorded_at, 'import' FROM new_purchase
        JOIN purchases_purchase purchase ON purchase.id = new_purchase.id
        CROSS JOIN LATERAL (
            SELECT 'attendance' AS piece, sequence, attended_at AS recorded_at
            FROM unnest(new_purchase.attended) WITH ORDINALITY AS session (attended_at, sequence)
            WHERE attended_at IS NOT NULL
            UNION ALL SELECT 'completion', 1, purchase.completed_at WHERE purchase.completed_at IS NOT NULL
        ) evidence WHERE NOT new_purchase.is_told ORDER BY new_purchase.line, piece, sequence
    """)
    with one_by_one(staged):
        _post(staged, progress)
    counted = staged.fetch("""
        SELECT training_id, count(*), count(completed_at), max(bought_at)
        FROM new_purchase JOIN purchases_purchase USING (id) GROUP BY training_id
    """)
    increase({training: Increase(bought, done, bought_at=last_at) for training, bought, done, last_at in counted})
    staged.write("DROP TABLE new_purchase")
    return {
        "added": added_count,
        "unchanged": staged.row_count - added_count,
        "pieces of evidence added": evidence_count,
    }


def _write_settlements(staged: Staged) -> None:
    """What institutions were paid, by instant: one row each, to which another file may add."""
    staged.write(f"""
        INSERT INTO purchases_institutionsettlement AS known
            (institution_id, ordered_at, settled_at, purchase_count, total_rupiah)
        SELECT training.institution_id, row.settled_at, row.settled_at, count(*),
               sum(row.price_rupiah - row.refunded_rupiah)
        FROM history_row row JOIN catalogue_training training ON training.id = row.training_id
        WHERE {_NEW} AND row.settled_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (institution_id, ordered_at, part) DO UPDATE SET
            purchase_count = known.purchase_count + excluded.purchase_count,
            total_rupiah = known.total_rupiah + excluded.total_rupiah
    """)


def _post(staged: Staged, progress: Progress) -> None:
    """Balance to escrow when it was bought, from there to the institution when proven, back what was not proven, and
    to the institution's account when settled; free ones move nothing."""
    chunks = staged.chunks(
        """
        SELECT line, participation_id, training_id, price_rupiah, bought_at, coalesce(reconciled_at, ended_at),
               refunded_rupiah, refunded_to, settled_at
        FROM new_purchase JOIN purchases_purchase USING (id)
        WHERE price_rupiah > 0 AND line > %(after)s ORDER BY line LIMIT %(size)s
        """,
        progress,
        "posting",
    )
    for chunk in chunks:
        lines: list[Line] = []
        for (
            line,
            owner_id,
            training_id,
            price_rupiah,
            bought_at,
            over_at,
            refunded_rupiah,
            refunded_to,
            paid_at,
        ) in chunk:
            lines.append((line, owner_id, Movement.PURCHASE, price_rupiah, f"purchase:{training_id}", bought_at))
            earned_rupiah = price_rupiah - refunded_rupiah
            if over_at is not None and earned_rupiah:
                lines.append((line, owner_id, Movement.COMPLETION, earned_rupiah, f"completion:{training_id}", over_at))
            if refunded_rupiah:
                lines.append((line, owner_id, _REFUND[refunded_to], refunded_rupiah, f"refund:{training_id}", over_at))
            if paid_at is not None and earned_rupiah:
                movement = Movement.SETTLE_INSTITUTION
                lines.append((line, owner_id, movement, earned_rupiah, f"institution:{training_id}", paid_at))
        post_lines(
            staged, lines, "price_rupiah", "this person's purchases cost more than the training balance: correct them"
        )
