-- One line for everything that happened, without numbers of rows, codes, encrypted or keyed bytes; then, for each kind
-- of thing, how many there are and one number that no two different sets of lines share but by a rare chance.
WITH person AS (
    SELECT id, rank() OVER (ORDER BY id) AS place FROM participants_participant
), owner AS (
    SELECT participation.id, person.place FROM participants_participation participation
    JOIN person ON person.id = participation.participant_id
), training AS (SELECT id, code FROM catalogue_training), happened AS (
    SELECT 'participant' AS what, concat_ws('|', place, full_name, sex, born_on, education, employment, province,
           registered_at) AS line FROM participants_participant JOIN person USING (id)
    UNION ALL SELECT 'contact', concat_ws('|', place, kind, masked, unreachable_since_at)
    FROM participants_contactpoint JOIN person ON person.id = participant_id
    UNION ALL SELECT 'account', concat_ws('|', place, partner, masked, holder_name, verified_at)
    FROM participants_payoutaccount JOIN person ON person.id = participant_id
    UNION ALL SELECT 'wave', concat_ws('|', number, opens_on, closes_on, quota_count) FROM participants_wave
    UNION ALL SELECT 'participation', concat_ws('|', place, number, accepted_at, first_purchase_due_on,
           balance_ends_on, revoked_at, balance_ended_at)
    FROM participants_participation JOIN owner USING (id) JOIN participants_wave wave ON wave.id = wave_id
    UNION ALL SELECT 'training', concat_ws('|', code, title, description, price_rupiah, mode, province, hours,
           session_count, seat_count, on_sale, listed_at, bought_count, completed_count, rating_count, rating_sum)
    FROM catalogue_training
    UNION ALL SELECT 'purchase', concat_ws('|', place, code, price_rupiah, ordinal, bought_at, redeemed_at,
           completed_at, reconciled_at)
    FROM purchases_purchase JOIN owner ON owner.id = participation_id JOIN training ON training.id = training_id
    UNION ALL SELECT 'evidence', concat_ws('|', place, code, piece, source, sequence, recorded_at)
    FROM purchases_evidence evidence JOIN purchases_purchase purchase ON purchase.id = evidence.purchase_id
    JOIN owner ON owner.id = purchase.participation_id JOIN training ON training.id = purchase.training_id
    UNION ALL SELECT 'review', concat_ws('|', place, code, rating, text, written_at)
    FROM purchases_review review JOIN purchases_purchase purchase ON purchase.id = review.purchase_id
    JOIN owner ON owner.id = purchase.participation_id JOIN training ON training.id = purchase.training_id
    UNION ALL SELECT 'entitlement', concat_ws('|', place, kind, instalment, amount_rupiah, scheduled_on, payment_on,
           entitled_at)
    FROM incentives_entitlement JOIN owner ON owner.id = participation_id
    UNION ALL SELECT 'payout', concat_ws('|', place, kind, instalment, partner, attempt, planned_for, state,
           reason_code, recorded_at)
    FROM incentives_payoutstatus JOIN incentives_payout payout ON payout.id = payout_id
    JOIN incentives_payoutrun run ON run.id = payout.run_id
    JOIN incentives_entitlement entitlement ON entitlement.id = entitlement_id
    JOIN owner ON owner.id = entitlement.participation_id
    UNION ALL SELECT 'sending', concat_ws('|', file.partner, file.form, planned_for, act, outcome, noted_at)
    FROM incentives_payoutsending JOIN incentives_payoutfile file ON file.id = file_id
    JOIN incentives_payoutrun run ON run.id = file.run_id
    UNION ALL SELECT 'file back', concat_ws('|', partner, form, line_count, total_rupiah, stored_at)
    FROM incentives_payoutfile WHERE direction = 'back'
    UNION ALL SELECT 'exception', concat_ws('|', kind, partner, opened_at, resolved_at, resolution)
    FROM incentives_payoutexception
    UNION ALL SELECT 'transfer', concat_ws('|', place, reason, debit_kind, credit_kind, amount_rupiah, posted_at)
    FROM ledger_transfer JOIN owner ON owner.id = owner_id
    UNION ALL SELECT 'answer', concat_ws('|', place, survey_number, answered_at, channel, answers::text)
    FROM engagement_surveyresponse JOIN owner ON owner.id = participation_id
    UNION ALL SELECT 'message', concat_ws('|', place, channel, template, created_at)
    FROM messaging_outboxmessage JOIN person ON person.id = holder_id
)
SELECT what, count(*), sum(hashtextextended(line, 0)::numeric) FROM happened GROUP BY what ORDER BY what
