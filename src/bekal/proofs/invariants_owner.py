"""What must hold for the money of each participation: one pass over the transfers gives a row for each, and every
condition is asked of that row.

`k2` to `k11` are what the kinds hold (told by number: 1 treasury, 2 training balance, 3 escrow, 4 owed to an
institution, 5 incentive committed, 6 survey pay committed, 7 payout in transit, 8 paid to the participant, 9 paid to
the institution, 10 incentive to be paid back, 11 training cost to be paid back), `out1` what the treasury has given
less what returned; `in2`, `in5`, `in6` what it put there, `back5`, `back6`, `back11` what returned to it from there.
"""

from dataclasses import replace

from bekal.proofs.look import Invariant, Look
from bekal.proofs.promises import AMOUNTS, DEADLINES, NUMBERS, promised_day_sql, promised_sql

# reason * 10000 + paying kind * 100 + paid kind of every transfer there may be, written out once more.
LAWFUL = (
    "10102, 10105, 10106, 20203, 30304, 40507, 40607, 50708, 60705, 60706, 70201, 70501, 70601, 80201, "
    "90102, 90105, 90106, 100301, 100302, 110409, 120805, 120806, 130805, 130806, 140810, 140911, "
    "151001, 151101, 161008, 161109, 170501, 170601, 180904"
)
FAULTY = (
    "(amount_rupiah <= 0 OR debit_kind = credit_kind OR debit_kind NOT BETWEEN 1 AND 11"
    " OR credit_kind NOT BETWEEN 1 AND 11)"
)
UNLAWFUL = f"reason * 10000 + debit_kind * 100 + credit_kind <> ALL (ARRAY[{LAWFUL}])"


def _held(kind: int) -> str:
    return (
        f"sum(CASE credit_kind WHEN {kind} THEN {{amount}} ELSE -{{amount}} END)"
        f" FILTER (WHERE credit_kind = {kind} OR debit_kind = {kind})"
    )


def _moved(debit_kind: int, credit_kind: int) -> str:
    return f"sum({{amount}}) FILTER (WHERE debit_kind = {debit_kind} AND credit_kind = {credit_kind})"


_SUMS = {
    **{f"k{kind}": _held(kind) for kind in range(2, 12)},
    "out1": "sum(CASE debit_kind WHEN 1 THEN {amount} ELSE -{amount} END)"
    " FILTER (WHERE debit_kind = 1 OR credit_kind = 1)",
    "in2": _moved(1, 2),
    "in5": _moved(1, 5),
    "in6": _moved(1, 6),
    "back5": _moved(5, 1),
    "back6": _moved(6, 1),
    "back11": _moved(11, 1),
}
_EARNED = """
    SELECT participation_id,
           count(*) FILTER (WHERE kind = 'incentive') AS instalments,
           min(instalment) FILTER (WHERE kind = 'incentive') AS first_instalment,
           max(instalment) FILTER (WHERE kind = 'incentive') AS last_instalment,
           min(amount_rupiah) FILTER (WHERE kind = 'incentive') AS least_incentive,
           max(amount_rupiah) FILTER (WHERE kind = 'incentive') AS most_incentive,
           count(*) FILTER (WHERE kind = 'survey') AS surveys,
           max(instalment) FILTER (WHERE kind = 'survey') AS last_survey,
           min(amount_rupiah) FILTER (WHERE kind = 'survey') AS least_survey,
           max(amount_rupiah) FILTER (WHERE kind = 'survey') AS most_survey,
           sum(amount_rupiah) FILTER (WHERE kind = 'incentive' AND lapsed_at <= %(as_of)s)::bigint AS lapsed5,
           sum(amount_rupiah) FILTER (WHERE kind = 'survey' AND lapsed_at <= %(as_of)s)::bigint AS lapsed6,
           min(entitled_at) FILTER (WHERE kind = 'incentive') AS first_incentive_at,
           max(entitled_at) AS last_entitled_at
    FROM incentives_entitlement WHERE entitled_at <= %(as_of)s GROUP BY participation_id
"""
# Whether an approved one stands, and whether one was withdrawn: then what is paid may come back and be sent again.
_CLAWED = """
    SELECT participation_id, bool_or(withdrawn_at IS NULL OR withdrawn_at > %(as_of)s) AS stands,
           bool_or(withdrawn_at <= %(as_of)s) AS was_let_go
    FROM lifecycle_clawback WHERE approved_at <= %(as_of)s GROUP BY participation_id
"""
_BOUGHT = """
    SELECT purchase.participation_id, max(bought_at) AS last_bought_at, min(reconciled_at) AS first_proven_at,
           sum(price_rupiah) FILTER (WHERE reconciled_at IS NULL AND ended_at IS NULL)::bigint AS open_rupiah,
           sum(price_rupiah - refunded_rupiah) FILTER (
               WHERE settlement.settled_at IS NULL
                 AND (reconciled_at IS NOT NULL OR ended_at IS NOT NULL))::bigint AS proven_rupiah,
           sum(price_rupiah - refunded_rupiah) FILTER (WHERE settlement.settled_at IS NOT NULL)::bigint
               AS settled_rupiah
    FROM purchases_purchase purchase
    LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
    WHERE bought_at <= %(as_of)s GROUP BY participation_id
"""
_MONEY = f"""
    SELECT owner_id, min(posted_at) FILTER (WHERE reason IN (1, 9)) AS first_at,
           bool_or({FAULTY}) AS is_faulty, bool_or({UNLAWFUL}) AS is_unlawful,
           count(*) FILTER (WHERE reason = 1) AS commitments,
           max(posted_at) FILTER (WHERE credit_kind = 2) AS last_in_at,
           min(posted_at) FILTER (WHERE debit_kind = 2) AS first_out_at,
           max(posted_at) FILTER (WHERE credit_kind = 2 OR debit_kind = 2) AS last_training_at,
           max(posted_at) FILTER (WHERE credit_kind = 7) AS last_sent_at,
           {", ".join(f"{sql} AS {name}" for name, sql in _SUMS.items())}
    FROM ledger_transfer WHERE posted_at <= %(as_of)s GROUP BY owner_id
"""
_OPENED = """
    SELECT owner_id, count(*) AS openings, count(DISTINCT credit_kind) AS opened_kinds,
           max(posted_at) AS last_opening_at, sum(amount_rupiah)::bigint AS opening_rupiah
    FROM ledger_transfer WHERE reason = 9 AND posted_at <= %(as_of)s GROUP BY owner_id
"""


_PLACES = """
    SELECT id, accepted_at, accepted_on, first_purchase_due_on, balance_ends_on, opened_at, opened_rupiah,
           incentives_paid_before_count, CASE WHEN revoked_at <= %(as_of)s THEN revoked_at END AS revoked_at,
           CASE WHEN balance_ended_at <= %(as_of)s THEN balance_ended_at END AS balance_ended_at,
           CASE WHEN clawed_back_at <= %(as_of)s THEN clawed_back_at END AS clawed_back_at,
           CASE WHEN closed_at <= %(as_of)s THEN closed_at END AS closed_at
    FROM participants_participation WHERE accepted_at <= %(as_of)s
"""


# By the day of acceptance, each asked once for all who were accepted on it; instants are where a day begins in Jakarta.
_PROMISES = f"""
    SELECT *, accepted_on::timestamp AT TIME ZONE 'Asia/Jakarta' AS day_begins_at,
           (accepted_on + 1)::timestamp AT TIME ZONE 'Asia/Jakarta' AS day_over_at,
           (promised_end_on + 1)::timestamp AT TIME ZONE 'Asia/Jakarta' AS balance_over_at
    FROM (SELECT accepted_on,
                 {promised_sql(AMOUNTS, "training_balance_rupiah", "accepted_on")} AS promised2,
                 {promised_sql(AMOUNTS, "incentive_rupiah", "accepted_on")} AS promised_incentive,
                 {promised_sql(AMOUNTS, "survey_rupiah", "accepted_on")} AS promised_survey,
                 {promised_sql(NUMBERS, "instalment_count", "accepted_on")} AS promised_instalments,
                 {promised_sql(NUMBERS, "survey_count", "accepted_on")} AS promised_surveys,
                 {promised_sql(DEADLINES, "first_purchase_days", "accepted_on")} AS promised_days,
                 {promised_day_sql(DEADLINES, "balance_end_month_day", "accepted_on")} AS promised_end_on
          FROM (SELECT DISTINCT accepted_on FROM participants_participation) days) promised OFFSET 0
"""
_ROWS = f"""
    SELECT coalesce(p.id, m.owner_id, s.owner_id) AS owner_id, p.id AS participation_id, p.accepted_at, p.accepted_on,
           p.first_purchase_due_on, p.balance_ends_on, p.opened_at, p.opened_rupiah,
           p.incentives_paid_before_count AS paid_before, p.revoked_at, p.balance_ended_at, p.clawed_back_at,
           p.closed_at, m.owner_id IS NOT NULL AS has_money, m.first_at, m.is_faulty, m.is_unlawful, m.commitments,
           coalesce(o.openings, 0) AS openings,
           o.opened_kinds, o.last_opening_at, coalesce(o.opening_rupiah, 0) AS opening_rupiah, m.last_in_at,
           m.first_out_at, m.last_training_at, m.last_sent_at, m.k2 IS NOT NULL AS has_training,
           {", ".join(f"coalesce(m.{name}, 0)::bigint AS {name}" for name in _SUMS)},
           coalesce(e.instalments * e.most_incentive, 0) AS earned5, coalesce(e.surveys * e.most_survey, 0) AS earned6,
           coalesce(e.instalments * e.most_incentive, 0) - coalesce(e.lapsed5, 0) AS owed5,
           coalesce(e.surveys * e.most_survey, 0) - coalesce(e.lapsed6, 0) AS owed6,
           coalesce(c.stands, true) AS is_asked_back, coalesce(c.was_let_go, false) AS was_let_go,
           e.instalments, e.first_instalment,
           e.last_instalment, e.least_incentive, e.most_incentive, e.surveys, e.last_survey, e.least_survey,
           e.most_survey, e.first_incentive_at, e.last_entitled_at,
           b.last_bought_at, b.first_proven_at, coalesce(b.open_rupiah, 0) AS open_rupiah,
           coalesce(b.proven_rupiah, 0) AS proven_rupiah, coalesce(b.settled_rupiah, 0) AS settled_rupiah,
           s.granted_rupiah, s.remaining_rupiah,
           r.promised2, r.promised_incentive, r.promised_survey, r.promised_instalments, r.promised_surveys,
           r.promised_days, r.promised_end_on, r.day_begins_at, r.day_over_at, r.balance_over_at
    FROM ({_PLACES}) p
    LEFT JOIN ({_PROMISES}) r ON r.accepted_on = p.accepted_on
    FULL JOIN ({_MONEY}) m ON m.owner_id = p.id
    LEFT JOIN ({_OPENED}) o ON o.owner_id = m.owner_id
    LEFT JOIN ({_EARNED}) e ON e.participation_id = p.id
    LEFT JOIN ({_CLAWED}) c ON c.participation_id = p.id
    LEFT JOIN ({_BOUGHT}) b ON b.participation_id = p.id
    FULL JOIN ledger_trainingbalance s ON s.owner_id = coalesce(p.id, m.owner_id)
"""
# Asked owner by owner: where nothing is wrong, nothing is read once more.
_TRANSFERS = """SELECT owner_id, (
    SELECT json_agg(row_to_json(t)) FROM (
        SELECT id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key FROM ledger_transfer
        WHERE owner_id = broken.owner_id AND posted_at <= %(as_of)s AND {wrong} LIMIT 3) t) AS transfers
FROM broken WHERE {flag}"""
# Where money came into the balance after some of it had gone out only its history tells whether it was ever below Rp0;
# else it fell from its grant to what is left.
_HAS_TURNED = "coalesce(last_in_at >= first_out_at, false)"
# By instant, or by number where a clock was set back: history that was brought in has its instants in order, the verbs'
# own has its numbers. What is wrong is wrong in both.
_HISTORY = f"""SELECT owner_id, min(by_instant) AS lowest, max(by_instant) AS highest, max(granted) AS granted FROM (
    SELECT owner_id, sum(amount) OVER instants AS by_instant, sum(amount) OVER numbers AS by_number,
           sum(amount) FILTER (WHERE debit_kind = 1) OVER (PARTITION BY owner_id) AS granted
    FROM (SELECT t.owner_id, t.id, t.posted_at, t.debit_kind,
                 CASE t.credit_kind WHEN 2 THEN t.amount_rupiah ELSE -t.amount_rupiah END AS amount
          FROM broken JOIN ledger_transfer t ON t.owner_id = broken.owner_id AND t.posted_at <= %(as_of)s
          WHERE {_HAS_TURNED} AND (t.credit_kind = 2 OR t.debit_kind = 2)) moves
    WINDOW instants AS (PARTITION BY owner_id ORDER BY posted_at, id), numbers AS (PARTITION BY owner_id ORDER BY id)
) running GROUP BY owner_id
HAVING (min(by_instant) < 0 OR max(by_instant) > coalesce(max(granted), 0))
   AND (min(by_number) < 0 OR max(by_number) > coalesce(max(granted), 0))
"""
_KINDS = ", ".join(f"k{kind}" for kind in range(2, 12))

OWNERS = Look(
    _ROWS.replace("{amount}", "amount_rupiah"),
    (
        Invariant(
            "I1",
            "every transfer moves a whole positive amount between two different kinds",
            "is_faulty",
            _TRANSFERS.format(flag="is_faulty", wrong=FAULTY),
        ),
        Invariant(
            "I2",
            "no training balance is below Rp0 or above its grant",
            "k2 < 0 OR k2 > in2",
            "owner_id, k2 AS balance, in2 AS granted",
        ),
        Invariant(
            "I2",
            "nor was it after any single transfer, where refunds came in between",
            _HAS_TURNED,
            _HISTORY,
        ),
        Invariant(
            "I2",
            "the stored training balance equals the derived one, and its grant what the treasury gave",
            "(remaining_rupiah, granted_rupiah) IS DISTINCT FROM"
            " (CASE WHEN has_training THEN k2 END, CASE WHEN has_training THEN in2 END)",
            "owner_id, remaining_rupiah, k2 AS derived_rupiah, granted_rupiah, in2 AS given_rupiah",
            only_now=True,
        ),
        Invariant(
            "I3",
            "of each participation, what left the treasury and did not return is in one of the other kinds",
            f"out1 <> {_KINDS.replace(', ', ' + ')}",
            f"owner_id, out1 AS left_treasury, {_KINDS}",
        ),
        Invariant("I3", "no kind of any participation is below Rp0", f"least({_KINDS}) < 0", f"owner_id, {_KINDS}"),
        Invariant(
            "I3",
            "every participation has exactly one envelope, committed when it was accepted, or taken over once with the "
            "sum that was noted then, and no money moves without one",
            """participation_id IS NULL AND has_money
               OR participation_id IS NOT NULL AND opened_at IS NULL
                  AND (NOT has_money OR openings > 0 OR first_at <> accepted_at OR commitments <>
                       (promised2 > 0)::int + (promised_incentive * promised_instalments > 0)::int
                       + (promised_survey * promised_surveys > 0)::int)
               OR opened_at > %(as_of)s AND has_money
               OR opened_at <= %(as_of)s
                  AND (opening_rupiah <> opened_rupiah OR has_money AND (
                       commitments > 0 OR openings <> opened_kinds
                       OR first_at < opened_at OR last_opening_at IS DISTINCT FROM opened_at))""",
            "owner_id, participation_id, accepted_at, opened_at, opened_rupiah, first_at, commitments, openings, "
            "opening_rupiah",
        ),
        Invariant(
            "I3",
            "the envelope is what the rules of the day of acceptance promise",
            """opened_at IS NULL AND participation_id IS NOT NULL AND (in2, in5, in6) IS DISTINCT FROM
               (promised2::bigint, (promised_incentive * promised_instalments)::bigint,
                (promised_survey * promised_surveys)::bigint)""",
            "owner_id, accepted_on, in2 AS training_rupiah, in5 AS incentives_rupiah, in6 AS surveys_rupiah, "
            "promised2 AS promised_rupiah",
        ),
        Invariant(
            "I4",
            "what was paid or is on its way was earned, incentive and survey each",
            "in5 - back5 - k5 > earned5 OR in6 - back6 - k6 > earned6",
            "owner_id, in5 - back5 - k5 AS incentive_out, earned5 AS incentive_earned, in6 - back6 - k6 AS survey_out, "
            "earned6 AS survey_earned",
        ),
        Invariant(
            "I4",
            "what is committed covers what is earned and did not lapse with a clawback",
            "in5 - back5 < owed5 OR in6 - back6 < owed6",
            "owner_id, in5 - back5 AS incentive_committed, owed5 AS incentive_owed, "
            "in6 - back6 AS survey_committed, owed6 AS survey_owed",
        ),
        Invariant(
            "I4",
            "incentive instalments of a participation are numbered without gaps, from 1 or after those that were paid "
            "before it was taken over, and carry one amount",
            """instalments > 0 AND (first_instalment <> paid_before + 1 OR instalments <> last_instalment - paid_before
               OR least_incentive <> most_incentive)""",
            "owner_id, instalments, first_instalment, last_instalment, paid_before, least_incentive, most_incentive",
        ),
        Invariant(
            "I4",
            "nobody earns more instalments or surveys than the rules of the day of acceptance give",
            "last_instalment > promised_instalments OR last_survey > promised_surveys OR surveys > promised_surveys",
            "owner_id, accepted_on, last_instalment, promised_instalments, last_survey, promised_surveys",
        ),
        Invariant(
            "I4",
            "each instalment and each survey is worth what the rules of the day of acceptance say",
            "most_incentive <> promised_incentive OR most_survey <> promised_survey",
            "owner_id, accepted_on, most_incentive, promised_incentive, most_survey, promised_survey",
        ),
        Invariant(
            "I4",
            "all surveys of a participation carry one amount, and were committed or taken over",
            "least_survey <> most_survey OR surveys * most_survey > in6",
            "owner_id, surveys, least_survey, most_survey, in6 AS committed_rupiah",
        ),
        Invariant(
            "I5",
            "an incentive is earned only when a first training is proven, or at the take-over where a part had been "
            "paid before",
            "first_incentive_at < CASE WHEN paid_before > 0 THEN opened_at"
            " ELSE coalesce(first_proven_at, 'infinity') END",
            "owner_id, first_incentive_at, first_proven_at, paid_before, opened_at",
        ),
        Invariant(
            "I6",
            "the escrow of each participation is the price of what it bought and is neither proven nor ended",
            "k3 <> open_rupiah",
            "owner_id, k3 AS escrow, open_rupiah",
            only_now=True,
        ),
        Invariant(
            "I6",
            "what institutions are owed or were paid for each participation is what it has proven and was not refunded",
            "k4 <> proven_rupiah OR k9 + k11 + back11 <> settled_rupiah",
            "owner_id, k4 AS owed, proven_rupiah, k9 + k11 + back11 AS paid, settled_rupiah",
            only_now=True,
        ),
        Invariant(
            "I7",
            "a revoked person has no training balance and no escrow, and nothing committed but what was earned before",
            """revoked_at IS NOT NULL AND (k2 <> 0 OR k3 <> 0 OR last_training_at > revoked_at
               OR in5 - back5 <> owed5 OR in6 - back6 <> owed6)""",
            "owner_id, revoked_at, k2, k3, in5 - back5 AS incentive_kept, owed5, in6 - back6 AS survey_kept, owed6",
        ),
        Invariant(
            "I7",
            "nothing was earned, and nothing bought, after the revocation",
            "last_entitled_at > revoked_at OR last_bought_at > revoked_at",
            "owner_id, revoked_at, last_entitled_at, last_bought_at",
        ),
        Invariant(
            "I7",
            "whose money is being clawed back has nothing committed, and is sent nothing any more before a withdrawal",
            """clawed_back_at IS NOT NULL AND (revoked_at IS NULL OR is_asked_back AND (k5 <> 0 OR k6 <> 0)
               OR last_sent_at > clawed_back_at AND NOT was_let_go)""",
            "owner_id, clawed_back_at, is_asked_back, was_let_go, k5, k6, last_sent_at, revoked_at",
        ),
        Invariant(
            "I8",
            "after the end of the balance it is Rp0, to the last rupiah, and stays so",
            "balance_ended_at IS NOT NULL AND (k2 <> 0 OR last_training_at > balance_ended_at)",
            "owner_id, balance_ended_at, k2, last_training_at",
        ),
        Invariant(
            "I8",
            "the day of acceptance is that of its instant, and the last days to buy first and to use the balance are "
            "those of its rules",
            """accepted_at < day_begins_at OR accepted_at >= day_over_at OR balance_ends_on <> promised_end_on
               OR first_purchase_due_on <> least(accepted_on + promised_days, promised_end_on)""",
            "owner_id, accepted_at, accepted_on, first_purchase_due_on, balance_ends_on, promised_end_on",
        ),
        Invariant(
            "I8",
            "nothing was bought after the last day of the balance",
            "last_bought_at >= balance_over_at",
            "owner_id, balance_ends_on, last_bought_at",
        ),
        Invariant(
            "I8",
            "a closed participation has no balance, no escrow, and nothing committed but what was earned before",
            """closed_at IS NOT NULL AND (k2 <> 0 OR k3 <> 0 OR last_entitled_at > closed_at
               OR balance_ended_at IS NULL AND revoked_at IS NULL
               OR in5 - back5 <> owed5 OR in6 - back6 <> owed6)""",
            "owner_id, closed_at, k2, k3, in5 - back5 AS incentive_kept, owed5, in6 - back6 AS survey_kept, owed6, "
            "last_entitled_at",
        ),
        Invariant(
            "I9",
            "money moves only as the closed list says: no rupiah of a training balance, of its receivable or of an "
            "institution ever reaches a payout",
            "is_unlawful",
            _TRANSFERS.format(flag="is_unlawful", wrong=UNLAWFUL),
        ),
    ),
)
# Adding up int4 takes two thirds of the time and less than half of the memory, so it is used where all amounts fit.
SMALL_RUPIAH = 2**31 - 1
OWNERS_SMALL = replace(OWNERS, rows=_ROWS.replace("{amount}", "amount_rupiah::int"))
