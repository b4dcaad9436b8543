"""What an examination of a model found, as tables: on the page, as CSV and as XLSX the same cells."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bekal.console.tables import Cell, Table, figure, number, people, share, table, words
from bekal.core.small_groups import MINIMUM_PEOPLE
from bekal.recommender.examination_reasons import ATTRIBUTES, MEASURES
from bekal.recommender.profile import COLUMNS, trait
from bekal.ui.display import rupiah

VERDICTS: dict[str, tuple[Promise, str, str]] = {
    "passes": (gettext_lazy("within the limit"), "good", "check"),
    "blocked": (gettext_lazy("above the limit: blocks"), "bad", "alert"),
    "cannot_tell": (gettext_lazy("too few people to tell"), "sun", "help"),
}
HISTORIES: dict[str, Promise] = {
    "k0": gettext_lazy("no known choice"),
    "k1": gettext_lazy("one known choice"),
    "k2": gettext_lazy("two known choices"),
    "k3": gettext_lazy("three known choices"),
    "k0b": gettext_lazy("no known choice, within the balance"),
    "k1b": gettext_lazy("one known choice, within the balance"),
    "k2b": gettext_lazy("two known choices, within the balance"),
    "k3b": gettext_lazy("three known choices, within the balance"),
}


def verdict(name: str) -> Cell:
    """In words, with the icon and the colour of its tone."""
    label, tone, icon = VERDICTS.get(name, (name, "", "info"))
    return Cell(str(label), str(label), tone, icon)


def attribute_name(name: str) -> str:
    return str(ATTRIBUTES.get(name, name))


def measure_name(name: str) -> str:
    return str(MEASURES.get(name, name))


def history_name(name: str) -> str:
    return str(HISTORIES.get(name, name))


def group_name(attribute: str, value: int | None) -> str:
    """The group in words; None are all those pooled because each alone is too small."""
    if value is None:
        return _("all others together")
    if value < 0:
        return _("not known")
    return str(trait(COLUMNS.index(attribute), value).label) if attribute in COLUMNS else str(value)


def quality_table(report: Mapping[str, Any]) -> Table:
    columns = [
        (_("What is known"), False),
        (_("This model"), True),
        (_("Standard error"), True),
        (_("Most chosen"), True),
        (_("Most chosen by people alike"), True),
        (_("Better than most chosen"), True),
    ]
    rows = [
        (
            words(history_name(name)),
            figure(cell["ndcg"]),
            figure(cell.get("error")),
            figure(cell.get("popularity")),
            figure(cell.get("segment_popularity")),
            share(cell["ndcg"] / cell["popularity"] - 1 if cell.get("popularity") else None),
        )
        for name, cell in report.get("quality", {}).get("cells", {}).items()
    ]
    return table("quality", _("How good the lists are"), columns, rows)


def calibration_table(report: Mapping[str, Any]) -> Table:
    columns = [(_("What is known"), False), (_("Expected of 100 observed"), True), (_("Temperature"), True)]
    rows = [
        (
            words(history_name(name)),
            figure(100 * cell["expected_over_observed"], 1),
            figure(cell.get("temperature"), 2),
        )
        for name, cell in report.get("quality", {}).get("calibration", {}).items()
    ]
    return table("calibration", _("Whether chances are what they say"), columns, rows)


def fairness_table(comparisons: Sequence[Mapping[str, Any]]) -> Table:
    columns = [
        (_("Between"), False),
        (_("Measured"), False),
        (_("Gap"), True),
        (_("Lowest"), True),
        (_("Highest"), True),
        (_("Limit"), True),
        (_("Verdict"), False),
    ]
    rows = [
        (
            words(attribute_name(each["attribute"])),
            words(measure_name(each["measure"])),
            share(each.get("gap")),
            share(each.get("gap_low")),
            share(each.get("gap_high")),
            share(each.get("limit")),
            verdict(each["verdict"]),
        )
        for each in comparisons
    ]
    return table("fairness", _("Differences between groups"), columns, rows)


def groups_table(comparisons: Sequence[Mapping[str, Any]]) -> Table:
    columns = [
        (_("Between"), False),
        (_("Measured"), False),
        (_("Group"), False),
        (_("People"), True),
        (_("Figure"), True),
        (_("Lowest"), True),
        (_("Highest"), True),
    ]
    rows = [
        (
            words(attribute_name(each["attribute"])),
            words(measure_name(each["measure"])),
            words(group_name(each["attribute"], group["value"])),
            people(group["people_count"]),
            *(figure(_unless_small(group, name)) for name in ("figure", "low", "high")),
        )
        for each in comparisons
        for group in each.get("groups", ())
    ]
    return table("groups", _("The groups behind the differences"), columns, rows)


def _unless_small(group: Mapping[str, Any], name: str) -> float | None:
    return None if group["people_count"] < MINIMUM_PEOPLE else group.get(name)


def flips_table(report: Mapping[str, Any]) -> Table:
    columns = [
        (_("Changed"), False),
        (_("People"), True),
        (_("Lists that stay the same"), True),
        (_("Mean price changes by"), True),
        (_("Quality with it"), True),
        (_("Quality without it"), True),
        (_("Verdict"), False),
    ]
    rows = [
        (
            words(attribute_name(each["attribute"])),
            people(each["people_count"]),
            share(each["mean_overlap"]),
            Cell(rupiah(round(each["mean_price_change_rupiah"])), round(each["mean_price_change_rupiah"])),
            figure(each.get("quality")),
            figure(each.get("quality_without")),
            verdict(each["verdict"]),
        )
        for each in report.get("flips", ())
    ]
    return table("flips", _("The same person with one thing changed"), columns, rows)


def exposure_table(report: Mapping[str, Any]) -> Table:
    found = report.get("exposure") or {}
    named: list[tuple[str, str, Callable[[Any], Cell]]] = [
        ("small_institution_share_of_lists", _("Small institutions: share of the lists"), share),
        ("small_institution_share_of_choices", _("Small institutions: share of what people choose"), share),
        ("ratio", _("The first as a part of the second"), share),
        ("popularity_ratio", _("The same, if the most chosen were listed"), share),
        ("limit", _("At least"), share),
        ("largest_institution_share", _("The largest institution: share of the lists"), share),
        ("most_of_one_institution_in_a_list", _("Most trainings of one institution in a list"), number),
        ("cap", _("At most"), number),
    ]
    rows = [(words(label), form(found[name])) for name, label, form in named if name in found]
    return table("exposure", _("Which institutions are shown"), [(_("What"), False), (_("Figure"), True)], rows)


def attack_table(report: Mapping[str, Any]) -> Table:
    found = report.get("attack") or {}
    reached = _("Accomplices that brought a course into a list")
    if found.get("is_at_least"):
        reached = _("Accomplices: all that were tried were too few, so it takes at least")
    named = [
        ("group_count", _("People in the group that was attacked")),
        ("accomplices", reached),
        ("needed", _("It must take at least")),
    ]
    rows = [(words(label), number(found[name])) for name, label in named if name in found]
    return table("attack", _("How many it takes to push a course"), [(_("What"), False), (_("Figure"), True)], rows)
