"""`manage check-journey --base-url URL`: over a real socket, sign in as the demo participant and read Beranda."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.core.money import MoneyError, format_rupiah, parse_price_text
from bekal.participants.models import Participation
from bekal.simulation.demo import DEMO_PASSWORD, PARTICIPANT

BALANCE_RUPIAH = 300_000
LEAST_RECOMMENDATIONS = 3
TIMEOUT_SECONDS = 30
VOID_TAGS = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


class JourneyError(Exception):
    """A step did not go as it must; the sentence says which and why."""


@dataclass
class Element:
    """One element of a page with what stands in it, in order."""

    tag: str
    attributes: dict[str, str]
    content: list["Element | str"] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> "Iterator[Element]":
        """Every element inside with that tag whose attributes hold those words."""
        for child in self.content:
            if isinstance(child, Element):
                if child.tag == tag and all(
                    word in child.attributes.get(name.rstrip("_").replace("_", "-"), "").split()
                    for name, word in attributes.items()
                ):
                    yield child
                yield from child.all(tag, **attributes)

    def one(self, tag: str, **attributes: str) -> "Element":
        found = next(self.all(tag, **attributes), None)
        if found is None:
            raise JourneyError(f"the page has no <{tag}> with {attributes}")
        return found

    @property
    def text(self) -> str:
        parts = (child if isinstance(child, str) else child.text for child in self.content)
        return " ".join(" ".join(parts).split())


class PageReader(HTMLParser):
    """Reads a page into elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.root = Element("page", {})
        self._open = [self.root]
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].content.append(element)
        if tag not in VOID_TAGS:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].content.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag == tag:
                del self._open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].content.append(data)


class Visitor:
    """A browser in twenty lines: keeps cookies, follows redirects, speaks to that one server."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        # No proxy of the environment stands between this machine and itself.
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def visit(self, path: str, form: dict[str, str] | None = None) -> tuple[str, Element]:
        """The path the server led to, and the page there. Raises JourneyError for anything but a page."""
        address = urljoin(self.base_url, path)
        headers = {"Referer": address, "Accept-Language": "id"}
        request = Request(address, urlencode(form).encode() if form is not None else None, headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                page = response.read().decode("utf-8")
                return urlsplit(response.url).path, PageReader(page).root
        except HTTPError as error:
            raise JourneyError(f"{address} answered {error.code}") from None
        except (URLError, OSError, UnicodeDecodeError) as error:
            raise JourneyError(f"{address} did not answer with a page: {getattr(error, 'reason', error)}") from None


def sign_in(visitor: Visitor) -> Element:
    """Fill in the form of the sign-in page as the demo participant; gives Beranda."""
    form = visitor.visit("/masuk/")[1].one("input", name="csrfmiddlewaretoken")
    fields = {"login_name": PARTICIPANT, "password": DEMO_PASSWORD}
    path, page = visitor.visit("/masuk/", fields | {"csrfmiddlewaretoken": form.attributes["value"]})
    if path != "/beranda/":
        raise JourneyError(f"signing in as {PARTICIPANT} led to {path}, not to /beranda/: is this the demo?")
    return page


def recommended(home: Element) -> dict[str, int]:
    """Address and price (rupiah) of every training recommended on Beranda."""
    found: dict[str, int] = {}
    for card in home.one("section", aria_labelledby="for-you").all("article", class_="training"):
        price = card.one("p", class_="price").one("strong").text
        try:
            found[card.one("a").attributes["href"]] = parse_price_text(price) or 0
        except MoneyError as error:
            raise JourneyError(f"a recommendation costs {error}") from None
    return found


def balance_has_ended() -> bool:
    """Whether somebody has let the simulated year go on until the demo participant's balance returned."""
    demo = Participation.objects.filter(participant__user__login_name=PARTICIPANT)
    return demo.filter(balance_ended_at__isnull=False).exists()


class Command(BaseCommand):
    help = "Over a real socket: sign in as the demo participant with Rp300.000 left and read what Beranda recommends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--base-url", required=True, metavar="URL", help="where the demo runs: http://127.0.0.1:8000"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if urlsplit(options["base_url"]).scheme not in ("http", "https"):
            raise CommandError(f"--base-url is {options['base_url']!r}: write it like http://127.0.0.1:8000")
        self._start = time.monotonic()
        try:
            self._walk(Visitor(options["base_url"]))
        except JourneyError as error:
            raise CommandError(f"The journey failed: {error}.") from None

    def _walk(self, visitor: Visitor) -> None:
        visitor.visit("/masuk/")
        self._tell("the sign-in page is there")
        home = sign_in(visitor)
        self._tell(f"signed in as {PARTICIPANT}, Beranda is there")
        shown = home.one("p", class_="amount").one("span", class_="num").text
        ended = balance_has_ended()
        expected = format_rupiah(0 if ended else BALANCE_RUPIAH)
        if shown != expected:
            raise JourneyError(f"Beranda shows a balance of {shown}, not {expected}")
        self._tell(f"the balance is {shown}" + (": a simulation has walked past its end" if ended else ""))
        if ended:
            return
        prices = recommended(home)
        if len(prices) < LEAST_RECOMMENDATIONS:
            raise JourneyError(f"Beranda recommends {len(prices)} trainings, fewer than {LEAST_RECOMMENDATIONS}")
        dear = [f"{path} at {format_rupiah(price)}" for path, price in prices.items() if price > BALANCE_RUPIAH]
        if dear:
            raise JourneyError(f"Beranda recommends what costs more than the balance: {', '.join(dear)}")
        self._tell(f"{len(prices)} trainings are recommended, the dearest at {format_rupiah(max(prices.values()))}")

    def _tell(self, step: str) -> None:
        now = time.monotonic()
        self.stdout.write(f"   {(now - self._start) * 1000:6.0f} ms  {step}")
        self._start = now
