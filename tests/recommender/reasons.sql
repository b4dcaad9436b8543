-- Every number of a reason, from the rows themselves: people with a completed choice, each with profile and training.
WITH person_choice AS (
    SELECT 'p' || purchase.participation_id AS person, purchase.training_id, person.sex,
           date_part('year', person.born_on) AS born_in, person.education, person.employment, person.province
    FROM purchases_purchase purchase
    JOIN participants_participation participation ON participation.id = purchase.participation_id
    JOIN participants_participant person ON person.id = participation.participant_id
    WHERE purchase.completed_at IS NOT NULL
    UNION ALL
    SELECT 'e' || choice.learner_id, choice.training_id, learner.sex, learner.birth_year, learner.education,
           learner.employment, learner.province
    FROM recommender_earlierchoice choice JOIN recommender_earlierlearner learner ON learner.id = choice.learner_id
), who AS (
    SELECT DISTINCT person,
           CASE WHEN 2020 - born_in < 25 THEN 0 WHEN 2020 - born_in < 35 THEN 1 WHEN 2020 - born_in < 45 THEN 2
                WHEN 2020 - born_in < 55 THEN 3 ELSE 4 END AS age_band, education, employment, province
    FROM person_choice
), in_group AS (
    SELECT person FROM who WHERE
        CASE %(kind)s
            WHEN 'after' THEN person IN (SELECT person FROM person_choice WHERE training_id = %(after)s)
            WHEN 'profile' THEN CASE %(trait)s WHEN 'age_band' THEN age_band WHEN 'education' THEN education
                                               WHEN 'employment' THEN employment WHEN 'province' THEN province END = %(value)s
            ELSE true END
), in_cell AS (
    SELECT person FROM in_group JOIN person_choice USING (person) WHERE training_id = %(training)s
)
SELECT (SELECT count(*) FROM in_cell), (SELECT count(*) FROM in_group),
       (SELECT count(DISTINCT person) FROM person_choice WHERE training_id = %(training)s), (SELECT count(*) FROM who),
       (SELECT count(DISTINCT training.institution_id) FROM in_cell JOIN person_choice USING (person)
        JOIN catalogue_training training ON training.id = person_choice.training_id)
