"""What an examination says in words: why a version is blocked, and what cannot be told yet."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bekal.core.recommend.attack import Attack
from bekal.core.recommend.exposure import Exposure
from bekal.core.recommend.fairness import Comparison, Verdict
from bekal.core.recommend.flips import MINIMUM_OVERLAP
from bekal.core.small_groups import MINIMUM_PEOPLE

ATTRIBUTES: dict[str, Promise] = {
    "sex": gettext_lazy("Sex"),
    "age_band": gettext_lazy("Age"),
    "education": gettext_lazy("Education"),
    "employment": gettext_lazy("Work"),
    "province": gettext_lazy("Province"),
}
MEASURES: dict[str, Promise] = {
    "quality": gettext_lazy("Quality of the list"),
    "calibration": gettext_lazy("Expected against observed"),
    "mean_price": gettext_lazy("Mean price"),
    "lapsing": gettext_lazy("Balance that would lapse"),
    "advanced": gettext_lazy("Share of advanced trainings"),
}


def blocking_reasons(
    fairness: Sequence[Comparison],
    flips: Sequence[Mapping[str, Any]],
    exposure: Exposure | None,
    attack: Attack | None,
) -> Iterator[str]:
    """A sentence for each thing that is certainly wrong."""
    for one in fairness:
        if one.verdict is Verdict.BLOCKED and one.gap is not None and one.gap_low is not None:
            yield _("%(attribute)s, %(measure)s: one group lies %(gap)s behind (%(low)s or more); limit %(limit)s.") % {
                "attribute": ATTRIBUTES[one.attribute],
                "measure": MEASURES[one.measure],
                "gap": _percent(one.gap),
                "low": _percent(one.gap_low),
                "limit": _percent(one.limit),
            }
    for flip in flips:
        if flip["verdict"] == Verdict.BLOCKED:
            yield _(
                "%(attribute)s alone changes the list too much: %(overlap)s of it stays (at least %(least)s), "
                "the mean price changes by %(price)s, the share of advanced trainings by %(advanced)s."
            ) % {
                "attribute": ATTRIBUTES[flip["attribute"]],
                "overlap": _percent(flip["mean_overlap"]),
                "least": _percent(MINIMUM_OVERLAP),
                "price": _percent(flip["price_gap"]),
                "advanced": _percent(flip["advanced_gap"]),
            }
    if exposure is not None and exposure.verdict is Verdict.BLOCKED:
        yield from _exposure_reasons(exposure)
    if attack is not None and attack.verdict is Verdict.BLOCKED:
        yield _(
            "%(found)s accomplices push a training into the lists of %(group)s people; it must take %(needed)s."
        ) % {
            "found": attack.accomplices,
            "group": attack.group_count,
            "needed": attack.needed,
        }


def _exposure_reasons(exposure: Exposure) -> Iterator[str]:
    if exposure.most_in_a_list > exposure.cap:
        yield _("A list holds %(most)s trainings of one institution; at most %(cap)s may be.") % {
            "most": exposure.most_in_a_list,
            "cap": exposure.cap,
        }
    if exposure.ratio is not None and exposure.ratio < exposure.limit:
        yield _("Small institutions have %(ratio)s of the places that their choices would give; limit %(limit)s.") % {
            "ratio": _percent(exposure.ratio),
            "limit": _percent(exposure.limit),
        }


def untold_reasons(people_count: int, fairness: Sequence[Comparison]) -> Iterator[str]:
    """A sentence for what cannot be told: nothing of all, or some of the differences, and how many people it takes."""
    if not fairness:
        if people_count < MINIMUM_PEOPLE:
            few = _("Fewer than %(n)s people have completed a training: too few to examine anything.")
            yield few % {"n": MINIMUM_PEOPLE}
        else:
            only = _("Only %(people)s people have completed a training: too few to examine anything.")
            yield only % {"people": people_count}
        return
    untold = [one for one in fairness if one.verdict is Verdict.CANNOT_TELL]
    if untold:
        needed = [one.needed_people_count for one in untold if one.needed_people_count is not None]
        told = {"untold": len(untold), "all": len(fairness), "people": max(needed, default=0)}
        if needed:
            yield (
                _("%(untold)s of %(all)s differences cannot be told yet; with %(people)s more people all can.") % told
            )
        else:
            yield _("%(untold)s of %(all)s differences cannot be told yet.") % told


def _percent(share: float) -> str:
    return f"{formats.number_format(round(100 * share, 1), decimal_pos=1)} %"
