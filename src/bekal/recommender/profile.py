"""The profile the model sees: five coded columns, the same for participants and for imported learners."""

from dataclasses import dataclass

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from bekal.accounts.provinces import PROVINCES
from bekal.participants.models import Education, Employment

# Order of the columns; sex may teach the model, but it never makes a reason.
COLUMNS = ("sex", "age_band", "education", "employment", "province")
NEVER_A_REASON = (COLUMNS.index("sex"),)

# First year of age of each band; code 0 is everybody below the second.
BAND_STARTS = (0, 25, 35, 45, 55)
BAND_LABELS = ("18–24", "25–34", "35–44", "45–54", "55+")  # participants are at least 18
SEX_SQL = "CASE {sex} WHEN 'F' THEN 0 WHEN 'M' THEN 1 END"
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Trait:
    """One value of one column as a reason names it: `column` is one of COLUMNS."""

    column: str
    value: int
    label: str | Promise


def coded(facts: NDArray[np.int64], reference_year: int) -> NDArray[np.int64]:
    """Profile codes from (people, 5) facts [sex 0/1, birth year, education, employment, province], -1 unknown.

    Age counts in calendar years up to `reference_year`, kept with the model, so that a person has one band in the
    fitting and in the serving.
    """
    codes = facts.copy()
    ages = reference_year - facts[:, 1]
    bands = np.searchsorted(np.array(BAND_STARTS), ages, side="right") - 1
    codes[:, 1] = np.where(facts[:, 1] < 0, UNKNOWN, np.maximum(bands, 0))
    return codes


def trait(column: int, value: int) -> Trait:
    """The column's name, the value's code and its name in the reader's language."""
    name = COLUMNS[column]
    if name == "age_band":
        return Trait(name, value, BAND_LABELS[value])
    if name == "education":
        return Trait(name, value, Education(value).label)
    if name == "employment":
        return Trait(name, value, Employment(value).label)
    if name == "province":
        return Trait(name, value, PROVINCES[value])
    return Trait(name, value, _("woman") if value == 0 else _("man"))
