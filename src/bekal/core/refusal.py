"""Why something asked for was not done: a closed code and the values a sentence about it needs.

A refusal is an answer, not an error: it changes nothing, and the pages say it in the reader's language by its code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is a member of the asking room's StrEnum; `values` are named facts (rupiah as int, days as date)."""

    code: StrEnum
    values: Mapping[str, int | str | date | None] = field(default_factory=dict)
