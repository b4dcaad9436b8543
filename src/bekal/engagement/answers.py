"""Whether answers fit their survey: the pure decision, asked for every response and by nobody else."""

from collections.abc import Mapping, Sequence

from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.engagement.questionnaires import Question, QuestionKind, Survey
from bekal.engagement.refusals import SurveyRefusal

Answer = str | list[str]


def fitting_answers(
    survey: Survey, given: Mapping[str, str | Sequence[str]], *, has_completed: bool
) -> dict[str, Answer] | Refusal:
    """The answers as they are kept, in the order of the questions and of their options; or what is wrong with the first
    that does not fit: ANSWER_MISSING, ANSWER_UNKNOWN (also for a question the survey does not have), ANSWER_NOT_ASKED.
    """
    known = {question.code for question in survey.questions}
    if unknown := next((code for code in given if code not in known), None):
        return _unknown(unknown, given[unknown])
    answers: dict[str, Answer] = {}
    for question in survey.questions:
        answer = given.get(question.code) or None
        if not question.is_asked(answers, has_completed=has_completed):
            if answer is not None:
                return Refusal(SurveyRefusal.ANSWER_NOT_ASKED, {"question": question.code})
            continue
        if answer is None:
            return Refusal(SurveyRefusal.ANSWER_MISSING, {"question": question.code})
        kept = _kept(question, answer)
        if isinstance(kept, Refusal):
            return kept
        answers[question.code] = kept
    return answers


def _kept(question: Question, answer: str | Sequence[str]) -> Answer | Refusal:
    chosen = [answer] if isinstance(answer, str) else list(answer)
    if isinstance(answer, str) == (question.kind is QuestionKind.MULTIPLE):
        return _unknown(question.code, answer)
    if wrong := next((option for option in chosen if option not in question.options), None):
        return _unknown(question.code, wrong)
    return answer if isinstance(answer, str) else [option for option in question.options if option in chosen]


def _unknown(question: str, value: object) -> Refusal:
    return Refusal(SurveyRefusal.ANSWER_UNKNOWN, {"question": shown(question), "value": shown(str(value))})
