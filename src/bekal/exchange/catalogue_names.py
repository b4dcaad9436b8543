"""The file of names: institutions, platforms and categories with the codes by which systems name them."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.catalogue.import_names import Named, import_name
from bekal.exchange.export_columns import Extract, text
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import BOUGHT
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import ColumnMap, Field, FieldError, Value, one_of, text_field

MAX_ROWS = 100_000


def _code_of(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", value, re.ASCII):
        raise FieldError("a code has up to 40 letters, digits, dots, dashes and underscores, no spaces: rewrite it")
    return value


FIELDS: tuple[Field, ...] = (
    Field("what", one_of({each.value: each for each in Named}), required=True, about="What has this name."),
    Field("name", text_field, required=True, about="As in `trainings`, of a category the Indonesian one."),
    Field("name_en", text_field, max_characters=80, about="Of a category the English one."),
    Field(
        "code",
        Value(_code_of, "letters, digits and `. - _`, at most 40 characters"),
        required=True,
        about="By which systems name it; who is known here keeps the code they have.",
    ),
)


def extract() -> Extract:
    """What an export writes: whoever teaches and sells, with or without a training; of one person, where they learn."""
    return Extract(
        columns=(
            text("what", "known.what"),
            text("name", "known.name"),
            text("name_en", "known.name_en"),
            text("code", "known.code"),
        ),
        source="""(
            SELECT 'institution' AS what, name, NULL AS name_en, code, id FROM catalogue_institution
            UNION ALL SELECT 'platform', name, NULL, code, id FROM catalogue_platform
            UNION ALL SELECT 'category', name_id, name_en, slug, id FROM catalogue_category
        ) known""",
        order="known.what, known.id",
        of_person=f"""EXISTS (SELECT FROM catalogue_training training WHERE training.id IN {BOUGHT} AND known.id = CASE
            known.what WHEN 'institution' THEN institution_id WHEN 'platform' THEN platform_id ELSE category_id END)""",
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the names that are new (`catalogue.import_names`)."""
    return load_row_by_row(path, FIELDS, column_map, max_rows=MAX_ROWS, take=_take, dry_run=dry_run, progress=progress)


def _take(values: Mapping[str, Any]) -> Taken:
    name, name_en, is_category = values["name"], values.get("name_en") or "", values["what"] is Named.CATEGORY
    if is_category and len(name) > 80:
        return [("name", "the name of a category has at most 80 characters: shorten it")], False
    if name_en and not is_category:
        return [("name_en", "only a category has an English name: leave this blank")], False
    done = import_name(what=values["what"], name=name, code=values["code"], name_en=name_en)
    if done.other_name:
        return [("code", f"{done.other_name} has this code already: correct it")], False
    return [], done.is_new


KIND = Kind(
    "catalogue_names",
    "Institutions, platforms and categories with their codes: one row for each, also of those without a training.",
    FIELDS,
    MAX_ROWS,
    load,
)
