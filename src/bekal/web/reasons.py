"""Why a training is recommended, as one sentence: shares of people, never a person."""

from collections.abc import Mapping

from django.utils.translation import gettext

from bekal.recommender.reasons import ReasonKind, ShownReason


def reason_sentence(reason: ShownReason, titles: Mapping[int, str], category: str) -> str:
    """The sentence under a recommended training. `titles` by training number, `category` the training's own.

    A training that fewer than ten people finished is on a list because of its category, so that is what is said."""
    share = reason.share_percent
    known = titles.get(reason.training_id) if reason.training_id is not None else None
    if reason.kind is ReasonKind.AFTER and known is not None:
        return _after(share, known)
    if reason.kind is ReasonKind.PROFILE and reason.trait is not None:
        return _profile(share, reason.trait.column, str(reason.trait.label))
    if reason.kind is ReasonKind.FRESH:
        return gettext("New, and in a category that fits you")
    if share is None:
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
