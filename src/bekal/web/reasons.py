"""Why a training is recommended, as one sentence: shares of people, never a person."""

from collections.abc import Mapping

from django.utils.translation import gettext

from bekal.recommender.reasons import ReasonKind, ShownReason


def reason_sentence(reason: ShownReason, titles: Mapping[int, str]) -> str:
    """The sentence under a recommended training. `titles` by training number."""
    share = reason.share_percent
    if reason.kind is ReasonKind.AFTER and reason.training_id in titles:
        return _after(share, titles[reason.training_id])
    if reason.kind is ReasonKind.PROFILE and reason.trait is not None:
        return _profile(share, reason.trait.column, str(reason.trait.label))
    if reason.kind is ReasonKind.FRESH:
        return gettext("New, and in a category that fits you")
    if share:
        return gettext("%(share)s%% of all participants finished this") % {"share": share}
    return gettext("Liked by participants")


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
