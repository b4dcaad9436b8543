"""People with the money they would have after a year, written set by set in the state the verbs leave them in.

So many buyers, and 18 for every hundred who never bought, as in 2020. Nothing that the ledger's proof does not look at
is written (evidence, reviews, one-time codes). Numbers of participants, accounts and participations are the same, so
that a statement can name them by arithmetic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bekal.ledger.movements import Movement
from bekal.ledger.post import movement_sql

JAKARTA = ZoneInfo("Asia/Jakarta")
ACCEPTED_AT = datetime(2020, 4, 20, 9, tzinfo=JAKARTA)
BOUGHT_AT, REDEEMED_AT, COMPLETED_AT, RECONCILED_AT = (ACCEPTED_AT + timedelta(days=days) for days in (2, 3, 5, 6))
ENTITLED_AT = RECONCILED_AT + timedelta(hours=1)
SETTLED_AT = RECONCILED_AT + timedelta(days=10)
REVOKED_AT = datetime(2020, 5, 21, 0, 10, tzinfo=JAKARTA)
SENT_AT, ANSWERED_AT = (datetime(2020, 5, 27, hour, tzinfo=JAKARTA) for hour in (9, 15))
TRAINING_COUNT = 1_000
PRICES_RUPIAH = (400_000, 350_000)
IDLE_PERCENT = 18

ENVELOPE = (
    (Movement.COMMIT_TRAINING, 1_000_000, "commit:training"),
    (Movement.COMMIT_INCENTIVE, 2_400_000, "commit:incentive"),
    (Movement.COMMIT_SURVEY, 150_000, "commit:survey"),
)
_INTO = """
INSERT INTO ledger_transfer (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)
"""


@dataclass(frozen=True, slots=True)
class World:
    """How many bought, and how many did not. Buyers have the numbers 1 to `buyer_count`."""

    buyer_count: int
    idle_percent: int = IDLE_PERCENT

    @property
    def idle_count(self) -> int:
        return self.buyer_count * self.idle_percent // 100

    @property
    def people_count(self) -> int:
        return self.buyer_count + self.idle_count


def people(execute: Callable[..., Any], world: World) -> None:
    """A catalogue, and everybody with a place in a wave; no money yet."""
    values = {
        "people": world.people_count,
        "buyers": world.buyer_count,
        "trainings": TRAINING_COUNT,
        "prices": list(PRICES_RUPIAH),
        "registered_at": ACCEPTED_AT - timedelta(days=8),
        "accepted_at": ACCEPTED_AT,
    }
    for statement in (
        """INSERT INTO accounts_user (password, login_name, display_name, role, language, is_active, is_demo)
           SELECT '!', 'petugas-' || n, 'Petugas ' || n, 'officer', 'id', true, false FROM generate_series(1, 2) n""",
        """INSERT INTO catalogue_category (id, slug, name_id, name_en) OVERRIDING SYSTEM VALUE
           VALUES (1, 'keterampilan', 'Keterampilan', 'Skills')""",
        """INSERT INTO catalogue_institution (id, code, name) OVERRIDING SYSTEM VALUE
           SELECT n, 'lembaga-' || n, 'Lembaga ' || n FROM generate_series(1, 20) n""",
        # Odd trainings cost the first price, even ones the second.
        """INSERT INTO catalogue_training
               (id, code, title, description, price_rupiah, mode, session_count, on_sale, listed_at, bought_count,
                completed_count, rating_count, rating_sum, category_id, institution_id) OVERRIDING SYSTEM VALUE
           SELECT n, 'pelatihan-' || n, 'Pelatihan ' || n, '', (%(prices)s::bigint[])[2 - n %% 2], 'online', 1, true,
                  %(registered_at)s, 0, 0, 0, 0, 1, 1 + n %% 20 FROM generate_series(1, %(trainings)s) n""",
        """INSERT INTO participants_wave (id, number, opens_on, closes_on, quota_count) OVERRIDING SYSTEM VALUE
           VALUES (1, 1, '2020-04-11', '2020-04-16', %(people)s)""",
        """INSERT INTO participants_participant (id, full_name, nik_encrypted, sex, born_on, education, employment,
               province, registered_at) OVERRIDING SYSTEM VALUE
           SELECT n, 'Peserta ' || n, '\\x00', CASE n %% 2 WHEN 0 THEN 'F' ELSE 'M' END,
                  date '1975-01-01' + (n %% 9000)::int, 1 + n %% 6, 1, 31, %(registered_at)s
           FROM generate_series(1, %(people)s) n""",
        """INSERT INTO participants_participation (id, participant_id, wave_id, accepted_at, accepted_on,
               first_purchase_due_on, balance_ends_on) OVERRIDING SYSTEM VALUE
           SELECT n, n, 1, %(accepted_at)s, '2020-04-20', '2020-05-20', '2020-12-15'
           FROM generate_series(1, %(people)s) n""",
    ):
        execute(statement, values)


def accounts(execute: Callable[..., Any], world: World) -> None:
    """An account for every buyer, whose number nobody can read."""
    execute(
        """INSERT INTO participants_payoutaccount (id, participant_id, partner, number_encrypted, masked, holder_name,
               verified_at) OVERRIDING SYSTEM VALUE
           SELECT n, n, 'bni', '\\x00', '••••', 'Peserta ' || n, %(registered_at)s
           FROM generate_series(1, %(buyers)s) n""",
        {"buyers": world.buyer_count, "registered_at": ACCEPTED_AT - timedelta(days=8)},
    )


def trained(execute: Callable[..., Any], world: World) -> None:
    """Two trainings bought, completed and reconciled by every buyer; the first of them settled to its institution."""
    values = {
        "buyers": world.buyer_count,
        "trainings": TRAINING_COUNT,
        "prices": list(PRICES_RUPIAH),
        "bought_at": BOUGHT_AT,
        "redeemed_at": REDEEMED_AT,
        "completed_at": COMPLETED_AT,
        "reconciled_at": RECONCILED_AT,
        "settled_at": SETTLED_AT,
    }
    for statement in (
        """INSERT INTO purchases_purchase (participation_id, training_id, price_rupiah, ordinal, bought_at, redeemed_at,
               completed_at, reconciled_at)
           SELECT n, 2 * (n %% (%(trainings)s / 2)) + ordinal, (%(prices)s::bigint[])[ordinal], ordinal, %(bought_at)s,
                  %(redeemed_at)s, %(completed_at)s, %(reconciled_at)s
           FROM generate_series(1, %(buyers)s) n CROSS JOIN generate_series(1, 2) ordinal""",
        """UPDATE catalogue_training training SET bought_count = sold.count, completed_count = sold.count
           FROM (SELECT training_id, count(*) FROM purchases_purchase GROUP BY training_id) sold
           WHERE sold.training_id = training.id""",
        f"""{_INTO} SELECT participation_id, {movement_sql(Movement.PURCHASE)}, price_rupiah,
               'purchase:' || training_id, bought_at FROM purchases_purchase""",
        f"""{_INTO} SELECT participation_id, {movement_sql(Movement.COMPLETION)}, price_rupiah,
               'completion:' || training_id, reconciled_at FROM purchases_purchase""",
        """UPDATE ledger_trainingbalance SET remaining_rupiah = granted_rupiah - (SELECT sum(price) FROM
               unnest(%(prices)s::bigint[]) price) WHERE owner_id <= %(buyers)s""",
        """INSERT INTO purchases_institutionsettlement (institution_id, ordered_at, settled_at, purchase_count,
               total_rupiah)
           SELECT training.institution_id, %(settled_at)s, %(settled_at)s, count(*), sum(purchase.price_rupiah)
           FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
           WHERE ordinal = 1 GROUP BY training.institution_id""",
        """UPDATE purchases_purchase purchase SET settlement_id = settlement.id
           FROM catalogue_training training
           JOIN purchases_institutionsettlement settlement ON settlement.institution_id = training.institution_id
           WHERE training.id = purchase.training_id AND ordinal = 1""",
        f"""{_INTO} SELECT participation_id, {movement_sql(Movement.SETTLE_INSTITUTION)}, price_rupiah,
               'institution:' || training_id, %(settled_at)s FROM purchases_purchase WHERE ordinal = 1""",
    ):
        execute(statement, values)


def paid(execute: Callable[..., Any]) -> None:
    """The first instalment of everybody who earned one: planned, approved, sent and paid."""
    values = {"sent_at": SENT_AT, "answered_at": ANSWERED_AT}
    for statement in (
        """INSERT INTO incentives_payoutrun (id, planned_for, payout_count, total_rupiah, list_sha256, planned_at,
               planned_by_id, approved_at, approved_sha256, approved_by_id, exported_at) OVERRIDING SYSTEM VALUE
           SELECT 1, '2020-05-27', count(*), sum(amount_rupiah), sha256('list'), %(sent_at)s, min(officer.first),
                  %(sent_at)s, sha256('list'), min(officer.second), %(sent_at)s
           FROM incentives_entitlement,
                (SELECT min(id) AS first, max(id) AS second FROM accounts_user) officer WHERE instalment = 1""",
        """INSERT INTO incentives_payout (entitlement_id, run_id, account_id, partner, masked_account, attempt,
               amount_rupiah, reference)
           SELECT id, 1, participation_id, 'bni', '••••', 1, amount_rupiah, 'BKL1-' || id
           FROM incentives_entitlement WHERE instalment = 1 ORDER BY id""",
        """INSERT INTO incentives_payoutfile (run_id, direction, partner, name, sha256, content_encrypted, line_count,
               total_rupiah, stored_at)
           SELECT 1, direction, 'bni', 'run1-' || direction, sha256(direction::bytea), '\\x00', payout_count,
                  total_rupiah, stored_at
           FROM incentives_payoutrun
           CROSS JOIN (VALUES ('out', %(sent_at)s), ('back', %(answered_at)s)) AS file(direction, stored_at)""",
        """INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)
           SELECT payout.id, answer.state, '', file.id, file.stored_at
           FROM (VALUES ('out', 'sent'), ('back', 'settled')) AS answer(direction, state)
           JOIN incentives_payoutfile file ON file.direction = answer.direction
           CROSS JOIN incentives_payout payout ORDER BY file.id, payout.id""",
        *(
            f"""{_INTO} SELECT participation_id, {movement_sql(movement)}, payout.amount_rupiah,
                   '{state}:' || reference, %({at})s
               FROM incentives_payout payout
               JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id"""
            for movement, state, at in (
                (Movement.SEND_INCENTIVE, "sent", "sent_at"),
                (Movement.SETTLE, "settled", "answered_at"),
            )
        ),
    ):
        execute(statement, values)
