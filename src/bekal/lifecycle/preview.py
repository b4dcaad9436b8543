"""What a verb would do now, for a dry run: the same people and the same rupiah, and nothing written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Preview:
    """How many people a verb would touch now, and how many whole rupiah would return."""

    count: int
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A SELECT of (subject_id, amount_rupiah) with its values: whom a verb would touch, with what would return."""

    sql: str
    values: Mapping[str, Any]

    def ids(self) -> list[int]:
        """The subjects, in order."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT subject_id FROM ({self.sql}) listing ORDER BY subject_id", self.values)
            return [subject_id for (subject_id,) in cursor.fetchall()]

    def preview(self) -> Preview:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*), coalesce(sum(amount_rupiah), 0)::bigint FROM ({self.sql}) listing", self.values
            )
            return Preview(*cursor.fetchone())


NOBODY = Listing("SELECT NULL::bigint AS subject_id, NULL::bigint AS amount_rupiah WHERE false", {})
