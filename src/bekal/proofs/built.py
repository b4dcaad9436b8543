"""A programme written by SQL in the state the verbs leave one in: for proofs that need many transfers, or every kind of
movement, and not the verbs. It knows what the invariants know, and shares no code with the verbs either.

People are numbered from 1, participations and payout accounts likewise; what happens to one follows from the number
modulo 20. About twelve transfers for each of them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")
TRANSFERS_PER_PERSON = 12
ACCEPTED_AT = datetime(2020, 4, 20, 9, tzinfo=JAKARTA)
INSTANTS = {
    "registered_at": ACCEPTED_AT - timedelta(days=8),
    "accepted_at": ACCEPTED_AT,
    "bought_at": ACCEPTED_AT + timedelta(days=2),
    "redeemed_at": ACCEPTED_AT + timedelta(days=3),
    "completed_at": ACCEPTED_AT + timedelta(days=5),
    "proven_at": ACCEPTED_AT + timedelta(days=6),
    "answered_at": ACCEPTED_AT + timedelta(days=8),
    "refunded_at": ACCEPTED_AT + timedelta(days=20),
    "revoked_at": datetime(2020, 5, 21, 0, 10, tzinfo=JAKARTA),
    "settled_at": ACCEPTED_AT + timedelta(days=30),
    "sent_at": datetime(2020, 5, 27, 9, tzinfo=JAKARTA),
    "told_at": datetime(2020, 5, 27, 15, tzinfo=JAKARTA),
    "came_back_at": datetime(2020, 6, 3, 9, tzinfo=JAKARTA),
    "again_at": datetime(2020, 6, 10, 9, tzinfo=JAKARTA),
    "clawed_at": datetime(2020, 9, 1, 9, tzinfo=JAKARTA),
    "repaid_at": datetime(2020, 9, 15, 9, tzinfo=JAKARTA),
    "ended_at": datetime(2020, 12, 16, 0, 10, tzinfo=JAKARTA),
    "closed_at": datetime(2021, 6, 20, 0, 10, tzinfo=JAKARTA),
}
NOW = INSTANTS["closed_at"] + timedelta(days=1)
_POST = """INSERT INTO ledger_transfer
    (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at) """

PEOPLE = (
    """INSERT INTO accounts_user (id, password, login_name, display_name, role, language, is_active, is_demo)
       OVERRIDING SYSTEM VALUE
       SELECT n, '!', 'petugas-' || n, 'Petugas ' || n, 'officer', 'id', true, false FROM generate_series(1, 2) n""",
    """INSERT INTO catalogue_category (id, slug, name_id, name_en) OVERRIDING SYSTEM VALUE
       VALUES (1, 'keterampilan', 'Keterampilan', 'Skills')""",
    """INSERT INTO catalogue_institution (id, code, name) OVERRIDING SYSTEM VALUE
       SELECT n, 'lembaga-' || n, 'Lembaga ' || n FROM generate_series(1, 10) n""",
    # Odd trainings cost Rp400,000, even ones Rp350,000.
    """INSERT INTO catalogue_training (id, code, title, description, price_rupiah, mode, session_count, on_sale,
           listed_at, bought_count, completed_count, rating_count, rating_sum, category_id, institution_id)
       OVERRIDING SYSTEM VALUE
       SELECT n, 'pelatihan-' || n, 'Pelatihan ' || n, '', 350000 + 50000 * (n %% 2), 'webinar', 2, true,
              %(registered_at)s, 0, 0, 0, 0, 1, 1 + n %% 10 FROM generate_series(1, 200) n""",
    """INSERT INTO participants_wave (id, number, opens_on, closes_on, quota_count) OVERRIDING SYSTEM VALUE
       VALUES (1, 1, '2020-04-11', '2020-04-16', %(people)s)""",
    """INSERT INTO participants_participant (id, full_name, nik_encrypted, sex, born_on, education, employment,
           province, registered_at) OVERRIDING SYSTEM VALUE
       SELECT n, 'Peserta ' || n, '\\x00', CASE n %% 2 WHEN 0 THEN 'F' ELSE 'M' END,
              date '1975-01-01' + (n %% 9000)::int, 1 + n %% 6, 1, 31, %(registered_at)s
       FROM generate_series(1, %(people)s) n""",
    """INSERT INTO participants_payoutaccount (id, participant_id, partner, number_encrypted, masked, holder_name,
           verified_at) OVERRIDING SYSTEM VALUE
       SELECT n, n, 'bni', '\\x00', '••••', 'Peserta ' || n, %(registered_at)s FROM generate_series(1, %(people)s) n""",
    """INSERT INTO participants_participation (id, participant_id, wave_id, accepted_at, accepted_on,
           first_purchase_due_on, balance_ends_on, revoked_at, clawed_back_at, balance_ended_at, closed_at)
       OVERRIDING SYSTEM VALUE
       SELECT n, n, 1, %(accepted_at)s, '2020-04-20', '2020-05-20', '2020-12-15',
              CASE WHEN n %% 20 < 2 THEN %(revoked_at)s WHEN n %% 20 IN (10, 11) THEN %(clawed_at)s END,
              CASE WHEN n %% 20 IN (10, 11) THEN %(clawed_at)s END, CASE WHEN n %% 20 >= 12 THEN %(ended_at)s END,
              CASE WHEN n %% 20 = 13 THEN %(closed_at)s END
       FROM generate_series(1, %(people)s) n""",
    """INSERT INTO ledger_trainingbalance (owner_id, granted_rupiah, remaining_rupiah)
       SELECT n, 1000000, 1000000 FROM generate_series(1, %(people)s) n""",
    _POST
    + """SELECT n, 1, kind, 1, rupiah, key, %(accepted_at)s FROM generate_series(1, %(people)s) n
         CROSS JOIN (VALUES (2, 1000000, 'commit:training'), (5, 2400000, 'commit:incentive'),
                            (6, 150000, 'commit:survey')) AS envelope(kind, rupiah, key)""",
)
# Two trainings each. Of the second, 2 is open, 3 refunded to the balance, 4 ended half way, 5 is owed and not settled.
TRAININGS = (
    """INSERT INTO purchases_purchase (id, participation_id, training_id, price_rupiah, ordinal, bought_at, redeemed_at,
           completed_at, reconciled_at, ended_at, ending, refunded_rupiah) OVERRIDING SYSTEM VALUE
       SELECT 2 * n + ordinal, n, 2 * (n %% 100) + ordinal, 450000 - 50000 * ordinal, ordinal, %(bought_at)s,
              %(redeemed_at)s, CASE WHEN is_whole THEN %(completed_at)s END, CASE WHEN is_whole THEN %(proven_at)s END,
              CASE WHEN ordinal = 2 AND n %% 20 IN (3, 4) THEN %(refunded_at)s END,
              CASE WHEN is_whole OR n %% 20 = 2 THEN '' WHEN n %% 20 = 3 THEN 'refunded' ELSE 'partial' END,
              CASE WHEN is_whole OR n %% 20 = 2 THEN 0 WHEN n %% 20 = 3 THEN 350000 ELSE 175000 END
       FROM generate_series(1, %(people)s) n CROSS JOIN generate_series(1, 2) ordinal
       CROSS JOIN LATERAL (SELECT ordinal = 1 OR n %% 20 NOT IN (2, 3, 4) AS is_whole) what WHERE n %% 20 >= 2""",
    """INSERT INTO purchases_evidence (purchase_id, piece, source, sequence, recorded_at)
       SELECT id, 'attendance', 'institution', session, %(redeemed_at)s FROM purchases_purchase
       CROSS JOIN generate_series(1, 2) session
       WHERE reconciled_at IS NOT NULL OR ending = 'partial' AND session = 1""",
    """UPDATE catalogue_training training SET bought_count = sold.count
       FROM (SELECT training_id, count(*) FROM purchases_purchase GROUP BY training_id) sold
       WHERE sold.training_id = training.id""",
    _POST
    + """SELECT participation_id, 2, 3, 2, price_rupiah, 'purchase:' || training_id, bought_at
         FROM purchases_purchase""",
    _POST
    + """SELECT participation_id, 3, 4, 3, price_rupiah - refunded_rupiah, 'completion:' || training_id,
                coalesce(reconciled_at, ended_at) FROM purchases_purchase
         WHERE coalesce(reconciled_at, ended_at) IS NOT NULL AND price_rupiah > refunded_rupiah""",
    _POST
    + """SELECT participation_id, 3, 2, 10, refunded_rupiah, 'refund:' || training_id, ended_at FROM purchases_purchase
         WHERE refunded_rupiah > 0""",
    """INSERT INTO purchases_institutionsettlement (institution_id, ordered_at, settled_at, purchase_count,
           total_rupiah)
       SELECT institution_id, %(settled_at)s, CASE WHEN institution_id > 1 THEN %(settled_at)s::timestamptz END,
              count(*), sum(purchase.price_rupiah)
       FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = training_id
       WHERE reconciled_at IS NOT NULL AND (ordinal = 1 OR participation_id %% 20 <> 5) GROUP BY institution_id""",
    """UPDATE purchases_purchase purchase SET settlement_id = settlement.id
       FROM catalogue_training training
       JOIN purchases_institutionsettlement settlement ON settlement.institution_id = training.institution_id
       WHERE training.id = training_id AND reconciled_at IS NOT NULL
         AND (ordinal = 1 OR participation_id %% 20 <> 5)""",
    _POST
    + """SELECT participation_id, 4, 9, 11, price_rupiah, 'institution:' || training_id, settled_at
         FROM purchases_purchase JOIN purchases_institutionsettlement settlement ON settlement.id = settlement_id
         WHERE settled_at IS NOT NULL""",
    _POST
    + """SELECT id, kind, 1, 7, rupiah, key, revoked_at FROM participants_participation
         CROSS JOIN (VALUES (2, 1000000, 'revoke:training'), (5, 2400000, 'revoke:incentive'),
                            (6, 150000, 'revoke:survey')) AS envelope(kind, rupiah, key) WHERE id %% 20 < 2""",
)
# Two instalments are sent, of some a survey. The second is in transit (6), rejected (7), returned (8) or reversed (9).
PAYOUTS = (
    """INSERT INTO incentives_entitlement (id, participation_id, kind, instalment, amount_rupiah, scheduled_on,
           payment_on, entitled_at, lapsed_at) OVERRIDING SYSTEM VALUE
       SELECT 5 * n::bigint + number, n, CASE number WHEN 5 THEN 'survey' ELSE 'incentive' END,
              CASE number WHEN 5 THEN 1 ELSE number END, CASE number WHEN 5 THEN 50000 ELSE 600000 END,
              '2020-05-25', '2020-05-27', %(answered_at)s,
              CASE WHEN n %% 20 IN (10, 11) AND number > 2 THEN %(clawed_at)s::timestamptz END
       FROM generate_series(1, %(people)s) n CROSS JOIN generate_series(1, 5) number
       WHERE n %% 20 >= 2 AND (number < 5 OR n %% 20 >= 12)""",
    """INSERT INTO engagement_surveyresponse (participation_id, survey_number, channel, answered_at, answers)
       SELECT participation_id, 1, 'dashboard', entitled_at, '{}' FROM incentives_entitlement WHERE kind = 'survey'""",
    """INSERT INTO incentives_payoutrun (id, planned_for, payout_count, total_rupiah, list_sha256, planned_at,
           planned_by_id, approved_at, approved_sha256, approved_by_id, exported_at) OVERRIDING SYSTEM VALUE
       SELECT 1, '2020-05-27', count(*), sum(amount_rupiah), sha256('list'), %(sent_at)s, 1, %(sent_at)s,
              sha256('list'), 2, %(sent_at)s
       FROM incentives_entitlement WHERE instalment <= 2""",
    """INSERT INTO incentives_payout (id, entitlement_id, run_id, account_id, partner, masked_account, attempt,
           amount_rupiah, reference, ended_at) OVERRIDING SYSTEM VALUE
       SELECT id, id, 1, participation_id, 'bni', '••••', 1, amount_rupiah, 'BKL' || lpad(id::text, 14, '0') || 'A01',
              CASE WHEN instalment = 2 AND participation_id %% 20 = 7 THEN %(told_at)s
                   WHEN instalment = 2 AND participation_id %% 20 IN (8, 9) THEN %(came_back_at)s END::timestamptz
       FROM incentives_entitlement WHERE instalment <= 2 ORDER BY id""",
    """INSERT INTO incentives_payoutfile (id, run_id, direction, partner, name, sha256, content_encrypted, line_count,
           total_rupiah, stored_at) OVERRIDING SYSTEM VALUE
       SELECT number, 1, direction, 'bni', 'run1-' || direction, sha256(direction::bytea), '\\x00', payout_count,
              total_rupiah, stored_at
       FROM incentives_payoutrun
       CROSS JOIN (VALUES (1, 'out', %(sent_at)s::timestamptz), (2, 'back', %(told_at)s))
           AS f(number, direction, stored_at)""",
    """INSERT INTO incentives_payoutfile (id, run_id, direction, partner, name, sha256, content_encrypted, line_count,
           total_rupiah, stored_at) OVERRIDING SYSTEM VALUE
       SELECT 3, 1, 'back', 'bni', 'run1-returned', sha256('returned'), '\\x00', count(*),
              coalesce(sum(amount_rupiah), 0), %(came_back_at)s
       FROM incentives_payout WHERE ended_at = %(came_back_at)s AND account_id %% 20 = 8""",
    """INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)
       SELECT payout.id, said.state, said.reason_code, said.file_id, said.at
       FROM incentives_payout payout JOIN incentives_entitlement entitlement ON entitlement.id = entitlement_id
       CROSS JOIN LATERAL (SELECT CASE instalment WHEN 2 THEN participation_id %% 20 ELSE 0 END AS what) fate
       CROSS JOIN LATERAL (VALUES ('sent', '', 1, %(sent_at)s::timestamptz, true),
           ('settled', '', 2, %(told_at)s, what NOT IN (6, 7)), ('rejected', 'AC04', 2, %(told_at)s, what = 7),
           ('returned', 'AC06', 3, %(came_back_at)s, what = 8), ('reversed', 'DUPL', NULL, %(came_back_at)s, what = 9)
       ) AS said(state, reason_code, file_id, at, is_said) WHERE said.is_said ORDER BY said.at, payout.id""",
    _POST
    + """SELECT participation_id, CASE state WHEN 'sent' THEN committed WHEN 'settled' THEN 7 WHEN 'rejected' THEN 7
                                             ELSE 8 END,
                CASE state WHEN 'sent' THEN 7 WHEN 'settled' THEN 8 ELSE committed END,
                CASE state WHEN 'sent' THEN 4 WHEN 'settled' THEN 5 WHEN 'rejected' THEN 6 WHEN 'returned' THEN 12
                           ELSE 13 END, payout.amount_rupiah, state || ':' || reference, status.recorded_at
         FROM incentives_payoutstatus status JOIN incentives_payout payout ON payout.id = payout_id
         JOIN incentives_entitlement entitlement ON entitlement.id = entitlement_id
         CROSS JOIN LATERAL (SELECT CASE kind WHEN 'incentive' THEN 5 ELSE 6 END AS committed) kinds
         ORDER BY status.id""",
)
# The first institution is paid over the rails: the bank sends it back, and it is paid by the next attempt.
SETTLEMENTS = (
    """INSERT INTO incentives_institutionaccount (id, institution_id, partner, number_encrypted, masked, holder_name,
           account_hash, entered_by_id, entered_at, agreed_by_id, agreed_at, pays_from_at) OVERRIDING SYSTEM VALUE
       VALUES (1, 1, 'bni', '\\x00', '••••', 'Lembaga 1', sha256('account'), 1, %(accepted_at)s, 2, %(accepted_at)s,
               %(accepted_at)s)""",
    """INSERT INTO incentives_payoutrun (id, payee, planned_for, payout_count, total_rupiah, list_sha256, planned_at,
           planned_by_id, approved_at, approved_sha256, approved_by_id, exported_at) OVERRIDING SYSTEM VALUE
       SELECT run.id, 'institutions', run.at::date, 1, total_rupiah, sha256('list'), run.at, 1, run.at, sha256('list'),
              2, run.at
       FROM purchases_institutionsettlement
       CROSS JOIN (VALUES (2, %(sent_at)s::timestamptz), (3, %(again_at)s)) AS run(id, at) WHERE institution_id = 1""",
    """INSERT INTO incentives_payout (id, settlement_id, run_id, institution_account_id, partner, masked_account,
           attempt, amount_rupiah, reference, ended_at) OVERRIDING SYSTEM VALUE
       SELECT number, settlement.id, 1 + number, 1, 'bni', '••••', number, total_rupiah,
              'BKS' || lpad(settlement.id::text, 14, '0') || 'A0' || number,
              CASE number WHEN 1 THEN %(came_back_at)s::timestamptz END
       FROM purchases_institutionsettlement settlement CROSS JOIN generate_series(1, 2) number
       WHERE institution_id = 1""",
    """INSERT INTO incentives_payoutfile (id, run_id, direction, partner, name, sha256, content_encrypted, line_count,
           total_rupiah, stored_at) OVERRIDING SYSTEM VALUE
       SELECT file.id, run_id, direction, 'bni', 'institutions-' || file.id, sha256(file.id::text::bytea), '\\x00', 1,
              amount_rupiah, at
       FROM incentives_payout payout
       JOIN (VALUES (4, 1, 'out', %(sent_at)s::timestamptz), (5, 1, 'back', %(told_at)s),
                    (6, 1, 'back', %(came_back_at)s), (7, 2, 'out', %(again_at)s), (8, 2, 'back', %(again_at)s))
           AS file(id, payout_id, direction, at) ON file.payout_id = payout.id""",
    """INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)
       SELECT payout_id, state, reason_code, file_id, stored_at
       FROM (VALUES (1, 'sent', '', 4), (1, 'settled', '', 5), (1, 'returned', 'AC04', 6), (2, 'sent', '', 7),
                    (2, 'settled', '', 8)) AS said(payout_id, state, reason_code, file_id)
       JOIN incentives_payoutfile file ON file.id = file_id
       WHERE EXISTS (SELECT 1 FROM incentives_payout payout WHERE payout.id = payout_id) ORDER BY file_id""",
    """INSERT INTO purchases_settlementfailure (settlement_id, reference, partner, masked_account, reason_code, paid_at,
           failed_at)
       SELECT settlement_id, reference, 'bni', '••••', 'AC04', %(told_at)s, %(came_back_at)s
       FROM incentives_payout WHERE id = 1""",
    """UPDATE purchases_institutionsettlement SET listed_at = %(sent_at)s, settled_at = %(again_at)s
       WHERE institution_id = 1""",
    _POST
    + """SELECT participation_id, debit, credit, reason, price_rupiah, key || training_id || number, at
         FROM purchases_purchase JOIN purchases_institutionsettlement settlement ON settlement.id = settlement_id
         CROSS JOIN (VALUES (4, 9, 11, 'institution:', '', %(told_at)s::timestamptz),
                            (9, 4, 18, 'institution-back:', ':1', %(came_back_at)s),
                            (4, 9, 11, 'institution:', ':2', %(again_at)s))
             AS moved(debit, credit, reason, key, number, at)
         WHERE institution_id = 1 ORDER BY at, participation_id""",
)
# The partner's statements of the day it paid, of the one on which some came back, and of one on which nothing moved.
_STATED = """INSERT INTO incentives_statement (id, partner, account, stated_on, opening_rupiah, debits_rupiah,
           credits_rupiah, closing_rupiah, other_count, other_debits_rupiah, other_credits_rupiah, line_count,
           lines_sha256, file_id, stored_at) OVERRIDING SYSTEM VALUE
       SELECT {number}, 'bni', '1', date '{day}', opening, debits, credits, opening - debits + credits,
              0, 0, 0, count, sha256('{day}'), {file}, timestamptz '{day} 23:00+07'
       FROM (SELECT coalesce((SELECT closing_rupiah FROM incentives_statement ORDER BY stated_on DESC LIMIT 1),
                             10000000000) AS opening, count(*) AS count,
                    coalesce(sum(amount_rupiah) FILTER (WHERE state = 'settled'), 0)::bigint AS debits,
                    coalesce(sum(amount_rupiah) FILTER (WHERE state = 'returned'), 0)::bigint AS credits
             FROM incentives_payoutstatus JOIN incentives_payout payout ON payout.id = payout_id
             WHERE file_id = {file} AND state IN ('settled', 'returned') AND {moves}) moved"""
_STATED_LINES = """INSERT INTO incentives_statementline (statement_id, line, reference, said, amount_rupiah)
       SELECT {number}, row_number() OVER (ORDER BY status.id), reference, state, amount_rupiah
       FROM incentives_payoutstatus status JOIN incentives_payout payout ON payout.id = payout_id
       WHERE file_id = {file} AND state IN ('settled', 'returned') AND {moves}"""
_CLOSED = """INSERT INTO incentives_dayclosing (id, partner, stated_on, number, statement_rupiah, ledger_rupiah,
           after_status_id, until_status_id, content, sha256, previous_sha256, closed_at) OVERRIDING SYSTEM VALUE
       SELECT {number}, 'bni', stated_on, {number}, rupiah, rupiah, after_id, until_id, content,
              sha256(convert_to(content, 'UTF8')), previous, timestamptz '{day} 23:30+07'
       FROM (SELECT stated_on, rupiah, after_id, until_id, previous,
                    concat(E'item,kind,owner,count,rupiah,days\nprevious,', encode(previous, 'hex'),
                           E',,,,\nstatement_closing,,,,', rupiah, E',\nledger_closing,,,,', rupiah,
                           E',\ndifference_total,,,,0,\n') AS content
             FROM (SELECT stated_on, closing_rupiah AS rupiah,
                          coalesce((SELECT max(until_status_id) FROM incentives_dayclosing), 0) AS after_id,
                          (SELECT max(id) FROM incentives_payoutstatus WHERE recorded_at < '{day} 23:00+07')
                              AS until_id,
                          (SELECT sha256 FROM incentives_dayclosing ORDER BY number DESC LIMIT 1) AS previous
                   FROM incentives_statement WHERE id = {number}) figures) written"""
STATED = tuple(
    statement.format(number=number, day=day, file=file, moves=moves)
    for number, day, file, moves in (
        (1, "2020-05-27", 2, "true"),
        (2, "2020-06-03", 3, "true"),
        (3, "2020-06-15", 3, "false"),
    )
    for statement in (_STATED, _STATED_LINES, _CLOSED)
)
# What 10 and 11 received is clawed back; 10 repays a part, of 11 it is withdrawn. Balances end, one of 20 is closed.
ENDINGS = (
    """INSERT INTO lifecycle_clawback (id, participation_id, cause, explanation, incentive_rupiah, training_rupiah,
           decided_by_id, decided_at, approved_by_id, approved_at, due_on, withdrawal_asked_by_id, withdrawal_asked_at,
           withdrawn_by_id, withdrawn_at, withdrawn_because) OVERRIDING SYSTEM VALUE
       SELECT n, n, 'ineligible', 'Menerima bantuan lain.', 1200000, 750000, 1, %(clawed_at)s, 2, %(clawed_at)s,
              '2020-10-31', CASE n %% 20 WHEN 11 THEN 2 END, CASE n %% 20 WHEN 11 THEN %(repaid_at)s END::timestamptz,
              CASE n %% 20 WHEN 11 THEN 1 END, CASE n %% 20 WHEN 11 THEN %(repaid_at)s END::timestamptz,
              CASE n %% 20 WHEN 11 THEN 'Banding diterima.' ELSE '' END
       FROM generate_series(1, %(people)s) n WHERE n %% 20 IN (10, 11)""",
    """INSERT INTO lifecycle_repayment (id, clawback_id, reference, incentive_rupiah, training_rupiah, received_on,
           recorded_by_id, recorded_at) OVERRIDING SYSTEM VALUE
       SELECT id, id, 'NTPN' || id, 1200000, 250000, '2020-09-14', 1, %(repaid_at)s FROM lifecycle_clawback
       WHERE withdrawn_at IS NULL""",
    _POST
    + """SELECT id, kind, 1, 7, rupiah, 'clawback:' || id || key, %(clawed_at)s FROM lifecycle_clawback
         CROSS JOIN (VALUES (2, 250000, ':rest-training'), (5, 1200000, ':rest-incentive'), (6, 150000, ':rest-survey'))
             AS rest(kind, rupiah, key)""",
    _POST
    + """SELECT id, debit, credit, 14, rupiah, 'clawback:' || id || key, %(clawed_at)s FROM lifecycle_clawback
         CROSS JOIN (VALUES (8, 10, 1200000, ':incentive'), (9, 11, 750000, ':training'))
             AS owed(debit, credit, rupiah, key)""",
    _POST
    + """SELECT clawback_id, debit, 1, 15, rupiah, 'repayment:' || id || key, %(repaid_at)s FROM lifecycle_repayment
         CROSS JOIN (VALUES (10, 1200000, ':incentive'), (11, 250000, ':training')) AS part(debit, rupiah, key)""",
    _POST
    + """SELECT id, debit, credit, 16, rupiah, 'withdrawal:' || id || key, %(repaid_at)s FROM lifecycle_clawback
         CROSS JOIN (VALUES (10, 8, 1200000, ':incentive'), (11, 9, 750000, ':training'))
             AS part(debit, credit, rupiah, key)
         WHERE withdrawn_at IS NOT NULL""",
    _POST
    + """SELECT id, 2, 1, 8, 250000, 'end:training', balance_ended_at FROM participants_participation
         WHERE balance_ended_at IS NOT NULL""",
    _POST
    + """SELECT id, 6, 1, 17, 100000, 'close:survey', closed_at FROM participants_participation
         WHERE closed_at IS NOT NULL""",
    """UPDATE ledger_trainingbalance balance SET remaining_rupiah = moved.rupiah
       FROM (SELECT owner_id, sum(CASE credit_kind WHEN 2 THEN amount_rupiah ELSE -amount_rupiah END) AS rupiah
             FROM ledger_transfer WHERE credit_kind = 2 OR debit_kind = 2 GROUP BY owner_id) moved
       WHERE moved.owner_id = balance.owner_id""",
)
STAGES = (PEOPLE, TRAININGS, (*PAYOUTS, *STATED, *SETTLEMENTS), ENDINGS)
# Statements named their rows themselves; whoever adds others goes on behind them.
_GO_ON_SQL = """
SELECT format('SELECT setval(%%L, (SELECT coalesce(max(id), 1) FROM %%I))', pg_get_serial_sequence(table_name, 'id'),
              table_name)
FROM information_schema.columns
WHERE table_schema = 'public' AND column_name = 'id' AND is_identity = 'YES' AND table_name <> 'ledger_transfer'
"""


def build(cursor: Any, people_count: int, *, after_stage: Callable[[datetime], object] | None = None) -> None:
    """Write a programme of so many people into an empty database, as its owner; `after_stage` is called after each of
    the four stages with an instant at its end."""
    if people_count < 20:
        raise ValueError("a built programme has at least 20 people: one of each fate")
    values = {"people": people_count, **INSTANTS}
    ends = (INSTANTS["accepted_at"], INSTANTS["settled_at"], INSTANTS["again_at"], NOW)
    for stage, at in zip(STAGES, ends, strict=True):
        for statement in stage:
            cursor.execute(statement, values)
        if after_stage is not None:
            after_stage(at)
    cursor.execute(_GO_ON_SQL, {})
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)
