"""Every page and form of web and console, as each role that may call it, with hostile addresses, queries and bodies.

Forms are learned by going where links lead: what a form would send from there is sent with one or two values bent, and
with every other name that the view asks for while it answers.
"""

import io
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.http import QueryDict
from django.test.client import BOUNDARY, MULTIPART_CONTENT, Client, encode_multipart
from django.urls import NoReverseMatch, Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse
from django.urls.converters import IntConverter
from django.utils.datastructures import MultiValueDict

from bekal.accounts.access import EVERYBODY, PARTNERS, declared_roles
from bekal.proofs.access_world import Caller
from bekal.proofs.fuzz_corpus import ANY, BODIES, HEADER_VALUES
from bekal.proofs.fuzz_documents import archives, xml_documents
from bekal.proofs.fuzz_partner import escaped, fresh_client, sendable
from bekal.proofs.fuzz_rounds import Place
from bekal.proofs.fuzz_tables import bent_table
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import FuzzWorld
from bekal.proofs.partner_calls import client

ADDRESSES_KEPT = 3
PAGE_SHARE = 0.05
HEADERS = (
    *(
        "HTTP_ACCEPT_LANGUAGE",
        "HTTP_HOST",
        "HTTP_REFERER",
        "HTTP_COOKIE",
        "HTTP_USER_AGENT",
        "HTTP_RANGE",
        "HTTP_ACCEPT",
    ),
    *("HTTP_X_FORWARDED_FOR", "HTTP_IF_MODIFIED_SINCE", "HTTP_ACCEPT_ENCODING", "HTTP_X_FORWARDED_HOST"),
)
FORM = "application/x-www-form-urlencoded"
Pairs = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Page:
    """One route for one caller: addresses that exist, what its forms would send, and the names its view asks for."""

    name: str
    pattern: URLPattern
    caller: Caller
    addresses: list[str] = field(default_factory=list)
    sent: dict[str, list[Pairs]] = field(default_factory=lambda: defaultdict(list))
    asked: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    not_allowed: set[str] = field(default_factory=set)

    @property
    def place(self) -> str:
        return f"page {self.name}"


def page_places(watch: Watch, world: FuzzWorld) -> list[Place]:
    """Each page, over its callers in turn, once all of them were visited: a twentieth of what operations get."""
    site = Site(world)
    site.learn(watch)
    of_route: dict[str, list[Page]] = defaultdict(list)
    for page in site.pages.values():
        of_route[page.name].append(page)

    def place(pages: list[Page]) -> Place:
        def try_some(numbers: range, rng: random.Random) -> None:
            for number in numbers:
                page = pages[number % len(pages)]
                said, do = page_case(watch, site, page, rng)
                watch.case(page.place, f"{page.caller.name}: {said}", do)

        return Place(pages[0].place, try_some, PAGE_SHARE)

    return [place(pages) for pages in of_route.values()]


class Site:
    """The routes that people may call, with a session of each caller."""

    def __init__(self, world: FuzzWorld) -> None:
        self.world = world
        self.pages: dict[tuple[str, str], Page] = {}
        self.sessions: dict[str, str] = {}
        for caller in world.access.callers:
            visitor = client()
            if caller.user is not None:
                visitor.force_login(caller.user)
                self.sessions[caller.name] = visitor.cookies[settings.SESSION_COOKIE_NAME].value
        for name, pattern in _walk(get_resolver().url_patterns, ""):
            who = declared_roles(pattern.callback) or frozenset()
            if who == PARTNERS or "api" in name.split(":")[:-1]:
                continue
            for caller in world.access.callers:
                if who == EVERYBODY or caller.role in who:
                    self.pages[name, caller.name] = Page(name, pattern, caller)

    def visitor(self, page: Page) -> Client:
        """A browser of that caller: each case has its own, since some addresses end a session."""
        visitor = fresh_client()
        if page.caller.name in self.sessions:
            visitor.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[page.caller.name]
        return visitor

    def learn(self, watch: Watch) -> None:
        """Go to every address that exists, and where its links and forms lead; nothing that is done there stays."""
        named = {**self.world.access.named, "run_id": self.world.run_id}
        waiting: list[tuple[Page, str]] = []
        for page in self.pages.values():
            address = address_of(page.pattern, page.name, named)
            page.addresses.append(address)
            waiting.append((page, address))
        while waiting:
            page, address = waiting.pop()
            watch.case(
                page.place, f"{page.caller.name}: GET {address}", partial(self._look, watch, page, address, waiting)
            )

    def _look(self, watch: Watch, page: Page, address: str, waiting: list[tuple[Page, str]]) -> str | None:
        with _noting(page):
            answer: Any = self.visitor(page).get(address)
        watch.answers[str(answer.status_code)] += 1
        if answer.status_code == 405:
            page.not_allowed.add("GET")
        wrong = _wrong(answer)
        if wrong is None and not answer.streaming and "html" in answer.headers.get("Content-Type", ""):
            read = _Reader()
            read.feed(answer.content.decode())
            for link in read.links:
                self._found(page.caller, urljoined(address, link), waiting)
            for method, action, pairs in read.forms:
                target = self._found(
                    page.caller, urljoined(address, action or address), waiting if method == "GET" else []
                )
                if (
                    target is not None
                    and pairs not in target.sent[method]
                    and len(target.sent[method]) < ADDRESSES_KEPT
                ):
                    target.sent[method].append(pairs)
        return wrong

    def _found(self, caller: Caller, address: str, waiting: list[tuple[Page, str]]) -> Page | None:
        """The page that an address of this caller leads to; a new one is kept, and gone to."""
        try:
            match = resolve(urlsplit(address).path)
        except Resolver404:
            return None
        page = self.pages.get((match.view_name, caller.name))
        known = None if page is None else [urlsplit(each).path for each in page.addresses]
        is_new = known is not None and len(known) < ADDRESSES_KEPT and urlsplit(address).path not in known
        if page is not None and is_new:
            page.addresses.append(address)
            waiting.append((page, address))
        return page


def urljoined(base: str, link: str) -> str:
    """Where a link of a page leads, within this site."""
    if link.startswith("?"):
        return base.partition("?")[0] + link
    return link if link.startswith("/") else f"{base.rpartition('/')[0]}/{link}"


def _walk(patterns: Sequence[Any], space: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, f"{space}{entry.namespace}:" if entry.namespace else space)
        else:
            yield f"{space}{entry.name}", entry


def address_of(pattern: URLPattern, name: str, named: Mapping[str, Any]) -> str:
    """An address of the route, about what exists where that is known."""
    arguments: dict[str, Any] = {}
    for key, converter in pattern.pattern.converters.items():
        known, otherwise = named.get(key), 1 if isinstance(converter, IntConverter) else "x"
        arguments[key] = known if isinstance(known, type(otherwise)) else otherwise
    return reverse(name, kwargs=arguments)


class _Reader(HTMLParser):
    """Links of a page, and what its forms would send: method, address, pairs of name and value."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[tuple[str, str, Pairs]] = []
        self._form: tuple[str, str] | None = None
        self._pairs: list[tuple[str, str]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and not given.get("href", "#").startswith(("#", "http", "mailto:", "tel:")):
            self.links.append(given["href"])
        elif tag == "form":
            self._form, self._pairs = (given.get("method", "get").upper(), given.get("action", "")), []
        elif tag in ("input", "textarea", "button") and given.get("name"):
            self._pairs.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self._select = given.get("name", "")
            self._pairs.append((self._select, ""))
        elif tag == "option" and self._select and given.get("value"):
            self._pairs = [*((n, v) for n, v in self._pairs if n != self._select), (self._select, given["value"])]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "form" and self._form is not None:
            pairs = tuple((name, value) for name, value in self._pairs if name and name != "csrfmiddlewaretoken")
            self.forms.append((*self._form, pairs))
            self._form = None


@contextmanager
def _noting(page: Page) -> Iterator[None]:
    """While a view answers, the names it asks its query, body and files for are the page's."""
    get, item, getlist = MultiValueDict.get, MultiValueDict.__getitem__, MultiValueDict.getlist

    def note(data: MultiValueDict[str, Any], name: object) -> None:
        if isinstance(name, str):
            (page.asked if isinstance(data, QueryDict) else page.files).add(name)

    def noted_get(self: Any, key: Any, default: Any = None) -> Any:
        note(self, key)
        return get(self, key, default)

    def noted_item(self: Any, key: Any) -> Any:
        note(self, key)
        return item(self, key)

    def noted_getlist(self: Any, key: Any, default: Any = None) -> Any:
        note(self, key)
        return getlist(self, key, default)

    with (
        mock.patch.object(MultiValueDict, "get", noted_get),
        mock.patch.object(MultiValueDict, "__getitem__", noted_item),
        mock.patch.object(MultiValueDict, "getlist", noted_getlist),
    ):
        yield


# One case


def page_case(watch: Watch, site: Site, page: Page, rng: random.Random) -> tuple[str, Callable[[], str | None]]:
    address = rng.choice(page.addresses)
    if rng.random() < 0.15 and page.pattern.pattern.converters:
        address = _hostile_address(page, rng) or address
    path, _, query = address.partition("?")
    if rng.random() < 0.5:
        query = urlencode(_bent_pairs(page, rng.choice(page.sent["GET"] or [tuple(parse_qsl(query))]), rng))
    headers: dict[str, Any] = {}
    if rng.random() < 0.1:
        headers[rng.choice(HEADERS)] = sendable(rng.choice((*HEADER_VALUES, *ANY)))[:8_000]
    method, body, content_type = "GET", b"", ""
    if rng.random() < (0.02 if "POST" in page.not_allowed else 0.98 if "GET" in page.not_allowed else 0.65):
        method = "POST" if rng.random() < 0.97 else rng.choice(("PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"))
        body, content_type = _hostile_body(site, page, rng)
    target = f"{path}?{query}" if query else path

    def send() -> str | None:
        visitor = site.visitor(page)
        with _noting(page):
            answer: Any = visitor.generic(method, target, body, content_type, **headers)
        watch.answers[str(answer.status_code)] += 1
        if answer.status_code == 405:
            page.not_allowed.add(method)
        return _wrong(answer)

    return f"{method} {target[:300]} {headers} {content_type[:60]} {body[:200]!r}", send


def _hostile_address(page: Page, rng: random.Random) -> str | None:
    wild: dict[str, Any] = {
        key: rng.choice((0, 2**31, 2**63 - 1, 2**63, 10**30, 10**400))
        if isinstance(one, IntConverter)
        else rng.choice(ANY)[:500]
        for key, one in page.pattern.pattern.converters.items()
    }
    try:
        return reverse(page.name, kwargs=wild)
    except (NoReverseMatch, UnicodeError):
        return None


def _bent_pairs(page: Page, pairs: Pairs, rng: random.Random) -> list[tuple[str, str]]:
    """What a form would send with one or two values bent, names doubled or left out, others the view asks for added."""
    bent = [*pairs]
    missing = sorted(page.asked - {name for name, _ in pairs} - {"csrfmiddlewaretoken"})
    for name in missing:
        if rng.random() < 0.5:
            bent.append((name, _hostile(rng)))
    for _ in range(rng.randrange(1, 3)):
        if bent:
            place = rng.randrange(len(bent))
            bent[place] = bent[place][0], _hostile(rng)
    if bent and rng.random() < 0.2:
        name, _ = rng.choice(bent)
        change = rng.choice(("twice", "out", "array"))
        if change == "out":
            bent = [pair for pair in bent if pair[0] != name]
        else:
            bent.append((name if change == "twice" else f"{name}[]", _hostile(rng)))
    # What no browser sends, bytes that are no UTF-8 among it, is written by the caller.
    return [(name, value.encode("utf-8", "replace").decode()) for name, value in bent]


def _hostile(rng: random.Random) -> str:
    return rng.choice(ANY)


def _hostile_body(site: Site, page: Page, rng: random.Random) -> tuple[bytes, str]:
    pairs = rng.choice(page.sent["POST"] or [()])
    chance = rng.random()
    if chance < 0.05:
        return rng.choice(list(BODIES.values())), rng.choice(
            (FORM, MULTIPART_CONTENT, "application/json", *HEADER_VALUES)
        )
    if chance < 0.08:
        return b"&".join(b"a=%d" % number for number in range(1_500)), FORM
    if chance < 0.13:
        names = sorted(page.asked | {name for name, _ in pairs}) or ["x"]
        return b"&".join(
            escaped(name).encode() + b"=" + rng.choice((b"%00", b"%ff", b"%ed%a0%80", b"\xff", b"%")) for name in names
        ), FORM
    bent = _bent_pairs(page, pairs, rng)
    if not page.files and chance < 0.9:
        return urlencode(bent).encode(), FORM
    data: dict[str, Any] = defaultdict(list)
    for name, value in bent:
        data[name].append(value)
    for name in page.files or {name for name, _ in bent[:1]}:
        data[name] = _hostile_file(site.world, rng)
    return encode_multipart(BOUNDARY, data), MULTIPART_CONTENT


class _File(io.BytesIO):
    """A file as a form sends it, under any name."""

    def __init__(self, content: bytes, name: str, content_type: str) -> None:
        super().__init__(content)
        self.name, self.content_type = name, content_type


def _hostile_file(world: FuzzWorld, rng: random.Random) -> _File:
    content = bent_table(world.status_file, rng)[1]
    if rng.random() < 0.3:
        content = rng.choice([*archives().values(), *xml_documents().values()])
    return _File(content, sendable(rng.choice(ANY))[:300] or "a.csv", rng.choice(("text/csv", "application/zip", "x")))


def _wrong(answer: Any) -> str | None:
    if answer.streaming:
        b"".join(answer.streaming_content)
        return None if answer.status_code < 500 else f"a fault of ours: {answer.status_code}"
    # 503: the sandbox is not there, or the sign-in is closed; a sentence says so.
    if answer.status_code >= 500 and answer.status_code != 503:
        return f"a fault of ours: {answer.status_code}"
    return "shows what is inside" if b"Traceback (most" in answer.content else None
