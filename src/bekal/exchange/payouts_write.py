"""What `payouts` writes, set by set: instalments, attempts, what the partners answered, and the money that moved."""

import hashlib
from datetime import datetime

from bekal.accounts.privacy import encrypt
from bekal.exchange.history import LIMIT, Line, one_by_one, post_lines
from bekal.exchange.payouts_check import OWN_REFERENCE
from bekal.exchange.progress import Progress
from bekal.exchange.staging import Staged
from bekal.incentives.answers import REJECT, RETURN
from bekal.incentives.export_payout_run import SEND
from bekal.incentives.models import Entitlement, PayoutFile
from bekal.incentives.queries import earned_unpaid
from bekal.incentives.reverse_payouts import REVERSE
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.queries import balances_of

_COMMITTED = (Kind.INCENTIVE_COMMITTED, Kind.SURVEY_COMMITTED)
_EARNED_TOO_MUCH = "with this file the person earned more than the rules of the day of acceptance commit: correct it"


def write(staged: Staged, at: datetime, progress: Progress) -> dict[str, int]:
    """Write what is new; counts by what was done. What shows only in the end refuses the file all the same."""
    _pass_over_references(staged)
    instalment_count = staged.write("""
        INSERT INTO incentives_entitlement
            (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)
        SELECT participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at
        FROM (SELECT DISTINCT ON (participation_id, kind, instalment) * FROM payout_row WHERE entitlement_id IS NULL
              ORDER BY participation_id, kind, instalment, line) first
        ORDER BY line
    """)
    attempt_count = _write_attempts(staged)
    _write_files(staged, at)
    answer_count = _write_statuses(staged)
    with one_by_one(staged):
        _post(staged, progress)
        _refuse_uncommitted(staged, progress)
    _refuse_misnumbered(staged)
    staged.write("DROP TABLE new_payout")
    new_count = staged.fetch(
        "SELECT count(*) FROM payout_row WHERE entitlement_id IS NULL OR is_planned AND payout_id IS NULL"
    )
    return {
        "instalments added": instalment_count,
        "attempts added": attempt_count,
        "answers added": answer_count,
        "unchanged": staged.row_count - new_count[0][0],
    }


def _pass_over_references(staged: Staged) -> None:
    """The reference of a payment follows from the number of its instalment: no instalment of ours may ever get a number
    that an imported reference carries, or two payments would have one reference."""
    staged.write(f"""
        SELECT count(nextval(pg_get_serial_sequence('incentives_entitlement', 'id')))
        FROM generate_series(1, greatest(0,
            (SELECT max(substring(reference FROM '{OWN_REFERENCE}')::bigint) FROM payout_row WHERE payout_id IS NULL)
            - (SELECT nextval(pg_get_serial_sequence('incentives_entitlement', 'id')))))
    """)


def _write_attempts(staged: Staged) -> int:
    staged.write("""
        CREATE TEMPORARY TABLE new_payout ON COMMIT DROP AS
        SELECT row.line, row.participation_id, row.kind, entitlement.id AS entitlement_id, row.run_id, row.account_id,
               row.partner, row.masked, row.attempt, row.amount_rupiah, row.state, row.sent_at, row.reason_code,
               row.answered_at, row.came_back_at, row.run_exported_at, row.run_cancelled_at,
               coalesce(row.reference, 'BKL' || lpad(entitlement.id::text, 14, '0') || 'A'
                   || lpad(row.attempt::text, greatest(2, length(row.attempt::text)), '0')) AS reference
        FROM payout_row row
        JOIN incentives_entitlement entitlement ON entitlement.participation_id = row.participation_id
            AND entitlement.kind = row.kind AND entitlement.instalment = row.instalment
        WHERE row.is_planned AND row.payout_id IS NULL;
        ALTER TABLE new_payout ADD PRIMARY KEY (line);
        ANALYZE new_payout
    """)
    return staged.write("""
        INSERT INTO incentives_payout
            (entitlement_id, run_id, account_id, partner, masked_account, account_hash, attempt, amount_rupiah,
             reference, ended_at)
        SELECT entitlement_id, run_id, account_id, partner, masked,
               CASE WHEN state = 'planned' THEN (SELECT account_hash FROM participants_payoutaccountdirectory directory
                                                 WHERE directory.account_id = new_payout.account_id) END,
               attempt, amount_rupiah, reference,
               CASE state WHEN 'rejected' THEN answered_at
                          WHEN 'cancelled' THEN coalesce(run_cancelled_at, run_exported_at) ELSE came_back_at END
        FROM new_payout ORDER BY line
    """)


FILES_SQL = """
SELECT direction, run_id, run.planned_for, partner, count(*), sum(amount_rupiah)::bigint
FROM (SELECT 'out' AS direction, run_id, partner, amount_rupiah FROM new_payout WHERE sent_at IS NOT NULL
      UNION ALL SELECT 'back', run_id, partner, amount_rupiah FROM new_payout WHERE answered_at IS NOT NULL) exchanged
JOIN incentives_payoutrun run ON run.id = run_id
WHERE NOT EXISTS (SELECT 1 FROM incentives_payoutfile known WHERE known.run_id = exchanged.run_id
                  AND known.partner = exchanged.partner AND known.direction = exchanged.direction)
GROUP BY direction, run_id, run.planned_for, partner ORDER BY run_id, partner, direction
"""


def _write_files(staged: Staged, at: datetime) -> None:
    """The files themselves stayed where they were: a sentence stands in for each, which no partner would take."""
    files = []
    for direction, run_id, planned_for, partner, line_count, total_rupiah in staged.fetch(FILES_SQL):
        content = (
            f"Imported history: run {run_id}, partner {partner}, {PayoutFile.Direction(direction).label}. "
            "The file itself stayed in the system it came from.\n"
        )
        files.append(
            PayoutFile(
                run_id=run_id,
                direction=direction,
                partner=partner,
                name=f"imported-{planned_for:%Y%m%d}-run{run_id}-{partner}-{direction}.txt",
                sha256=hashlib.sha256(content.encode()).digest(),
                content_encrypted=encrypt(content),
                line_count=line_count,
                total_rupiah=total_rupiah,
                stored_at=at,
            )
        )
    PayoutFile.objects.bulk_create(files)


def _write_statuses(staged: Staged) -> int:
    """What was sent, answered and came back, each with the (oldest) file of its run and partner, apart from what the
    programme did itself; how many answers."""
    counts = []
    for state, direction, instant, reason in (
        ("'sent'", "out", "sent_at", "''"),
        (
            "CASE WHEN new.came_back_at IS NULL THEN new.state ELSE 'settled' END",
            "back",
            "answered_at",
            "CASE WHEN new.came_back_at IS NULL THEN new.reason_code ELSE '' END",
        ),
        ("new.state", "back", "came_back_at", "new.reason_code"),
    ):
        counts.append(
            staged.write(f"""
                INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)
                SELECT payout.id, {state}, {reason}, CASE WHEN {state} <> 'reversed' THEN
                       (SELECT min(file.id) FROM incentives_payoutfile file WHERE file.run_id = new.run_id
                        AND file.partner = new.partner AND file.direction = '{direction}') END, new.{instant}
                FROM new_payout new JOIN incentives_payout payout ON payout.reference = new.reference
                WHERE new.{instant} IS NOT NULL ORDER BY new.line
            """)
        )
    # Of a list that was sent only what was kept back was not.
    staged.write("""
        INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, recorded_at)
        SELECT payout.id, 'withheld', new.reason_code, new.run_exported_at
        FROM new_payout new JOIN incentives_payout payout ON payout.reference = new.reference
        WHERE new.state = 'cancelled' AND new.run_cancelled_at IS NULL ORDER BY new.line
    """)
    return counts[1]


def _post(staged: Staged, progress: Progress) -> None:
    """Committed money into transit when it was sent, to the participant or back when it was answered, and back when it
    came back."""
    chunks = staged.chunks(
        """
        SELECT line, participation_id, kind, amount_rupiah, reference, sent_at, state, answered_at, came_back_at
        FROM new_payout
        WHERE sent_at IS NOT NULL AND line > %(after)s ORDER BY line LIMIT %(size)s
        """,
        progress,
        "posting",
    )
    for chunk in chunks:
        lines: list[Line] = []
        for line, owner_id, kind, amount_rupiah, reference, sent_at, state, answered_at, back_at in chunk:
            of_kind = Entitlement.Kind(kind)
            lines.append((line, owner_id, SEND[of_kind], amount_rupiah, f"sent:{reference}", sent_at))
            if answered_at is not None:
                is_rejected = state == "rejected"
                movement, key = (REJECT[of_kind], "rejected") if is_rejected else (Movement.SETTLE, "settled")
                lines.append((line, owner_id, movement, amount_rupiah, f"{key}:{reference}", answered_at))
            if back_at is not None:
                movement = (REVERSE if state == "reversed" else RETURN)[of_kind]
                lines.append((line, owner_id, movement, amount_rupiah, f"{state}:{reference}", back_at))
        post_lines(staged, lines, "amount_rupiah", _EARNED_TOO_MUCH)


def _refuse_misnumbered(staged: Staged) -> None:
    staged.refuse(
        "instalment",
        "with this file the instalments of this person have several amounts, or incentive instalments are not numbered "
        "without gaps from 1 (after those paid before): add the missing ones, also where nothing was paid yet",
        f"""
        SELECT (SELECT min(row.line) FROM payout_row row WHERE row.participation_id = place.id) AS line
        FROM incentives_entitlement earned JOIN participants_participation place ON place.id = earned.participation_id
        WHERE place.id IN (SELECT participation_id FROM payout_row) GROUP BY place.id, earned.kind
        HAVING min(amount_rupiah) <> max(amount_rupiah) OR (earned.kind = 'incentive' AND (
            min(instalment) <> place.incentives_paid_before_count + 1
            OR count(*) <> max(instalment) - place.incentives_paid_before_count)) {LIMIT}
        """,
    )


def _refuse_uncommitted(staged: Staged, progress: Progress) -> None:
    """What is committed to a person covers what is earned and not paid, as after every verb."""
    staged.write("""
        CREATE TEMPORARY TABLE payout_owner ON COMMIT DROP AS
        SELECT min(line) AS line, participation_id FROM payout_row GROUP BY participation_id;
        ALTER TABLE payout_owner ADD PRIMARY KEY (line)
    """)
    owners_sql = "SELECT line, participation_id FROM payout_owner WHERE line > %(after)s ORDER BY line LIMIT %(size)s"
    for chunk in staged.chunks(owners_sql, progress, "checking"):
        owner_ids = [owner_id for _, owner_id in chunk]
        held, unpaid = balances_of(owner_ids=owner_ids), earned_unpaid(participation_ids=owner_ids)
        for line, owner_id in chunk:
            money = held.get(owner_id, {})
            if any(money.get(kind, 0) < unpaid.get((owner_id, kind), 0) for kind in _COMMITTED):
                staged.refuse_line(line, "amount_rupiah", _EARNED_TOO_MUCH)
    staged.write("DROP TABLE payout_owner")
