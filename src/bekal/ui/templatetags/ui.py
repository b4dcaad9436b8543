"""Template tags and filters every page may use (built in)."""

from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BaseForm, BoundField
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import ngettext

from bekal.ui import display
from bekal.ui.icons import ICONS
from bekal.ui.refusals import sentence

register = template.Library()
for shown in (
    display.rupiah,
    display.day,
    display.weekday,
    display.month,
    display.moment,
    display.clock,
    display.count,
    display.decimal_1,
    display.percent,
    display.days,
    display.monogram,
    display.category_name,
    display.mode_label,
    display.province,
    sentence,
):
    register.filter(shown)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An inline line icon; without a label it is decoration and hidden from screen readers."""
    drawing = mark_safe(ICONS[name])  # drawings are constants of this package
    if label:
        return format_html('<svg class="icon" viewBox="0 0 24 24" role="img" aria-label="{}">{}</svg>', label, drawing)
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', drawing)


@register.simple_tag
def bar(part: float, whole: float, label: str, tone: str = "") -> SafeString:
    """A bar filled to `part` of `whole`; `label` says the same in words. No style attribute, so the CSP holds."""
    width = 0 if whole <= 0 else round(min(max(part / whole, 0), 1) * 1000)
    return format_html(
        '<svg class="bar {}" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect width="{}" height="10"/></svg>',
        tone,
        label,
        width,
    )


@register.simple_tag
def stars(rating: int) -> SafeString:
    """`★★★★☆` with the number in words for screen readers."""
    label = ngettext("%(count)d star of 5", "%(count)d stars of 5", rating) % {"count": rating}
    return format_html(
        '<span class="stars" role="img" aria-label="{}">{}<span class="off">{}</span></span>',
        label,
        "★" * rating,
        "★" * (5 - rating),
    )


@register.simple_tag
def field(bound: BoundField, kind: str = "") -> str:
    """Label, help, control and errors of one form field, joined for screen readers. kind="check" for a checkbox row."""
    described = [f"{bound.id_for_label}-help"] if bound.help_text else []
    described += [f"{bound.id_for_label}-error"] if bound.errors else []
    attrs: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described else {}
    if bound.errors:
        attrs["aria-invalid"] = "true"
    context = {"field": bound, "control": bound.as_widget(attrs=attrs), "kind": kind}
    return render_to_string("ui/field.html", context)


@register.inclusion_tag("ui/errors.html")
def errors(form: BaseForm) -> dict[str, Any]:
    """What is wrong, each linked to its field; the box takes the focus when the page opens."""
    fields = [(bound.id_for_label or bound.auto_id, bound.errors) for bound in form.visible_fields() if bound.errors]
    return {"fields": fields, "whole": form.non_field_errors(), "any": bool(form.errors)}


@register.inclusion_tag("ui/pages.html", takes_context=True)
def pages(context: template.Context, page: Page[Any], name: str = "page") -> dict[str, Any]:
    """Back and forward over `page`, keeping the rest of the address."""
    query = context["request"].GET.copy()

    def address(number: int) -> str:
        query[name] = str(number)
        return "?" + query.urlencode()

    return {
        "page": page,
        "before": address(page.previous_page_number()) if page.has_previous() else "",
        "after": address(page.next_page_number()) if page.has_next() else "",
    }


@register.simple_block_tag
def note(content: str, tone: str = "sun") -> SafeString:
    """A boxed remark with the icon of its tone: sun (do this), good, bad, info."""
    symbol = {"sun": "clock", "good": "done", "bad": "alert", "info": "info"}[tone]
    return format_html('<div class="note {}">{}<div>{}</div></div>', tone, icon(symbol), content)


@register.simple_block_tag
def empty(content: str, symbol: str, title: str, level: int = 2) -> SafeString:
    """What a list says when it has nothing: why, and what to do."""
    return format_html(
        '<div class="empty"><span class="tile">{}</span><h{}>{}</h{}>{}</div>',
        icon(symbol),
        level,
        title,
        level,
        content,
    )


@register.simple_tag(takes_context=True)
def here(context: template.Context, *names: str) -> SafeString:
    """`aria-current="page"` where the page shown is one of these url names."""
    match = getattr(context.get("request"), "resolver_match", None)
    return mark_safe('aria-current="page"' if match and match.view_name in names else "")


@register.filter
def language_name(code: str) -> str:
    """The name of a language in itself, as people look for it."""
    return {"id": "Bahasa Indonesia", "en": "English"}[code]
