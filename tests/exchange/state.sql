-- The business content of every table that an export carries, one digest a table, without numbers of rows and random
-- bytes: people by the keyed hash of their NIK, trainings by code, runs by what they are. Idempotency keys hold numbers
-- of trainings: they are read as codes. %(person)s (a NIK's keyed hash, or NULL) leaves only that person's rows.
WITH person AS (
    SELECT participant_id, participation.id AS owner_id, encode(nik_hash, 'hex') AS who
    FROM participants_nikdirectory LEFT JOIN participants_participation participation USING (participant_id)
    WHERE %(person)s::bytea IS NULL OR nik_hash = %(person)s
), bought AS (
    SELECT purchase.*, who, code, training.session_count FROM purchases_purchase purchase
    JOIN person ON person.owner_id = purchase.participation_id
    JOIN catalogue_training training ON training.id = purchase.training_id
), earned AS (
    SELECT entitlement.*, who FROM incentives_entitlement entitlement
    JOIN person ON person.owner_id = entitlement.participation_id
), paid AS (
    SELECT payout.*, who, kind, instalment FROM incentives_payout payout JOIN earned ON earned.id = payout.entitlement_id
), run AS (
    SELECT run.*, planner.login_name AS planner, approver.login_name AS approver, canceller.login_name AS canceller
    FROM incentives_payoutrun run JOIN accounts_user planner ON planner.id = planned_by_id
    LEFT JOIN accounts_user approver ON approver.id = approved_by_id
    LEFT JOIN accounts_user canceller ON canceller.id = cancelled_by_id
    WHERE %(person)s::bytea IS NULL OR run.id IN (SELECT run_id FROM paid)
), shelf AS (
    SELECT * FROM catalogue_training WHERE %(person)s::bytea IS NULL OR code IN (SELECT code FROM bought)
), content AS (
    SELECT 'district' AS what, (id, name, province)::text AS line FROM participants_district
    WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'district year', (district_id, year, accepted_count)::text FROM participants_districtyear
    WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'wave', (number, opens_on, closes_on, quota_count)::text FROM participants_wave
    WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'training', (shelf.code, title, description, category.name_id, category.name_en, category.slug,
           institution.name, institution.code, platform.name, price_rupiah, mode, province, hours, session_count,
           seat_count, is_offered, CASE WHEN %(person)s::bytea IS NULL THEN on_sale END, listed_at)::text
    FROM shelf JOIN catalogue_category category ON category.id = category_id
    JOIN catalogue_institution institution ON institution.id = institution_id
    LEFT JOIN catalogue_platform platform ON platform.id = platform_id
    UNION ALL SELECT 'institution stop', (name, settlement_stopped_at, settlement_stop_reason)::text
    FROM catalogue_institution WHERE settlement_stopped_at IS NOT NULL AND %(person)s::bytea IS NULL
    UNION ALL SELECT 'training price', (shelf.code, price.price_rupiah, source, since_at)::text
    FROM catalogue_trainingprice price JOIN shelf ON shelf.id = training_id
    UNION ALL SELECT 'accreditation', (institution.name, platform.name, decision.state, number, from_on, until_on, reason,
           login_name, decided_at)::text
    FROM catalogue_accreditation decision LEFT JOIN catalogue_institution institution ON institution.id = institution_id
    LEFT JOIN catalogue_platform platform ON platform.id = platform_id
    LEFT JOIN accounts_user officer ON officer.id = decided_by_id WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'ownership', (holder.name, holder.kind, institution.name, held.name, share_percent, since_on,
           until_on, recorded_at)::text
    FROM catalogue_ownership share JOIN catalogue_owner holder ON holder.id = shareholder_id
    LEFT JOIN catalogue_institution institution ON institution.id = share.institution_id
    LEFT JOIN catalogue_owner held ON held.id = held_owner_id WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'suspension', (institution.name, platform.name, training.code, stop.reason, officer.login_name,
           suspended_at, lifter.login_name, lifted_at, lift_reason)::text
    FROM catalogue_suspension stop JOIN accounts_user officer ON officer.id = suspended_by_id
    LEFT JOIN accounts_user lifter ON lifter.id = lifted_by_id
    LEFT JOIN catalogue_institution institution ON institution.id = institution_id
    LEFT JOIN catalogue_platform platform ON platform.id = stop.platform_id
    LEFT JOIN catalogue_training training ON training.id = training_id WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'submission', (submission.code, institution.name, state, title, description, category.name_id,
           platform.name, price_rupiah, mode, province, hours, session_count, seat_count, training_id IS NULL,
           created_at, submitted_at, ended_at)::text
    FROM catalogue_submission submission JOIN catalogue_institution institution ON institution.id = institution_id
    JOIN catalogue_category category ON category.id = category_id
    LEFT JOIN catalogue_platform platform ON platform.id = platform_id WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'curation decision', (submission.code, submission.created_at, verdict, reason, met, content_sha256,
           login_name, decided_at)::text
    FROM catalogue_curationdecision decision JOIN catalogue_submission submission ON submission.id = submission_id
    JOIN accounts_user curator ON curator.id = curator_id WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'offer change', (shelf.code, change.is_offered, changed_at)::text
    FROM catalogue_offerchange change JOIN shelf ON shelf.id = training_id
    UNION ALL SELECT 'session change', (shelf.code, sequence, from_at, to_at, reason, told_count, changed_at)::text
    FROM catalogue_sessionchange JOIN shelf ON shelf.id = training_id
    UNION ALL SELECT 'partner', (partner.code, partner.name, kind, institution.name, platform.name, registered_at,
           suspended_at, suspension_reason)::text
    FROM partners_partner partner LEFT JOIN catalogue_institution institution ON institution.id = institution_id
    LEFT JOIN catalogue_platform platform ON platform.id = platform_id WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'personalisation', (who, is_enabled, switched_at)::text
    FROM recommender_personalisation JOIN person USING (participant_id)
    UNION ALL SELECT 'training summary', (code, bought_count, completed_count, rating_count, rating_sum)::text
    FROM catalogue_training WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'session', (code, sequence, starts_at, ends_at, place)::text
    FROM catalogue_session JOIN shelf ON shelf.id = training_id
    UNION ALL SELECT 'participant', (who, full_name, sex, born_on, education, employment, province, district_id,
           registered_at)::text
    FROM participants_participant participant JOIN person ON person.participant_id = participant.id
    UNION ALL SELECT 'participation', (who, wave.number, accepted_at, accepted_on, first_purchase_due_on,
           balance_ends_on, revoked_at, balance_ended_at, clawed_back_at, closed_at, opened_at, opened_rupiah, bought_before,
           incentives_paid_before_count, surveys_paid_before_count)::text
    FROM participants_participation place JOIN person ON person.owner_id = place.id
    JOIN participants_wave wave ON wave.id = wave_id
    UNION ALL SELECT 'contact point', (who, kind, masked, verified_at, unreachable_since_at)::text
    FROM participants_contactpoint JOIN person USING (participant_id)
    UNION ALL SELECT 'payout account', (who, partner, masked, holder_name, verified_at, pays_from_at, account_hash)::text
    FROM participants_payoutaccount account JOIN person USING (participant_id)
    JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
    UNION ALL SELECT 'earlier choice', (key_hash, sex, birth_year, education, employment, learner.province, code,
           completed_on)::text
    FROM recommender_earlierchoice choice JOIN recommender_earlierlearner learner ON learner.id = learner_id
    JOIN shelf ON shelf.id = training_id WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'purchase', (who, code, price_rupiah, ordinal, bought_at, redeemed_at, completed_at,
           reconciled_at, code_hash, ended_at, ending, refunded_rupiah, settlement.settled_at)::text
    FROM bought LEFT JOIN purchases_redeemcodedirectory directory ON directory.purchase_id = bought.id
    LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = bought.settlement_id
    UNION ALL SELECT 'settlement', (institution.name, settled_at, purchase_count, total_rupiah)::text
    FROM purchases_institutionsettlement JOIN catalogue_institution institution ON institution.id = institution_id
    WHERE %(person)s::bytea IS NULL
    UNION ALL SELECT 'evidence', (who, code, piece, source, sequence, revision, holds, percent, happened_at, reason,
           recorded_at, door)::text
    FROM purchases_evidence evidence JOIN bought ON bought.id = evidence.purchase_id
    UNION ALL SELECT 'evidence case', (who, code, kind, opened_at, due_on, login_name, closed_at, resolution)::text
    FROM purchases_evidencecase contested JOIN bought ON bought.id = contested.purchase_id
    LEFT JOIN accounts_user officer ON officer.id = officer_id
    UNION ALL SELECT 'case ruling', (who, code, contested.opened_at, verdict, reason, case_count, total_rupiah,
           list_sha256, proposer.login_name, proposed_at, confirmer.login_name, confirmed_at, dropper.login_name,
           dropped_at, seen_count, refusal)::text
    FROM purchases_caserulingline listed JOIN purchases_caseruling ruling ON ruling.id = ruling_id
    JOIN purchases_evidencecase contested ON contested.id = case_id JOIN bought ON bought.id = contested.purchase_id
    JOIN accounts_user proposer ON proposer.id = proposed_by_id
    LEFT JOIN accounts_user confirmer ON confirmer.id = confirmed_by_id
    LEFT JOIN accounts_user dropper ON dropper.id = dropped_by_id
    UNION ALL SELECT 'certificate', (who, code, certificate.sequence, number, status_list, status_index, title,
           institution_name, hours, certificate.session_count, evidence_digest, evidence_count,
           certificate.completed_at, issued_at)::text
    FROM purchases_certificate certificate JOIN bought ON bought.id = certificate.purchase_id
    UNION ALL SELECT 'certificate event', (number, event.kind, officer.login_name, asker.login_name, event.reason,
           event.occurred_at, asked.occurred_at)::text
    FROM purchases_certificateevent event JOIN purchases_certificate certificate ON certificate.id = event.certificate_id
    JOIN bought ON bought.id = certificate.purchase_id LEFT JOIN accounts_user officer ON officer.id = event.officer_id
    LEFT JOIN accounts_user asker ON asker.id = event.asked_by_id
    LEFT JOIN purchases_certificateevent asked ON asked.id = event.asked_id
    UNION ALL SELECT 'review', (who, code, rating, text, written_at, edited_at, hidden_at, waiting_since_at,
           version_count, flag_count)::text
    FROM purchases_review review JOIN bought ON bought.id = review.purchase_id
    UNION ALL SELECT 'review version', (who, code, number, rating, text, written_at)::text
    FROM purchases_reviewversion version JOIN bought ON bought.id = version.review_id
    UNION ALL SELECT 'review reply', (who, code, number, text, written_at)::text
    FROM purchases_reviewreply reply JOIN bought ON bought.id = reply.review_id
    UNION ALL SELECT 'review flag', (who, code, number, version_number, source, reason, note, other_count,
           raised_at)::text
    FROM purchases_reviewflag flag JOIN bought ON bought.id = flag.review_id
    UNION ALL SELECT 'review decision', (who, code, number, decision, reason, flag_count, login_name, decided_at)::text
    FROM purchases_reviewdecision decision JOIN bought ON bought.id = decision.review_id
    JOIN accounts_user decider ON decider.id = decided_by_id
    UNION ALL SELECT 'hold', (who, bought.code, institution.name, subject, reason, figures, fingerprint, case_key, opened_at,
           due_on, taker.login_name, appealed_at, proposed_at, proposer.login_name, confirmed_at, confirmer.login_name,
           lifted_at, lifter.login_name)::text
    FROM holds_hold hold LEFT JOIN person ON person.owner_id = hold.participation_id
    LEFT JOIN (SELECT id, code FROM bought) bought ON bought.id = hold.purchase_id
    LEFT JOIN catalogue_institution institution ON institution.id = hold.institution_id
    LEFT JOIN accounts_user taker ON taker.id = officer_id LEFT JOIN accounts_user proposer ON proposer.id = proposed_by_id
    LEFT JOIN accounts_user confirmer ON confirmer.id = confirmed_by_id
    LEFT JOIN accounts_user lifter ON lifter.id = lifted_by_id WHERE %(person)s::bytea IS NULL OR who IS NOT NULL
    UNION ALL SELECT 'hold event', (hold.fingerprint, who, institution_id IS NULL, kind, text_encrypted IS NULL, login_name,
           event.due_on, recorded_at)::text
    FROM holds_holdevent event JOIN holds_hold hold ON hold.id = event.hold_id
    LEFT JOIN person ON person.owner_id = hold.participation_id LEFT JOIN accounts_user officer ON officer.id = event.by_id
    WHERE %(person)s::bytea IS NULL OR who IS NOT NULL
    UNION ALL SELECT 'survey response', (who, survey_number, channel, answered_at, answers)::text
    FROM engagement_surveyresponse response JOIN person ON person.owner_id = response.participation_id
    UNION ALL SELECT 'entitlement', (who, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)::text
    FROM earned
    UNION ALL SELECT 'payout run', (planned_for, payout_count, total_rupiah, list_sha256, planner, planned_at, approver,
           approved_at, approved_sha256, exported_at, canceller, cancelled_at)::text FROM run
    UNION ALL SELECT 'payout', (who, kind, instalment, run.planned_at, paid.partner, masked_account, account.masked,
           attempt, amount_rupiah, reference, ended_at)::text
    FROM paid JOIN run ON run.id = run_id JOIN participants_payoutaccount account ON account.id = account_id
    UNION ALL SELECT 'payout status', (reference, state, reason_code, recorded_at, file.partner, file.direction,
           file.run_id = paid.run_id)::text
    FROM incentives_payoutstatus status JOIN paid ON paid.id = payout_id
    LEFT JOIN incentives_payoutfile file ON file.id = file_id
    UNION ALL SELECT 'transfer', (who, reason, debit_kind, credit_kind, amount_rupiah, posted_at, CASE
           WHEN idempotency_key ~ '^(purchase|completion|refund|institution):[0-9]+$' THEN split_part(idempotency_key, ':', 1) || ':'
               || (SELECT code FROM catalogue_training WHERE id = split_part(idempotency_key, ':', 2)::bigint)
           WHEN idempotency_key ~ '^(clawback|withdrawal):[0-9]+:' THEN regexp_replace(idempotency_key, '[0-9]+',
               (SELECT decided_at::text FROM lifecycle_clawback WHERE id = split_part(idempotency_key, ':', 2)::bigint))
           WHEN idempotency_key ~ '^repayment:[0-9]+:' THEN regexp_replace(idempotency_key, '[0-9]+',
               (SELECT reference FROM lifecycle_repayment WHERE id = split_part(idempotency_key, ':', 2)::bigint))
           ELSE idempotency_key END)::text
    FROM ledger_transfer JOIN person USING (owner_id)
    UNION ALL SELECT 'clawback', (who, cause, explanation, incentive_rupiah, training_rupiah, decider.login_name,
           decided_at, approver.login_name, approved_at, due_on, withdrawer.login_name, withdrawn_at,
           withdrawn_because)::text
    FROM lifecycle_clawback clawback JOIN person ON person.owner_id = clawback.participation_id
    JOIN accounts_user decider ON decider.id = decided_by_id
    LEFT JOIN accounts_user approver ON approver.id = approved_by_id
    LEFT JOIN accounts_user withdrawer ON withdrawer.id = withdrawn_by_id
    UNION ALL SELECT 'repayment', (who, clawback.decided_at, reference, repayment.incentive_rupiah,
           repayment.training_rupiah, received_on, recorder.login_name, recorded_at)::text
    FROM lifecycle_repayment repayment JOIN lifecycle_clawback clawback ON clawback.id = clawback_id
    JOIN person ON person.owner_id = clawback.participation_id
    JOIN accounts_user recorder ON recorder.id = recorded_by_id
    UNION ALL SELECT 'training balance', (who, granted_rupiah, remaining_rupiah)::text
    FROM ledger_trainingbalance JOIN person USING (owner_id)
)
SELECT what, count(*), md5(string_agg(line, E'\n' ORDER BY line)) FROM content GROUP BY what ORDER BY what
