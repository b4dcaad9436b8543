"""What the running system says about itself: one query for each circle of people that published figures look at.

As the invariants, these share no code with the verbs: tables, columns and kinds are written out (1 treasury, 2 training
balance, 3 escrow, 4 owed to an institution, 5 incentive committed, 6 survey pay committed, 7 payout in transit, 8 paid
to the participant; reason 1 acceptance, 7 revocation, 8 end of the balance), and a role that can only read runs them.
Each query returns one row; which of its columns a figure takes stands in `published.yaml`. Parameters: `as_of` (the
last instant that counts), `day` (its day in Jakarta), `from_at` (the first instant, for what is counted over a period).
Amounts are whole rupiah. Tables are read once and joined as a whole; nothing is asked once for each person.
"""

# Who was taken over with opening balances (`opened_at`) left the history behind in another system: such a person has no
# envelope from acceptance here and no first purchase, and is counted nowhere but where balances end.
ACCEPTED_IN_2020 = (
    "place.accepted_on BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND place.accepted_at <= %(as_of)s"
)

# Who was paid an incentive at least once; materialized, or each parallel worker would work it out for itself.
PAID = """paid AS MATERIALIZED (
    SELECT DISTINCT earned.participation_id FROM incentives_entitlement earned
    JOIN incentives_payout payout ON payout.entitlement_id = earned.id
    JOIN incentives_payoutstatus answer ON answer.payout_id = payout.id
    WHERE earned.kind = 'incentive' AND answer.state = 'settled' AND answer.recorded_at <= %(as_of)s
)"""

ENVELOPES = f"""
WITH person AS (
    SELECT coalesce(sum(money.amount_rupiah) FILTER (WHERE money.credit_kind = 2), 0) AS training,
           coalesce(sum(money.amount_rupiah), 0) AS envelope
    FROM participants_participation place
    LEFT JOIN ledger_transfer money ON money.owner_id = place.id AND money.debit_kind = 1
                                   AND money.posted_at <= %(as_of)s
    WHERE {ACCEPTED_IN_2020} AND place.opened_at IS NULL
    GROUP BY place.id
)
SELECT count(*) AS person_count, percentile_disc(0.5) WITHIN GROUP (ORDER BY training) AS training_median,
       min(training) AS training_lowest, max(training) AS training_highest,
       min(envelope) AS envelope_lowest, max(envelope) AS envelope_highest
FROM person
"""

PURCHASES = f"""
SELECT count(*) AS purchase_count, max((purchase.bought_at AT TIME ZONE 'Asia/Jakarta')::date) AS latest_on
FROM purchases_purchase purchase JOIN participants_participation place ON place.id = purchase.participation_id
WHERE {ACCEPTED_IN_2020} AND purchase.bought_at <= %(as_of)s
"""

# What was left is counted from grants and prices of purchases, what came back from the ledger's returns.
BALANCES = f"""
WITH place AS (
    SELECT place.id, coalesce(place.revoked_at <= %(as_of)s, false) AS revoked
    FROM participants_participation place WHERE {ACCEPTED_IN_2020}
), money AS (
    SELECT owner_id, sum(amount_rupiah) FILTER (WHERE credit_kind = 2 AND debit_kind = 1) AS granted,
           sum(amount_rupiah) FILTER (WHERE debit_kind = 2 AND reason = 8) AS returned,
           sum(CASE credit_kind WHEN 2 THEN amount_rupiah ELSE -amount_rupiah END) AS remaining
    FROM ledger_transfer WHERE (credit_kind = 2 OR debit_kind = 2) AND posted_at <= %(as_of)s GROUP BY owner_id
), spent AS (
    SELECT sum(purchase.price_rupiah) AS rupiah FROM purchases_purchase purchase
    JOIN place ON place.id = purchase.participation_id AND NOT place.revoked WHERE purchase.bought_at <= %(as_of)s
), total AS (
    SELECT count(*) AS person_count, count(*) FILTER (WHERE money.remaining > 0) AS above_zero_count,
           count(*) FILTER (WHERE NOT place.revoked) AS kept_count,
           coalesce(sum(money.granted) FILTER (WHERE NOT place.revoked), 0) AS granted,
           coalesce(sum(money.returned) FILTER (WHERE NOT place.revoked), 0) AS returned
    FROM place LEFT JOIN money ON money.owner_id = place.id
)
SELECT total.person_count, total.above_zero_count, total.kept_count, total.returned AS returned_rupiah,
       total.granted - coalesce(spent.rupiah, 0) AS left_rupiah,
       total.granted - coalesce(spent.rupiah, 0) - total.returned AS difference_rupiah
FROM total, spent
"""

CASH = """
SELECT count(*) AS transfer_count,
       coalesce(sum(amount_rupiah) FILTER (WHERE credit_kind IN (5, 6, 7, 8)), 0) AS cash_rupiah
FROM ledger_transfer WHERE debit_kind IN (2, 3, 4) AND posted_at <= %(as_of)s
"""

# The CHECK of the ledger's transfers is asked about every movement one could think of, so that its wording does not
# matter: from where a training balance can get to (other than back to the treasury), which movement pays cash?
ALLOWED_MOVEMENT = """
SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conname = 'ledger_transfer_allowed_movement' AND conrelid = 'ledger_transfer'::regclass AND convalidated
"""
MOVEMENTS = """
WITH RECURSIVE movement AS (
    SELECT reason, debit_kind, credit_kind
    FROM generate_series(1, 50) reason, generate_series(1, 20) debit_kind, generate_series(1, 20) credit_kind
    WHERE debit_kind <> credit_kind AND ({allowed_movement})
), reached (kind) AS (
    SELECT 2
    UNION
    SELECT movement.credit_kind FROM reached JOIN movement ON movement.debit_kind = reached.kind
    WHERE movement.credit_kind NOT IN (1, 5, 6, 7, 8)
)
SELECT (SELECT count(*) FROM movement) AS allowed_count, count(*) AS cash_count
FROM movement JOIN reached ON reached.kind = movement.debit_kind WHERE movement.credit_kind IN (5, 6, 7, 8)
"""

INSTALMENTS = f"""
WITH person AS (
    SELECT earned.participation_id, earned.kind, greatest(count(*), max(earned.instalment)) AS instalments,
           min(earned.amount_rupiah) AS lowest, max(earned.amount_rupiah) AS highest
    FROM incentives_entitlement earned JOIN participants_participation place ON place.id = earned.participation_id
    WHERE {ACCEPTED_IN_2020} AND earned.entitled_at <= %(as_of)s
    GROUP BY earned.participation_id, earned.kind
)
SELECT count(*) FILTER (WHERE kind = 'incentive') AS incentive_person_count,
       max(instalments) FILTER (WHERE kind = 'incentive') AS incentive_most,
       min(lowest) FILTER (WHERE kind = 'incentive') AS incentive_lowest,
       max(highest) FILTER (WHERE kind = 'incentive') AS incentive_highest,
       count(*) FILTER (WHERE kind = 'survey') AS survey_person_count,
       max(instalments) FILTER (WHERE kind = 'survey') AS survey_most,
       min(lowest) FILTER (WHERE kind = 'survey') AS survey_lowest,
       max(highest) FILTER (WHERE kind = 'survey') AS survey_highest
FROM person
"""

FUNNEL = f"""
WITH {PAID}
SELECT count(*) AS accepted_count, count(buyer.participation_id) AS bought_count,
       count(*) - count(buyer.participation_id) AS not_bought_count, count(paid.participation_id) AS paid_count
FROM participants_participation place
LEFT JOIN (SELECT DISTINCT participation_id FROM purchases_purchase WHERE bought_at <= %(as_of)s) buyer
       ON buyer.participation_id = place.id
LEFT JOIN paid ON paid.participation_id = place.id
WHERE place.accepted_at <= %(as_of)s AND place.opened_at IS NULL
"""

# Between finished and paid. What is missing is looked up for those who wait alone, by index: they are few. It is what
# their first completed purchase lacks; an account set again counts from that day, unless a payout went out before.
WAITING = f"""
WITH {PAID}, waiting AS MATERIALIZED (
    SELECT DISTINCT ON (place.id) place.id, place.participant_id, purchase.id AS purchase_id, purchase.training_id
    FROM purchases_purchase purchase
    JOIN participants_participation place ON place.id = purchase.participation_id AND place.opened_at IS NULL
    LEFT JOIN paid ON paid.participation_id = purchase.participation_id
    WHERE purchase.completed_at <= %(as_of)s AND paid.participation_id IS NULL
    ORDER BY place.id, purchase.completed_at, purchase.id
), person AS (
    SELECT evidence.*, earned.payment_on IS NOT NULL AS has_earned, earned.payment_on > %(day)s AS day_to_come,
           earned.sent_count, earned.rejected_count,
           account.participant_id IS NULL AND earned.sent_count = 0 AS no_account
    FROM waiting JOIN catalogue_training training ON training.id = waiting.training_id
    LEFT JOIN participants_payoutaccount account
           ON account.participant_id = waiting.participant_id AND account.verified_at <= %(as_of)s
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT sequence) FILTER (WHERE piece = 'attendance' AND source = 'institution'
                                                AND sequence <= training.session_count)
                   < training.session_count AS no_attendance,
               count(*) FILTER (WHERE piece = 'rating') = 0 AS no_rating,
               count(*) FILTER (WHERE piece = 'review') = 0 AS no_review
        FROM purchases_evidence
        WHERE purchase_id = waiting.purchase_id AND recorded_at <= %(as_of)s AND holds
    ) evidence
    CROSS JOIN LATERAL (
        SELECT min(earned.payment_on) AS payment_on, count(*) FILTER (WHERE answer.state = 'sent') AS sent_count,
               count(*) FILTER (WHERE answer.state = 'rejected') AS rejected_count
        FROM incentives_entitlement earned
        LEFT JOIN incentives_payout payout ON payout.entitlement_id = earned.id
        LEFT JOIN incentives_payoutstatus answer ON answer.payout_id = payout.id AND answer.recorded_at <= %(as_of)s
        WHERE earned.participation_id = waiting.id AND earned.kind = 'incentive' AND earned.entitled_at <= %(as_of)s
    ) earned
)
SELECT (SELECT count(*) FROM participants_participation place
        JOIN (SELECT DISTINCT participation_id FROM purchases_purchase WHERE bought_at <= %(as_of)s) buyer
             ON buyer.participation_id = place.id
        WHERE place.opened_at IS NULL) AS bought_count,
       count(*) AS waiting_count,
       count(*) FILTER (WHERE NOT has_earned AND no_review) AS no_review_count,
       count(*) FILTER (WHERE NOT has_earned AND no_rating) AS no_rating_count,
       count(*) FILTER (WHERE NOT has_earned AND no_attendance) AS no_attendance_count,
       count(*) FILTER (WHERE NOT has_earned AND NOT (no_review OR no_rating OR no_attendance)) AS to_reconcile_count,
       count(*) FILTER (WHERE has_earned AND no_account) AS no_account_count,
       count(*) FILTER (WHERE has_earned AND NOT no_account AND sent_count = 0 AND day_to_come) AS day_to_come_count,
       count(*) FILTER (WHERE has_earned AND NOT no_account AND sent_count = 0 AND NOT day_to_come) AS due_count,
       count(*) FILTER (WHERE has_earned AND sent_count > rejected_count) AS unanswered_count,
       count(*) FILTER (WHERE has_earned AND sent_count > 0 AND sent_count = rejected_count) AS rejected_count
FROM person
"""

# 180,000 and 189,436 people, and Rp6.39 trillion, are what was published; the amount of one person is the system's own.
REVOKED = f"""
WITH person AS (
    SELECT coalesce(sum(money.amount_rupiah), 0) AS returned
    FROM participants_participation place
    LEFT JOIN ledger_transfer money ON money.owner_id = place.id AND money.posted_at <= %(as_of)s
                                   AND money.reason = 7 AND money.credit_kind = 1
    WHERE {ACCEPTED_IN_2020} AND place.opened_at IS NULL AND place.revoked_at <= %(as_of)s
    GROUP BY place.id
), total AS (
    SELECT count(*) AS revoked_count, sum(returned) AS returned_rupiah, min(returned) AS lowest_rupiah,
           max(returned) AS highest_rupiah, sum(returned) / nullif(count(*), 0) AS per_person_rupiah
    FROM person
)
SELECT total.*, per_person_rupiah * 180000 AS of_180000_rupiah, per_person_rupiah * 189436 AS of_189436_rupiah,
       6390000000000 / nullif(per_person_rupiah * 180000, 0) AS printed_times,
       (SELECT count(*) FROM participants_participation place
        WHERE {ACCEPTED_IN_2020} AND place.opened_at IS NULL) AS accepted_count
FROM total
"""

SURVEY_3 = """
SELECT count(*) AS answer_count,
       count(*) FILTER (WHERE on_time IS NOT NULL) AS on_time_count,
       count(*) FILTER (WHERE on_time = 'agree') AS on_time_agree_count,
       count(*) FILTER (WHERE second IS NOT NULL) AS second_count,
       count(*) FILTER (WHERE second = 'yes') AS second_yes_count,
       count(*) FILTER (WHERE second = 'no') AS second_no_count,
       count(*) FILTER (WHERE second = 'no' AND reason IS NOT NULL) AS reason_count,
       count(*) FILTER (WHERE second = 'no' AND reason = 'no_time') AS no_time_count,
       count(*) FILTER (WHERE second = 'no' AND reason = 'enough') AS enough_count,
       count(*) FILTER (WHERE second = 'no' AND reason = 'reuse_unknown') AS reuse_unknown_count,
       count(*) FILTER (WHERE second = 'no' AND reason = 'want_no_more') AS want_no_more_count,
       count(*) FILTER (WHERE second = 'no' AND reason = 'second_unknown') AS second_unknown_count,
       count(*) FILTER (WHERE second = 'no' AND reason NOT IN
           ('no_time', 'enough', 'reuse_unknown', 'want_no_more', 'second_unknown')) AS other_count,
       count(*) FILTER (WHERE second = 'no' AND reason = 'nothing_suits') AS nothing_suits_count
FROM (SELECT answers ->> 'on_time' AS on_time, answers ->> 'second' AS second, answers ->> 'reason' AS reason
      FROM engagement_surveyresponse WHERE survey_number = 3 AND answered_at <= %(as_of)s) answer
"""

SURVEY_1 = """
SELECT count(employment) AS employment_count,
       count(*) FILTER (WHERE employment = 'unemployed') AS unemployed_count,
       count(*) FILTER (WHERE employment = 'employee') AS employee_count,
       count(*) FILTER (WHERE employment = 'business') AS business_count,
       count(effective) AS effective_count, count(*) FILTER (WHERE effective = 'yes') AS effective_yes_count,
       count(helped) AS helped_count, count(*) FILTER (WHERE helped = 'yes') AS helped_yes_count
FROM (SELECT answers ->> 'employment' AS employment, answers ->> 'effective' AS effective,
             answers ->> 'helped' AS helped
      FROM engagement_surveyresponse
      WHERE survey_number = 1 AND answered_at BETWEEN %(from_at)s AND %(as_of)s) answer
"""

# What the programme's own records say beside the survey: instalments whose promised day was over, or that were paid,
# those paid by it and still so, and who bought again.
RECORDS = """
WITH person AS (
    SELECT earned.participation_id, count(paid.on_day) AS settled,
           count(*) FILTER (WHERE paid.on_day IS NOT NULL OR earned.payment_on < %(day)s) AS due,
           count(*) FILTER (WHERE paid.on_day <= earned.payment_on) AS on_time
    FROM incentives_entitlement earned
    JOIN participants_participation place ON place.id = earned.participation_id
    LEFT JOIN (
        SELECT payout.entitlement_id, (answer.recorded_at AT TIME ZONE 'Asia/Jakarta')::date AS on_day
        FROM incentives_payout payout JOIN incentives_payoutstatus answer ON answer.payout_id = payout.id
        WHERE answer.state = 'settled' AND answer.recorded_at <= %(as_of)s
          AND coalesce(payout.ended_at > %(as_of)s, true)
    ) paid ON paid.entitlement_id = earned.id
    WHERE earned.kind = 'incentive' AND earned.entitled_at <= %(as_of)s
      AND (paid.on_day IS NOT NULL OR coalesce(earned.lapsed_at > %(as_of)s, true))
      AND coalesce(place.revoked_at >= earned.entitled_at, true)
    GROUP BY earned.participation_id
), buyer AS (
    SELECT participation_id, count(*) AS purchases FROM purchases_purchase WHERE bought_at <= %(as_of)s
    GROUP BY participation_id
)
SELECT coalesce(sum(person.due), 0) AS promised_count, coalesce(sum(person.on_time), 0) AS on_time_count,
       count(*) FILTER (WHERE person.settled > 0 AND place.opened_at IS NULL) AS paid_count,
       count(*) FILTER (WHERE person.settled > 0 AND place.opened_at IS NULL AND buyer.purchases >= 2) AS second_count
FROM person
JOIN participants_participation place ON place.id = person.participation_id
LEFT JOIN buyer ON buyer.participation_id = person.participation_id
"""

QUERIES = {
    "envelopes": ENVELOPES,
    "purchases": PURCHASES,
    "balances": BALANCES,
    "cash": CASH,
    "movements": MOVEMENTS,
    "instalments": INSTALMENTS,
    "funnel": FUNNEL,
    "waiting": WAITING,
    "revoked": REVOKED,
    "survey_3": SURVEY_3,
    "survey_1": SURVEY_1,
    "records": RECORDS,
}
