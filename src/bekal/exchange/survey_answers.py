"""The file of survey answers: what participants answered in the paid surveys; what that earned stands in `payouts`."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.engagement.models import SurveyResponse
from bekal.exchange.export_columns import instant_sql
from bekal.exchange.history import LIMIT, MAX_ROWS, history_file, refuse_future, refuse_other
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, FieldError, Value, instant, one_of, whole_number

MAX_CHARACTERS = 4_000
CHANNELS = {channel.value: channel.value for channel in SurveyResponse.Channel}


def _answers_of(text: str) -> str:
    """The object, written again as JSON: codes of questions, each with the code of an option or a list of them."""
    mend = 'write a JSON object such as {"employment": "employee", "source": ["friends", "print"]}'
    try:
        answers = json.loads(text)
    except (ValueError, RecursionError):
        raise FieldError(mend) from None
    if not isinstance(answers, dict) or not all(map(_is_answer, answers.values())):
        raise FieldError(mend)
    return json.dumps(answers)


def _is_answer(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(option, str) for option in value))


FIELDS: tuple[Field, ...] = (
    NIK,
    Field("survey", whole_number(1, 100), required=True, about="The number of the survey."),
    Field("answered_at", instant, required=True, about="When it was answered."),
    Field("channel", one_of(CHANNELS), about="Over which channel; without it `dashboard`."),
    Field(
        "answers",
        Value(_answers_of, "a JSON object: code of the question -> code of the option, or a list of codes"),
        required=True,
        max_characters=MAX_CHARACTERS,
        about="Every question that was asked.",
    ),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "survey": "smallint NOT NULL",
    "answered_at": "timestamptz NOT NULL",
    "channel": "text NOT NULL",
    "answers": "jsonb NOT NULL",
}
_RESPONSE = "engagement_surveyresponse response"
_SAME = "response.participation_id = row.participation_id AND response.survey_number = row.survey"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the responses that are new."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        wrong: list[tuple[str, str]] = []
        refuse_future(values, ("answered_at",), at, wrong)
        if wrong:
            raise RowError(wrong)
        channel = values.get("channel") or SurveyResponse.Channel.DASHBOARD.value
        return (hash_of_nik(values["nik"]), values["survey"], values["answered_at"], channel, values["answers"])

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        if staged.is_sound:
            added_count = staged.write(f"""
                INSERT INTO engagement_surveyresponse
                    (participation_id, survey_number, channel, answered_at, answers)
                SELECT participation_id, survey, channel, answered_at, answers FROM history_row row
                WHERE NOT EXISTS (SELECT 1 FROM {_RESPONSE} WHERE {_SAME}) ORDER BY line
            """)
            staged.counts = {"added": added_count, "unchanged": staged.row_count - added_count}
    return Loaded(staged.counts, staged.findings)


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, survey", "survey", "this person's answers to this survey")
    staged.refuse(
        "answered_at",
        "this is before the person was accepted ({}): correct it",
        f"SELECT line, {instant_sql('accepted_at')} FROM history_row WHERE answered_at < accepted_at {LIMIT}",
    )
    refuse_other(
        staged,
        "survey",
        "this person's response to this survey",
        f"""
        history_row row JOIN {_RESPONSE} ON {_SAME}
        WHERE (response.answered_at, response.channel, response.answers) <> (row.answered_at, row.channel, row.answers)
        """,
    )


KIND = Kind(
    "survey_answers",
    "What participants answered in the paid surveys: one row for each survey of each person.",
    FIELDS,
    MAX_ROWS,
    load,
)
