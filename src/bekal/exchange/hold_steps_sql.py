"""What `hold_steps` asks of and writes to the database, set by set."""

from bekal.exchange.history import LIMIT, refuse_other
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.staging import Staged

# Steps as the files name them: by their hold and a number.
NUMBERED = """(SELECT known.*, row_number() OVER (PARTITION BY hold_id ORDER BY id) AS step
    FROM holds_holdevent known)"""
_OF_HOLD = "participation_id, purchase_id, institution_id, subject, reason, fingerprint"
# Whose hold it is, and which one: `key` numbers the holds of the file.
LOCATE_SQL = f"""
CREATE TEMPORARY TABLE hold_row ON COMMIT DROP AS
SELECT named.*, hold.id AS hold_id, (nik_hash IS NULL) = (named.participation_id IS NULL)
       AND (training IS NULL) = (named.purchase_id IS NULL)
       AND (institution IS NULL) = (named.institution_id IS NULL) AS is_found, min(named.line) OVER (PARTITION BY {
    ", ".join(f"named.{name}" for name in _OF_HOLD.split(", "))
}) AS key
FROM (
    SELECT row.*, place.id AS participation_id, training.id AS training_id, purchase.id AS purchase_id,
           institution.id AS institution_id
    FROM staged_row row
    LEFT JOIN participants_nikdirectory directory ON directory.nik_hash = row.nik_hash
    LEFT JOIN participants_participation place ON place.participant_id = directory.participant_id
    LEFT JOIN catalogue_training training ON training.code = row.training
    LEFT JOIN purchases_purchase purchase ON purchase.participation_id = place.id AND purchase.training_id = training.id
    LEFT JOIN (SELECT lower(name) AS name, min(id) AS id FROM catalogue_institution GROUP BY 1) institution
        ON institution.name = lower(row.institution)
) named LEFT JOIN holds_hold hold ON hold.subject = named.subject AND hold.reason = named.reason
    AND hold.fingerprint = named.fingerprint
    AND hold.participation_id IS NOT DISTINCT FROM named.participation_id
    AND hold.purchase_id IS NOT DISTINCT FROM named.purchase_id
    AND hold.institution_id IS NOT DISTINCT FROM named.institution_id;
ALTER TABLE hold_row ADD PRIMARY KEY (line);
CREATE INDEX ON hold_row (key, step);
ANALYZE hold_row
"""
# Every step of the holds that the file names, known or new, with its officer's login name.
EVERY = f"""(
    SELECT line, key, hold_id, step, kind, officer, due_on, recorded_at FROM hold_row
    UNION ALL
    SELECT NULL, held.key, known.hold_id, known.step, known.kind, officer.login_name, known.due_on, known.recorded_at
    FROM {NUMBERED} known JOIN (SELECT DISTINCT key, hold_id FROM hold_row) held ON held.hold_id = known.hold_id
    LEFT JOIN accounts_user officer ON officer.id = known.by_id
    WHERE NOT EXISTS (SELECT FROM hold_row row WHERE row.key = held.key AND row.step = known.step))"""


def _last(what: str, kind: str) -> str:
    return f"(array_agg({what} ORDER BY step DESC) FILTER (WHERE kind = '{kind}'))[1]"


def _step(kind: str) -> str:
    return f"coalesce(max(step) FILTER (WHERE kind = '{kind}'), 0)"


_STILL = f"{_step('confirmed')} > {_step('proposed')}"
# How each hold stands after its steps, as `holds.decide_holds` keeps it: a proposal takes a confirmation back, every
# decision answers an appeal.
STANDS_SQL = f"""
CREATE TEMPORARY TABLE hold_stands ON COMMIT DROP AS
SELECT key, min(hold_id) AS hold_id, min(recorded_at) FILTER (WHERE step = 1) AS opened_at,
       (array_agg(due_on ORDER BY step DESC))[1] AS due_on, {_last("officer", "taken")} AS officer,
       CASE WHEN {_step("appealed")} > greatest({_step("confirmed")}, {_step("lifted")})
            THEN {_last("recorded_at", "appealed")} END AS appealed_at,
       {_last("recorded_at", "proposed")} AS proposed_at, {_last("officer", "proposed")} AS proposed_by,
       CASE WHEN {_STILL} THEN {_last("recorded_at", "confirmed")} END AS confirmed_at,
       CASE WHEN {_STILL} THEN {_last("officer", "confirmed")} END AS confirmed_by,
       {_last("recorded_at", "lifted")} AS lifted_at, {_last("officer", "lifted")} AS lifted_by
FROM {EVERY} step GROUP BY key
"""


def locate(staged: Staged) -> None:
    """Find whose hold each row is of; refuse rows that name nobody."""
    staged.write(LOCATE_SQL)
    for column, missing, mend in (
        ("nik", "nik_hash IS NOT NULL AND participation_id IS NULL", "nobody with a place in a wave has this NIK"),
        ("training", "training IS NOT NULL AND training_id IS NULL", "no training has this code"),
        (
            "training",
            "training_id IS NOT NULL AND participation_id IS NOT NULL AND purchase_id IS NULL",
            "this person has not bought this training",
        ),
        ("institution", "institution IS NOT NULL AND institution_id IS NULL", "no institution has this name"),
    ):
        staged.refuse(
            column, f"{mend}: import that first, or correct it", f"SELECT line FROM hold_row WHERE {missing} {LIMIT}"
        )


def check(staged: Staged) -> None:
    """Refuse every step that the verbs could not have made, or that is known otherwise."""
    staged.refuse(
        "step",
        "line {} has this step of this hold already: keep one of them",
        f"""
        SELECT line, first_line FROM (
            SELECT line, min(line) OVER (PARTITION BY key, step) AS first_line FROM hold_row
        ) counted WHERE line > first_line {LIMIT}
        """,
    )
    refuse_no_officers(staged, ("officer",))
    staged.refuse(
        "step",
        "the step before this is missing, or has lifted the hold: number them one after another",
        f"""
        SELECT line FROM hold_row row WHERE is_found AND step > 1 AND NOT EXISTS (
            SELECT FROM {EVERY} other WHERE other.key = row.key AND other.step = row.step - 1
              AND other.kind <> 'lifted') {LIMIT}
        """,
    )
    staged.refuse(
        "officer",
        "who proposed it cannot confirm it, and nobody confirms what nobody has proposed: correct it",
        f"""
        SELECT line FROM hold_row row
        WHERE is_found AND kind = 'confirmed' AND row.officer IS NOT DISTINCT FROM coalesce(
            (SELECT other.officer FROM {EVERY} other
             WHERE other.key = row.key AND other.kind = 'proposed' AND other.step < row.step
             ORDER BY other.step DESC LIMIT 1), row.officer) {LIMIT}
        """,
    )
    staged.refuse(
        "case_key",
        "another step of this hold says otherwise: all say the same",
        f"""
        SELECT line FROM hold_row row WHERE EXISTS (
            SELECT FROM hold_row other WHERE other.key = row.key AND other.line < row.line
              AND other.case_key <> row.case_key)
          OR EXISTS (SELECT FROM holds_hold hold WHERE hold.id = row.hold_id AND hold.case_key <> row.case_key) {LIMIT}
        """,
    )
    _check_open(staged)
    refuse_other(
        staged,
        "step",
        "this step",
        f"""
        hold_row row JOIN holds_hold hold ON hold.id = row.hold_id
        JOIN {NUMBERED} known ON known.hold_id = row.hold_id AND known.step = row.step
        LEFT JOIN accounts_user officer ON officer.id = known.by_id
        WHERE (known.kind, officer.login_name, known.due_on, known.recorded_at, known.text_encrypted IS NULL)
              IS DISTINCT FROM (row.kind, row.officer, row.due_on, row.recorded_at, row.text_encrypted IS NULL)
           OR row.step = 1 AND hold.figures <> row.figures
        """,
    )


def _check_open(staged: Staged) -> None:
    """The same waits once for one reason: as the table's own key has it."""
    same = " AND ".join(
        f"other.{name} IS NOT DISTINCT FROM row.{name}"
        for name in ("participation_id", "purchase_id", "institution_id", "subject", "reason")
    )
    lifted = f"SELECT FROM {EVERY} step WHERE step.kind = 'lifted' AND step.key"
    staged.refuse(
        "reason",
        "the same waits for this reason already: only one hold can be open",
        f"""
        SELECT line FROM hold_row row WHERE step = 1 AND NOT EXISTS ({lifted} = row.key) AND (
            EXISTS (SELECT FROM hold_row other WHERE {same} AND other.step = 1 AND other.key < row.key
                    AND NOT EXISTS ({lifted} = other.key))
            OR EXISTS (SELECT FROM holds_hold other WHERE {same} AND other.lifted_at IS NULL
                       AND other.id IS DISTINCT FROM row.hold_id
                       AND other.id NOT IN (SELECT hold_id FROM hold_row WHERE hold_id IS NOT NULL))) {LIMIT}
        """,
    )


_STANDING = ("due_on", "appealed_at", "proposed_at", "confirmed_at", "lifted_at")
_OFFICERS = ("officer", "proposed_by", "confirmed_by", "lifted_by")


def write(staged: Staged) -> dict[str, int]:
    """The holds that are new, the steps that are new, and how each hold stands by all of its steps."""
    officer_count = add_officers(staged, ("officer",))
    staged.write(STANDS_SQL)
    ids = ", ".join(f"{name}.id AS {name}_id" for name in _OFFICERS)
    joins = " ".join(f"LEFT JOIN accounts_user {name} ON {name}.login_name = stands.{name}" for name in _OFFICERS)
    stands = (
        f"(SELECT stands.key, stands.hold_id, opened_at, {', '.join(_STANDING)}, {ids} FROM hold_stands stands {joins})"
    )
    columns = ", ".join((*_STANDING, *(f"{name}_id" for name in _OFFICERS)))
    # First what stands already: what is lifted there makes room for what is open here.
    changed = ", ".join(f"{name} = stands.{name}" for name in columns.split(", "))
    staged.write(f"UPDATE holds_hold hold SET {changed} FROM {stands} stands WHERE hold.id = stands.hold_id")
    hold_count = staged.write(f"""
        INSERT INTO holds_hold ({_OF_HOLD}, figures, case_key, opened_at, {columns})
        SELECT {", ".join(f"row.{name}" for name in _OF_HOLD.split(", "))}, row.figures, row.case_key, stands.opened_at,
               {", ".join(f"stands.{name}" for name in columns.split(", "))}
        FROM hold_row row JOIN {stands} stands ON stands.key = row.key
        WHERE row.hold_id IS NULL AND row.step = 1 ORDER BY row.key
    """)
    staged.write("""
        UPDATE hold_row row SET hold_id = hold.id FROM holds_hold hold
        WHERE row.hold_id IS NULL AND hold.subject = row.subject AND hold.reason = row.reason
          AND hold.fingerprint = row.fingerprint AND hold.participation_id IS NOT DISTINCT FROM row.participation_id
          AND hold.purchase_id IS NOT DISTINCT FROM row.purchase_id
          AND hold.institution_id IS NOT DISTINCT FROM row.institution_id
    """)
    added_count = staged.write(f"""
        INSERT INTO holds_holdevent (hold_id, kind, text_encrypted, by_id, due_on, recorded_at)
        SELECT row.hold_id, row.kind, row.text_encrypted, officer.id, row.due_on, row.recorded_at
        FROM hold_row row LEFT JOIN accounts_user officer ON officer.login_name = row.officer
        WHERE NOT EXISTS (SELECT FROM {NUMBERED} known WHERE known.hold_id = row.hold_id AND known.step = row.step)
        ORDER BY row.hold_id, row.step
    """)
    staged.write("DROP TABLE hold_stands")
    unchanged_count = staged.row_count - added_count
    counts = {"added": added_count, "unchanged": unchanged_count, "holds added": hold_count}
    return counts | {"officers added": officer_count}
