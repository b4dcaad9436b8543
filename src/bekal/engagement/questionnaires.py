"""The surveys as data: one YAML file a survey in `questionnaires/`, named by its number, read once and checked.

Every scalar is read as text, so that YAML's own guesses (`no` is false) never become the code of an option. A file that
cannot be used is refused with its name, the place and how to mend it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from bekal.core.rules import Scheme

FOLDER = Path(__file__).parent / "questionnaires"
LANGUAGES = ("id", "en")
COMPLETED_TRAINING = "completed_training"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")


class QuestionnaireError(ValueError):
    """A questionnaire that cannot be used: which file, where, what is wrong, how to mend it."""


class OpeningRule(StrEnum):
    """What must have happened before a survey can be answered. Whoever has not bought a training is asked nothing yet:
    their place can still be taken back, and then the whole envelope returns."""

    DAYS_AFTER_ACCEPTANCE = "days_after_acceptance"
    AFTER_INSTALMENT = "after_instalment"  # it has arrived
    AFTER_LAST_INSTALMENT_AND_BALANCE = "after_last_instalment_and_balance"  # it has arrived, the balance is over


class QuestionKind(StrEnum):
    """How many options an answer names."""

    SINGLE = "single"
    MULTIPLE = "multiple"


Words = Mapping[str, str]  # by language


@dataclass(frozen=True, slots=True)
class Opening:
    """The rule with its number: days, or an instalment (0 where the rule takes none)."""

    rule: OpeningRule
    number: int

    @property
    def days(self) -> int | None:
        """Days after acceptance; None where they do not count."""
        return self.number if self.rule is OpeningRule.DAYS_AFTER_ACCEPTANCE else None

    @property
    def needs_balance_ended(self) -> bool:
        return self.rule is OpeningRule.AFTER_LAST_INSTALMENT_AND_BALANCE

    def instalment_of(self, scheme: Scheme) -> int | None:
        """The incentive instalment that must have arrived; the last, where a person's rules have fewer."""
        if self.rule is OpeningRule.AFTER_INSTALMENT:
            return min(self.number, scheme.instalment_count)
        return scheme.instalment_count if self.rule is OpeningRule.AFTER_LAST_INSTALMENT_AND_BALANCE else None


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `asked_when` names what its being asked depends on: COMPLETED_TRAINING, or an earlier question of
    single choice, whose answer must then be `asked_when_option`; empty: it is asked of everybody."""

    code: str
    kind: QuestionKind
    text: Words
    options: Mapping[str, Words]
    asked_when: str = ""
    asked_when_option: str = ""

    @property
    def follows_question(self) -> bool:
        return bool(self.asked_when_option)

    def is_asked(self, answers: Mapping[str, object], *, has_completed: bool) -> bool:
        """Whether it is put to a person who gave these answers and has (not) completed a training."""
        if self.asked_when == COMPLETED_TRAINING:
            return has_completed
        return not self.asked_when or answers.get(self.asked_when) == self.asked_when_option


@dataclass(frozen=True, slots=True)
class Survey:
    """One paid survey: when it opens and what it asks, in order."""

    number: int
    opens: Opening
    title: Words
    questions: tuple[Question, ...]


def load_questionnaires(folder: Path = FOLDER) -> Mapping[int, Survey]:
    """The surveys of a folder by number, which is the name of the file. Raises :class:`QuestionnaireError`."""
    surveys = {survey.number: survey for survey in (_survey(path) for path in sorted(folder.glob("*.yaml")))}
    if not surveys or set(surveys) != set(range(1, len(surveys) + 1)):
        raise QuestionnaireError(f"{folder.name}: surveys are numbered 1, 2, … without gaps, found {sorted(surveys)}")
    return MappingProxyType(surveys)


class _TextLoader(yaml.BaseLoader):
    """All scalars as text; a key given twice is refused (PyYAML keeps the last one silently)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if len(set(map(str, names))) < len(names):
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: a key stands twice; keep one of the two")
        return super().construct_mapping(node, deep=deep)


def _survey(path: Path) -> Survey:
    if not _NUMBER.fullmatch(path.stem):
        raise QuestionnaireError(f"{path.name}: a file is named by its survey's number, for example 1.yaml")
    try:
        given = yaml.load(path.read_text(), Loader=_TextLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise QuestionnaireError(f"{path.name}: not plain YAML in UTF-8 ({' '.join(str(error).split())})") from error
    at = path.name
    _demand(given, {"opens", "title", "questions"}, set(), at)
    if not isinstance(given["questions"], dict) or not given["questions"]:
        raise QuestionnaireError(f"{at}: questions is empty; write the code of each question and what it asks below it")
    questions: list[Question] = []
    for code, question in given["questions"].items():
        questions.append(_question(code, question, questions, f"{at}: questions: {code}"))
    opens, title = _opening(given["opens"], f"{at}: opens"), _words(given["title"], f"{at}: title")
    return Survey(int(path.stem), opens, title, tuple(questions))


def _opening(given: Any, at: str) -> Opening:
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in set(OpeningRule):
        raise QuestionnaireError(f"{at}: write exactly one of {', '.join(OpeningRule)}, got {given!r}")
    ((name, value),) = given.items()
    rule = OpeningRule(name)
    if rule is OpeningRule.AFTER_LAST_INSTALMENT_AND_BALANCE:
        if value != "yes":
            raise QuestionnaireError(f"{at}: {name} takes yes, got {value!r}")
        return Opening(rule, 0)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise QuestionnaireError(f"{at}: {name} takes a whole number from 1 to 999, got {value!r}")
    return Opening(rule, int(value))


def _question(code: str, given: Any, before: list[Question], at: str) -> Question:
    _demand(given, {"kind", "text", "options"}, {"asked_when"}, at)
    if given["kind"] not in set(QuestionKind):
        raise QuestionnaireError(f"{at}: kind is one of {', '.join(QuestionKind)}, got {given['kind']!r}")
    options = given["options"]
    if not isinstance(options, dict) or len(options) < 2:
        raise QuestionnaireError(f"{at}: options needs at least two, each a code with its text below it")
    for name in (code, *options):
        if not _CODE.fullmatch(name):
            raise QuestionnaireError(f"{at}: the code {name!r} has more than small letters, digits and _")
    asked_when, option = _condition(given.get("asked_when", ""), before, at)
    return Question(
        code=code,
        kind=QuestionKind(given["kind"]),
        text=_words(given["text"], at),
        options=MappingProxyType({name: _words(words, f"{at}: options: {name}") for name, words in options.items()}),
        asked_when=asked_when,
        asked_when_option=option,
    )


def _condition(given: Any, before: list[Question], at: str) -> tuple[str, str]:
    if given in ("", COMPLETED_TRAINING):
        return given, ""
    if isinstance(given, dict) and len(given) == 1:
        ((code, option),) = given.items()
        for earlier in before:
            if earlier.code == code and earlier.kind is QuestionKind.SINGLE and option in earlier.options:
                return code, option
    mend = f"write {COMPLETED_TRAINING}, or an earlier question of single choice with one of its options"
    raise QuestionnaireError(f"{at}: asked_when is {given!r}; {mend}")


def _words(given: Any, at: str) -> Words:
    _demand(given, set(LANGUAGES), set(), at)
    for language, text in given.items():
        if not isinstance(text, str) or not text.strip():
            raise QuestionnaireError(f"{at}: the text in {language} is empty")
    return MappingProxyType(dict(given))


def _demand(given: Any, needed: set[str], allowed: set[str], at: str) -> None:
    if not isinstance(given, dict):
        raise QuestionnaireError(f"{at}: write {', '.join(sorted(needed))} below it, got {given!r}")
    if unknown := sorted(set(given) - needed - allowed):
        known = ", ".join(sorted(needed | allowed))
        raise QuestionnaireError(f"{at}: the key {unknown[0]!r} is unknown; use {known}")
    if missing := sorted(needed - set(given)):
        raise QuestionnaireError(f"{at}: {missing[0]} is missing")


SURVEYS = load_questionnaires()
