"""Why a training is recommended: one sentence under it, and in full what made it; shares of people, never a person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bekal.recommender.profile import COLUMNS
from bekal.recommender.reasons import ReasonKind, ShownReason, WhyThis
from bekal.ui.display import rupiah

FACTS: dict[str, Promise] = {
    "sex": _("sex"),
    "age_band": _("age"),
    "education": _("education"),
    "employment": _("work"),
    "province": _("province"),
}


@dataclass(frozen=True, slots=True)
class Why:
    """`sentence` stands under the training; `points` are what “Why this?” opens. `is_tried`: an explored place."""

    sentence: str
    points: tuple[str, ...]
    is_tried: bool = False


def facts_used() -> str:
    """What the model knows of a person, as the columns it is fitted on: `sex, age, education, work, province`."""
    return ", ".join(str(FACTS[column]) for column in COLUMNS)


def why(told: WhyThis, *, titles: Mapping[int, str], category: str, price_rupiah: int, balance_rupiah: int) -> Why:
    """Why one training is recommended. `titles` of what the reader bought, `category` the training's own."""
    sentence = reason_sentence(told.reason, titles, category)
    points = (
        _in_full(told.reason, sentence, titles),
        *_about_you(told, titles),
        _fits(price_rupiah, balance_rupiah),
        _tried(told.is_explored),
    )
    return Why(sentence, points, told.is_explored)


def _in_full(reason: ShownReason, sentence: str, titles: Mapping[int, str]) -> str:
    if reason.kind is ReasonKind.AFTER and reason.training_id not in titles:
        return f"{sentence}."
    if reason.kind is ReasonKind.FRESH:
        behind = gettext("Few people have finished it so far, so its category counts.")
    elif reason.share_percent is None:
        behind = gettext("No number is told where too few people stand behind it.")
    else:
        behind = gettext("At least ten people stand behind this, and the number is rounded.")
    return f"{sentence}. {behind}"


def _about_you(told: WhyThis, titles: Mapping[int, str]) -> Iterator[str]:
    if told.facts:
        labels = ", ".join(str(fact.trait.label) for fact in told.facts)
        silent = ", ".join(str(FACTS[fact.trait.column]) for fact in told.facts if not fact.may_be_reason)
        text = gettext("Used about you: %(labels)s.") % {"labels": labels}
        if silent:
            text += " " + gettext("Never a reason, though: %(facts)s.") % {"facts": silent}
        yield text
    bought = [f"“{titles[number]}”" for number in told.bought_ids if number in titles]
    if bought:
        yield gettext("Used of your trainings: %(titles)s.") % {"titles": ", ".join(bought)}


def _fits(price_rupiah: int, balance_rupiah: int) -> str:
    """What every list keeps to (`Limit`), the price in figures."""
    values = {"price": rupiah(price_rupiah), "balance": rupiah(balance_rupiah)}
    cost = gettext("It costs %(price)s, and you have %(balance)s.") if price_rupiah else gettext("It costs nothing.")
    rest = gettext("There is a place, you have not bought it yet, and it begins while your balance can be used.")
    return f"{cost % values} {rest}"


def _tried(is_tried: bool) -> str:
    if is_tried:
        return gettext("A draw put this training in this place, so that we learn whom it helps.")
    return gettext("One place of the list tries something else out. It is always labelled.")


def reason_sentence(reason: ShownReason, titles: Mapping[int, str], category: str) -> str:
    """The sentence under a recommended training. `titles` by training number, `category` the training's own.

    A training that fewer than ten people finished is on a list because of its category, so that is what is said; and
    where the title that a reason is about is not among them: its share is of those people, not of all."""
    share = reason.share_percent
    known = titles.get(reason.training_id) if reason.training_id is not None else None
    if reason.kind is ReasonKind.AFTER and known is not None:
        return _after(share, known)
    if reason.kind is ReasonKind.PROFILE and reason.trait is not None:
        return _profile(share, reason.trait.column, str(reason.trait.label))
    if reason.kind is ReasonKind.FRESH:
        return gettext("New, and in a category that fits you")
    if share is None or reason.kind is not ReasonKind.POPULAR:
        return gettext("%(category)s is a category that fits you") % {"category": category}
    if share == 0:
        return gettext("At least 10 participants finished this")
    return gettext("%(share)s%% of all participants finished this") % {"share": share}


def _after(share: int | None, title: str) -> str:
    if not share:
        return gettext("Often chosen after “%(title)s”") % {"title": title}
    values = {"share": share, "title": title}
    return gettext("%(share)s%% of those who finished “%(title)s” also finished this") % values


def _profile(share: int | None, column: str, label: str) -> str:
    who = {
        "age_band": gettext("participants aged %(label)s"),
        "education": gettext("participants with this education: %(label)s"),
        "employment": gettext("participants with this work: %(label)s"),
        "province": gettext("participants in %(label)s"),
    }[column] % {"label": label}
    if not share:
        return gettext("More often chosen by %(who)s") % {"who": who}
    return gettext("%(share)s%% of %(who)s finished this") % {"share": share, "who": who}
