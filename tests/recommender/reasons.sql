-- What reasons are counted from, straight from the rows: people with a completed choice, their profiles, their trainings.
CREATE TEMPORARY TABLE person_choice ON COMMIT DROP AS
SELECT 'p' || purchase.participation_id AS person, purchase.training_id, training.institution_id,
       date_part('year', person.born_on)::int AS born_in, person.education, person.employment, person.province
FROM purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
JOIN participants_participant person ON person.id = participation.participant_id
WHERE purchase.completed_at IS NOT NULL
UNION ALL
SELECT 'e' || choice.learner_id, choice.training_id, training.institution_id,
       learner.birth_year, learner.education, learner.employment, learner.province
FROM recommender_earlierchoice choice
JOIN catalogue_training training ON training.id = choice.training_id
JOIN recommender_earlierlearner learner ON learner.id = choice.learner_id;
CREATE TEMPORARY TABLE who ON COMMIT DROP AS
SELECT DISTINCT person,
       CASE WHEN 2020 - born_in < 25 THEN 0 WHEN 2020 - born_in < 35 THEN 1 WHEN 2020 - born_in < 45 THEN 2
            WHEN 2020 - born_in < 55 THEN 3 ELSE 4 END AS age_band, education, employment, province
FROM person_choice;
CREATE INDEX ON person_choice (training_id);
CREATE INDEX ON person_choice (person);
ANALYZE person_choice;
ANALYZE who
