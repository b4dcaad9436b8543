"""The questionnaires as data: what is packaged, and what is refused with a message that says how to mend it."""

from pathlib import Path

import pytest

from bekal.core.rules import RULES
from bekal.engagement.questionnaires import (
    SURVEYS,
    Opening,
    OpeningRule,
    QuestionKind,
    QuestionnaireError,
    load_questionnaires,
)
from tests.factories import jakarta

WHOLE = """
opens:
  after_instalment: 2
title: {id: Judul, en: Title}
questions:
  first:
    kind: single
    text: {id: Apa, en: What}
    options: {yes: {id: Ya, en: Yes}, no: {id: Tidak, en: No}}
  second:
    kind: multiple
    asked_when: {first: no}
    text: {id: Mengapa, en: Why}
    options: {one: {id: Satu, en: One}, two: {id: Dua, en: Two}}
"""


def test_the_packaged_surveys_ask_what_was_published() -> None:
    asked = {
        number: {question.code: tuple(question.options) for question in survey.questions}
        for number, survey in SURVEYS.items()
    }
    assert asked == {
        1: {
            "employment": ("unemployed", "employee", "business"),
            "effective": ("yes", "no"),
            "helped": ("yes", "no"),
        },
        2: {
            "source": ("friends", "social_media", "online_media", "television", "print", "office"),
            "useful": ("yes", "no"),
        },
        3: {
            "on_time": ("agree", "disagree"),
            "second": ("yes", "no"),
            "reason": (
                "no_time",
                "enough",
                "reuse_unknown",
                "want_no_more",
                "second_unknown",
                "nothing_suits",
                "other",
            ),
        },
    }


def test_every_survey_that_any_rule_pays_has_its_questionnaire() -> None:
    assert max(value.value for value in RULES.history("survey_count")) == len(SURVEYS)


def test_both_languages_are_spoken_and_differ() -> None:
    for survey in SURVEYS.values():
        texts = [survey.title, *(question.text for question in survey.questions)]
        texts += [words for question in survey.questions for words in question.options.values()]
        assert all(words["id"] != words["en"] for words in texts)


def test_a_question_knows_when_it_is_asked() -> None:
    _, effective, helped = SURVEYS[1].questions
    assert helped.is_asked({}, has_completed=False)
    assert effective.is_asked({}, has_completed=True) and not effective.is_asked({}, has_completed=False)
    reason = SURVEYS[3].questions[2]
    assert reason.follows_question and not effective.follows_question
    assert reason.is_asked({"second": "no"}, has_completed=False)
    assert not reason.is_asked({"second": "yes"}, has_completed=True)
    assert not reason.is_asked({}, has_completed=True)


@pytest.mark.parametrize(
    ("rule", "number", "days", "of_2020", "of_2023", "balance"),
    [
        (OpeningRule.DAYS_AFTER_ACCEPTANCE, 30, 30, None, None, False),
        (OpeningRule.AFTER_INSTALMENT, 2, None, 2, 1, False),
        (OpeningRule.AFTER_LAST_INSTALMENT_AND_BALANCE, 0, None, 4, 1, True),
    ],
)
def test_what_an_opening_waits_for(
    rule: OpeningRule, number: int, days: int | None, of_2020: int | None, of_2023: int | None, balance: bool
) -> None:
    opening = Opening(rule, number)
    schemes = [RULES.scheme(jakarta(year, 3, 1).date()) for year in (2020, 2023)]
    assert (opening.days, opening.needs_balance_ended) == (days, balance)
    assert [opening.instalment_of(scheme) for scheme in schemes] == [of_2020, of_2023]


def write(folder: Path, text: str, name: str = "1.yaml") -> Path:
    (folder / name).write_text(text)
    return folder


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    (survey,) = load_questionnaires(write(tmp_path, WHOLE)).values()
    assert (survey.number, survey.opens, survey.title["en"]) == (1, Opening(OpeningRule.AFTER_INSTALMENT, 2), "Title")
    first, second = survey.questions
    assert (first.kind, list(first.options), first.asked_when) == (QuestionKind.SINGLE, ["yes", "no"], "")
    assert (second.asked_when, second.asked_when_option, second.options["two"]["id"]) == ("first", "no", "Dua")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title:", "titel:", "the key 'titel' is unknown; use opens, questions, title"),
        ("    kind: single\n", "", "questions: first: kind is missing"),
        ("kind: single", "kind: free", "kind is one of single, multiple, got 'free'"),
        ("    asked_when", "    asked_if", "the key 'asked_if' is unknown; use asked_when, kind, options, text"),
        ("{first: no}", "{first: maybe}", "write completed_training, or an earlier question"),
        ("{first: no}", "{second: one}", "write completed_training, or an earlier question"),
        ("{first: no}", "completed", "write completed_training, or an earlier question"),
        ("after_instalment: 2", "after_birthday: 2", "write exactly one of days_after_acceptance, after_instalment"),
        ("after_instalment: 2", "after_instalment: 2\n  days_after_acceptance: 3", "write exactly one of"),
        ("after_instalment: 2", "after_instalment: 0", "takes a whole number from 1 to 999, got '0'"),
        ("after_instalment: 2", "after_last_instalment_and_balance: no", "takes yes, got 'no'"),
        ("{id: Apa, en: What}", "{id: Apa}", "questions: first: en is missing"),
        ("{id: Apa, en: What}", "{id: Apa, en: ' '}", "the text in en is empty"),
        ("{id: Apa, en: What}", "Apa", "write en, id below it, got 'Apa'"),
        ("{id: Satu, en: One}", "{id: Satu, en: One, fr: Un}", "options: one: the key 'fr' is unknown; use en, id"),
        ("two: {id", "Two!: {id", "the code 'Two!' has more than small letters, digits and _"),
        (", two: {id: Dua, en: Two}", "", "options needs at least two"),
        ("  second:", "  first:", "a key stands twice"),
        ("questions:", "questions: [", "not plain YAML"),
    ],
)
def test_a_fault_is_named_with_its_place_and_its_mend(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in WHOLE
    with pytest.raises(QuestionnaireError, match=r"^1\.yaml: ") as refused:
        load_questionnaires(write(tmp_path, WHOLE.replace(old, new, 1)))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got None"),
        ("- a", "got ['a']"),
        ("opens: {after_instalment: 2}\ntitle: {id: a, en: b}\nquestions: {}", "questions is empty"),
    ],
)
def test_a_file_without_a_survey_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(QuestionnaireError) as refused:
        load_questionnaires(write(tmp_path, text))
    assert message in str(refused.value)


def test_surveys_are_numbered_from_1_without_gaps(tmp_path: Path) -> None:
    with pytest.raises(QuestionnaireError, match="without gaps, found \\[\\]"):
        load_questionnaires(tmp_path)
    with pytest.raises(QuestionnaireError, match="without gaps, found \\[2\\]"):
        load_questionnaires(write(tmp_path, WHOLE, "2.yaml"))
    with pytest.raises(QuestionnaireError, match="named by its survey's number"):
        load_questionnaires(write(tmp_path, WHOLE, "third.yaml"))
