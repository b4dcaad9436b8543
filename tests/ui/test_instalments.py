"""Every state, step, turn and happening of an instalment has its words, in both languages."""

from collections.abc import Mapping
from datetime import date

import pytest
from django.utils.functional import Promise
from django.utils.translation import override

from bekal.core.rules import RULES
from bekal.core.schedule import payment_day
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.instalment_line import Happening, InstalmentState, NextStep, TimelineStep
from bekal.ui.instalments import (
    HAPPENED,
    HOLIDAYS,
    STATE_SENTENCES,
    STATE_WORDS,
    STEP_SENTENCES,
    TURN_WORDS,
    _told,
    _why,
)
from tests.factories import jakarta

AT = jakarta(2020, 4, 27)


@pytest.mark.parametrize(
    ("words", "all_of_them"),
    [
        (STATE_WORDS, InstalmentState),
        (STATE_SENTENCES, InstalmentState),
        (STEP_SENTENCES, NextStep),
        (TURN_WORDS, Side),
        (HAPPENED, Happening),
    ],
)
def test_nothing_is_without_words(words: Mapping[str, Promise], all_of_them: type) -> None:
    assert set(words) == set(all_of_them)
    for sentence in words.values():
        with override("id"):
            indonesian = str(sentence)
        with override("en"):
            assert indonesian != str(sentence)


def test_every_holiday_of_the_rules_has_its_name() -> None:
    parameters = ("fixed_holiday_month_days", "movable_holiday_month_days", "joint_leave_month_days")
    named = {name for one in parameters for value in RULES.history(one) for name in value.value.values()}
    assert named <= set(HOLIDAYS) and set(HOLIDAYS) - named == set()


@pytest.mark.parametrize(
    ("scheduled_on", "entitled_on", "told"),
    [
        (date(2020, 6, 25), None, "It is scheduled for 25 June 2020."),
        (
            date(2020, 5, 25),
            None,
            "It is scheduled for 25 May 2020. No working day: 25 May (Idul Fitri). So it is paid on 26 May 2020.",
        ),
        (
            date(2021, 5, 25),
            date(2021, 5, 12),
            "It is scheduled for 25 May 2021, and paid in the first week of that month. It was earned later, on 12 May "
            "2021. No working day: 12 May (joint leave for Idul Fitri), 13 May (Idul Fitri and Ascension Day), 14 May "
            "(Idul Fitri), Saturday, 15 May, Sunday, 16 May. So it is paid on 17 May 2021.",
        ),
    ],
)
def test_why_then_is_a_sentence(scheduled_on: date, entitled_on: date | None, told: str) -> None:
    with override("en"):
        assert " ".join(_why(payment_day(scheduled_on, entitled_on))) == told


@pytest.mark.parametrize(
    ("what", "code", "words", "reason"),
    [
        (Happening.QUESTIONED, "silent", "BNI did not answer in time. We are asking.", ""),
        (Happening.ANSWERED, "silent", "BNI has answered.", ""),
        (Happening.QUESTIONED, "contradiction", "What BNI says of it does not fit. It is being cleared up.", ""),
        (
            Happening.REJECTED,
            "AM14",
            "BNI could not pay it.",
            "Your wallet is full. Empty it, or choose another account.",
        ),
        (Happening.KEPT_BACK, "CHANGED", "Kept back, because your account was changed. It was not sent.", ""),
        (Happening.KEPT_BACK, "", "Kept back for a check. It was not sent.", ""),
        (Happening.TAKEN_BACK, "DUPL", "The programme took it back.", "The programme's reason: DUPL."),
    ],
)
def test_a_step_says_what_happened_and_why(what: Happening, code: str, words: str, reason: str) -> None:
    with override("en"):
        told = _told(TimelineStep(what, AT, 1, "BKL1A01", 1, "bni", "••6789", date(2020, 4, 27), code))
        assert (told.words, told.reason) == (words, reason)
