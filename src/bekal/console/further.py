"""Lists in the order of numbers that look through so many people for a page and no more: how one goes on."""

from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Further:
    """Addresses of what comes next and of the first page; empty where there is none. `looked_until`: the last number
    that was looked at, where a page is not full though there may be more behind."""

    following: str
    first: str
    looked_until: int | None


def further(request: HttpRequest, after_id: int, looked_until: int | None, *, is_full: bool) -> Further:
    """From a page after one number, whose list goes on after another (None: it ends)."""
    query = request.GET.copy()
    query.pop("after", None)
    first = f"?{query.urlencode()}" if query else request.path
    following = ""
    if looked_until is not None:
        query["after"] = str(looked_until)
        following = f"?{query.urlencode()}"
    return Further(following, first if after_id else "", None if is_full else looked_until)
