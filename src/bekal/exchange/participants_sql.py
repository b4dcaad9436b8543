"""The sets behind the file of participants: what is known of them, what may not change, and the writing of it all."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bekal.exchange.progress import Progress
from bekal.exchange.staging import Staged
from bekal.exchange.table_fields import MAX_PROBLEMS
from bekal.exchange.table_file import Problem
from bekal.ledger.movements import Movement
from bekal.ledger.post import PastPosting, post_history
from bekal.participants.models import PayoutAccount
from bekal.participants.set_payout_account import is_same_name

LIMIT = f"ORDER BY line LIMIT {MAX_PROBLEMS + 1}"
KNOWN_SQL = """
UPDATE staged_row staged SET participant_id = directory.participant_id
FROM participants_nikdirectory directory WHERE directory.nik_hash = staged.nik_hash
"""
KNOWN_PARTICIPATIONS_SQL = """
UPDATE staged_row staged SET participation_id = participation.id
FROM participants_participation participation WHERE participation.participant_id = staged.participant_id
"""
# The rows of people who are known must not change until the import has ended.
LOCK_PEOPLE_SQL = """
SELECT count(*) FROM (
    SELECT id FROM participants_participant WHERE id IN (SELECT participant_id FROM staged_row)
    ORDER BY id FOR NO KEY UPDATE
) locked
"""
LOCK_WAVES_SQL = "SELECT id FROM participants_wave ORDER BY id FOR NO KEY UPDATE"
# (column, mend, what differs, what is known): of a person these never change.
FIXED = (
    ("sex", "this person is known as {}: correct it", "staged.sex <> person.sex", "person.sex"),
    ("born_on", "this person is known as born on {}: correct it", "staged.born_on <> person.born_on", "person.born_on"),
    (
        "registered_at",
        "this person registered at {}: write that, or leave it blank",
        "staged.registered_at <> person.registered_at",
        "person.registered_at",
    ),
)
FIXED_SQL = """
SELECT staged.line, {known} FROM staged_row staged
JOIN participants_participant person ON person.id = staged.participant_id
WHERE {differs}
"""
FIXED_IN_PARTICIPATION = (
    (
        "wave",
        "this person was accepted in wave {}: correct it",
        "staged.wave <> wave.number",
        "wave.number",
    ),
    (
        "accepted_at",
        "this person was accepted at {}: correct it",
        "staged.accepted_at <> place.accepted_at",
        "place.accepted_at",
    ),
    (
        "training_balance_rupiah",
        "the whole envelope was committed to this person: leave the opening balances blank",
        "staged.opened_at IS NOT NULL AND place.opened_at IS NULL",
        "1",
    ),
    (
        "training_balance_rupiah",
        "this person was taken over with {} rupiah in all, or with other counts: opening balances never change",
        """staged.opened_at IS NOT NULL AND place.opened_at IS NOT NULL
           AND ((place.opened_rupiah, place.incentives_paid_before_count, place.surveys_paid_before_count)
                <> (staged.training_rupiah + staged.incentive_rupiah + staged.survey_rupiah,
                    staged.incentives_paid_before_count, staged.surveys_paid_before_count))""",
        "place.opened_rupiah",
    ),
    (
        "opened_at",
        "this person was taken over at {}: write that, or leave it blank",
        "staged.opened_at_given AND staged.opened_at <> place.opened_at",
        "place.opened_at",
    ),
)
FIXED_IN_PARTICIPATION_SQL = """
SELECT staged.line, {known} FROM staged_row staged
JOIN participants_participation place ON place.id = staged.participation_id
JOIN participants_wave wave ON wave.id = place.wave_id
WHERE {differs}
"""
ACCEPTED_BEFORE_REGISTERED_SQL = """
SELECT staged.line, person.registered_at FROM staged_row staged
JOIN participants_participant person ON person.id = staged.participant_id
WHERE staged.participation_id IS NULL AND staged.accepted_at < person.registered_at
"""
# In the order in which they were accepted, as the verb gives the places away.
OVER_QUOTA_SQL = """
SELECT line, wave, quota_count, taken_count FROM (
    SELECT staged.line, staged.wave, wave.quota_count, coalesce(taken.count, 0) AS taken_count,
           row_number() OVER (PARTITION BY staged.wave ORDER BY staged.accepted_at, staged.line) AS place
    FROM staged_row staged JOIN participants_wave wave ON wave.number = staged.wave
    LEFT JOIN (SELECT wave_id, count(*) FROM participants_participation GROUP BY wave_id) taken
        ON taken.wave_id = wave.id
    WHERE staged.participation_id IS NULL AND staged.accepted_at IS NOT NULL
) counted WHERE place > quota_count - taken_count
"""


def check(staged: Staged) -> None:
    """Compare the file with itself and with what is known; refuse lines, write nothing."""
    staged.refuse_repeated("nik_hash", "nik", "this NIK")
    staged.write(KNOWN_SQL)
    staged.fetch(LOCK_WAVES_SQL)
    staged.fetch(LOCK_PEOPLE_SQL)
    staged.write(KNOWN_PARTICIPATIONS_SQL)
    staged.analyze()
    for column, mend, differs, known in FIXED:
        staged.refuse(column, mend, FIXED_SQL.format(known=known, differs=differs) + LIMIT)
    for column, mend, differs, known in FIXED_IN_PARTICIPATION:
        staged.refuse(column, mend, FIXED_IN_PARTICIPATION_SQL.format(known=known, differs=differs) + LIMIT)
    registered = "this person registered at {}, later than this: correct it"
    staged.refuse("accepted_at", registered, ACCEPTED_BEFORE_REGISTERED_SQL + LIMIT)
    full = "wave {} has {} places, {} of them taken already: raise its quota in the file of waves, or correct the wave"
    staged.refuse("wave", full, OVER_QUOTA_SQL + LIMIT)


NUMBER_PEOPLE_SQL = """
UPDATE staged_row staged SET participant_id = numbered.id, is_new = true
FROM (SELECT line, nextval(pg_get_serial_sequence('participants_participant', 'id')) AS id
      FROM (SELECT line FROM staged_row WHERE participant_id IS NULL ORDER BY line) unknown) numbered
WHERE numbered.line = staged.line
"""
NUMBER_PLACES_SQL = """
UPDATE staged_row staged SET participation_id = numbered.id, is_accepted_now = true
FROM (SELECT line, nextval(pg_get_serial_sequence('participants_participation', 'id')) AS id
      FROM (SELECT line FROM staged_row WHERE participation_id IS NULL AND accepted_at IS NOT NULL
            ORDER BY accepted_at, line) unknown) numbered
WHERE numbered.line = staged.line
"""
ADD_PEOPLE_SQL = """
INSERT INTO participants_participant
    (id, full_name, nik_encrypted, sex, born_on, education, employment, province, district_id, registered_at)
SELECT participant_id, full_name, nik_encrypted, sex, born_on, education, employment, province, district_id,
       coalesce(registered_at, accepted_at, %(at)s)
FROM staged_row WHERE is_new AND line BETWEEN %(first)s AND %(last)s ORDER BY participant_id
"""
# In the order of the hashes, as `register` does: two writers wait for each other in one direction only.
ADD_NIKS_SQL = """
INSERT INTO participants_nikdirectory (nik_hash, participant_id)
SELECT nik_hash, participant_id FROM staged_row WHERE is_new ORDER BY nik_hash
"""
RENAMED_ACCOUNTS_SQL = """
SELECT account.id, account.holder_name, staged.full_name, account.verified_at IS NOT NULL
FROM staged_row staged
JOIN participants_participant person ON person.id = staged.participant_id
JOIN participants_payoutaccount account ON account.participant_id = person.id
WHERE staged.full_name <> person.full_name AND account.id > %(after)s ORDER BY account.id LIMIT %(size)s
"""
# A blank district says nothing, so what is known stays, unless the person moved to another province.
CHANGE_PEOPLE_SQL = """
UPDATE participants_participant person
SET full_name = staged.full_name, education = staged.education, employment = staged.employment,
    province = staged.province, district_id = staged.new_district_id
FROM (
    SELECT staged.*, CASE WHEN staged.district_id IS NULL AND staged.province = old.province THEN old.district_id
                          ELSE staged.district_id END AS new_district_id
    FROM staged_row staged JOIN participants_participant old ON old.id = staged.participant_id
    WHERE NOT staged.is_new AND staged.line BETWEEN %(first)s AND %(last)s
) staged
WHERE person.id = staged.participant_id
  AND (person.full_name, person.education, person.employment, person.province, person.district_id) IS DISTINCT FROM
      (staged.full_name, staged.education, staged.employment, staged.province, staged.new_district_id)
"""
ADD_PLACES_SQL = """
INSERT INTO participants_participation
    (id, participant_id, wave_id, accepted_at, accepted_on, first_purchase_due_on, balance_ends_on, opened_at,
     opened_rupiah, bought_before, incentives_paid_before_count, surveys_paid_before_count)
SELECT staged.participation_id, staged.participant_id, wave.id, staged.accepted_at, staged.accepted_on,
       staged.first_purchase_due_on, staged.balance_ends_on, staged.opened_at,
       CASE WHEN staged.opened_at IS NULL THEN 0
            ELSE staged.training_rupiah + staged.incentive_rupiah + staged.survey_rupiah END,
       staged.bought_before, staged.incentives_paid_before_count, staged.surveys_paid_before_count
FROM staged_row staged JOIN participants_wave wave ON wave.number = staged.wave
WHERE staged.is_accepted_now AND staged.line BETWEEN %(first)s AND %(last)s ORDER BY staged.participation_id
"""
ENVELOPES_SQL = """
SELECT participation_id, coalesce(opened_at, accepted_at), opened_at IS NOT NULL,
       training_rupiah, incentive_rupiah, survey_rupiah
FROM staged_row WHERE is_accepted_now AND participation_id > %(after)s ORDER BY participation_id LIMIT %(size)s
"""
COMMITS = (
    (Movement.COMMIT_TRAINING, "commit:training"),
    (Movement.COMMIT_INCENTIVE, "commit:incentive"),
    (Movement.COMMIT_SURVEY, "commit:survey"),
)
OPENINGS = (
    (Movement.OPEN_TRAINING, "open:training"),
    (Movement.OPEN_INCENTIVE, "open:incentive"),
    (Movement.OPEN_SURVEY, "open:survey"),
)


def write(staged: Staged, at: datetime, progress: Progress) -> dict[str, int]:
    """Write people, places and money of a sound file; the counts for the report."""
    added_count = staged.write(NUMBER_PEOPLE_SQL)
    accepted_count = staged.write(NUMBER_PLACES_SQL)
    staged.analyze()
    staged.write_in_parts(ADD_PEOPLE_SQL, progress, "writing people", {"at": at})
    staged.write(ADD_NIKS_SQL)
    for accounts in staged.chunks(RENAMED_ACCOUNTS_SQL, progress, "comparing names"):
        _verify_again(accounts, at)
    changed_count = staged.write_in_parts(CHANGE_PEOPLE_SQL, progress, "changing people")
    staged.write_in_parts(ADD_PLACES_SQL, progress, "writing places")
    for envelopes in staged.chunks(ENVELOPES_SQL, progress, "writing balances"):
        post_history(postings=list(_postings(envelopes)))
    (opened_count,) = staged.fetch("SELECT count(*) FROM staged_row WHERE is_accepted_now AND opened_at IS NOT NULL")[0]
    return {
        "people added": added_count,
        "people changed": changed_count,
        "people unchanged": staged.row_count - added_count - changed_count,
        "accepted": accepted_count,
        "opening balances": opened_count,
    }


def _postings(envelopes: Iterable[tuple[Any, ...]]) -> Iterable[PastPosting]:
    for participation_id, posted_at, is_opening, *amounts in envelopes:
        for (movement, key), amount_rupiah in zip(OPENINGS if is_opening else COMMITS, amounts, strict=True):
            if amount_rupiah > 0:
                yield PastPosting(participation_id, movement, amount_rupiah, key, posted_at)


def _verify_again(accounts: Iterable[tuple[Any, ...]], at: datetime) -> None:
    """An account is verified while its holder is the person, whatever the person's name was before."""
    for account_id, holder_name, full_name, is_verified in accounts:
        if is_same_name(holder_name, full_name) != is_verified:
            PayoutAccount.objects.filter(pk=account_id).update(verified_at=None if is_verified else at)


UNREACHABLE_SQL = """
SELECT count(*) FROM staged_row staged WHERE NOT EXISTS (
    SELECT 1 FROM participants_contactpoint point WHERE point.participant_id = staged.participant_id)
"""


def note_unreachable(staged: Staged) -> None:
    """Say how many people cannot be sent a code yet."""
    ((count,),) = staged.fetch(UNREACHABLE_SQL)
    if count:
        what = f"{count:,} people have no phone number and cannot be sent a code: import contact_points"
        staged.findings.notes.append(Problem(0, "", "", what))
