"""Try every address as everybody: each role at each page, each partner at each operation, and at what is another's.

Who may call what is declared twice: at each view, where it works, and in access.yaml, where it is read; the two must
agree, and an address that is not in the file fails. Then everybody tries everything: who may not is turned away, what
belongs to another is not there, and nothing changes. A door that is planted open must be noticed.
"""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter

from bekal.accounts import access as declaring
from bekal.accounts.access import declared_roles
from bekal.proofs.access_api import try_partners
from bekal.proofs.access_world import AccessWorld, Caller, access_world, everything
from bekal.proofs.arguments import add_common_arguments
from bekal.proofs.partner_calls import client, without_a_word
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import write_result
from bekal.proofs.scratch import scratch_database
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar

MATRIX = Path(__file__).parent / "access.yaml"
METHODS = ("get", "post")
# An answer of one's own: a page, a way elsewhere, or a sentence about what was wrong; never a fault of ours.
ANSWERS = {200, 302, 303, 400, 404, 405, 409, 410, 422, 503}
TURNED_AWAY = {401, 404, 405}
EVERYBODY, PARTNER = "everybody", "partner"


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the programme and what the file says of it: who may come, and whose what it names is."""

    name: str
    pattern: URLPattern
    who: frozenset[str]
    owner: str | None


@dataclass(slots=True)
class Access:
    """What was tried and found."""

    seed: int = 0
    route_count: int = 0
    tries: int = 0
    owner_tries: int = 0
    partner_tries: int = 0
    turned_away: int = 0
    answered: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    planted: dict[str, str | None] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        noticed = bool(self.planted) and None not in self.planted.values()
        return self.tries > 0 and self.owner_tries > 0 and self.partner_tries > 0 and not self.violations and noticed


def add_arguments(parser: ArgumentParser) -> None:
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every address is declared, everybody got what is theirs, and open doors were noticed."""
    access = Access(options.get("seed") or 0)
    prove_access(access)
    tries = access.tries + access.owner_tries + access.partner_tries
    stdout.write(heading("access", routes=access.route_count, tries=tries))
    for line in lines_of(access):
        stdout.write(line)
    write_result(options.get("result"), asdict(access))
    return 0 if access.holds else 1


def prove_access(access: Access) -> None:
    """Everything by everybody, in a database of its own."""
    with scratch_database("access"), without_a_word():
        world = access_world()
        routes = declared_routes(access.violations)
        access.route_count = len(routes)
        _roles(access, world, routes)
        _owners(access, world, routes)
        partners = try_partners(world)
        access.partner_tries = partners.tries
        access.violations += partners.violations
        _plant(access, world, routes)


def declared_routes(violations: list[str]) -> list[Route]:
    """Every route with what the file says; a route without a line, a line without a route, and a disagreement of the
    file with the view are violations."""
    matrix = yaml.safe_load(MATRIX.read_text())
    found = dict(_walk(get_resolver().url_patterns, ""))
    violations += [f"{name} is not declared in access.yaml" for name in sorted(found.keys() - matrix.keys())]
    violations += [f"{name} of access.yaml is no address" for name in sorted(matrix.keys() - found.keys())]
    routes = []
    for name in sorted(found.keys() & matrix.keys()):
        said, pattern = matrix[name], found[name]
        who = frozenset(said["who"])
        declared = declared_roles(pattern.callback)
        at_view = None if declared is None else frozenset(EVERYBODY if each == "*" else str(each) for each in declared)
        if at_view != who:
            violations.append(f"{name}: the view says {sorted(at_view or ['nobody'])}, the file {sorted(who)}")
        routes.append(Route(name, pattern, who, said.get("belongs_to")))
    return routes


def _walk(patterns: Sequence[Any], space: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _walk(entry.url_patterns, inner)
        else:
            yield f"{space}{entry.name}", entry


def address(route: Route, named: Mapping[str, Any]) -> str:
    """The route's address, naming what `named` has for its arguments; 1 or x for others."""
    arguments: dict[str, Any] = {}
    for key, converter in route.pattern.pattern.converters.items():
        kind, otherwise = (int, 1) if isinstance(converter, IntConverter) else (str, "x")
        arguments[key] = named[key] if isinstance(named.get(key), kind) else otherwise
    return reverse(route.name, kwargs=arguments)


def _roles(access: Access, world: AccessWorld, routes: Sequence[Route]) -> None:
    """Everybody at every address, with what exists."""
    statuses: Counter[int] = Counter()
    with Bar(len(routes), "routes") as bar:
        for route in routes:
            for caller in world.callers:
                for method in METHODS:
                    status, told = _ask(route, caller, method, world.named)
                    statuses[status] += 1
                    access.tries += 1
                    wrong = _wrong(route, caller, status, told)
                    if wrong is not None:
                        access.violations.append(f"{method.upper()} {route.name} as {caller.name}: {wrong}")
                    elif caller.role in route.who or EVERYBODY in route.who:
                        access.answered += 1
                    else:
                        access.turned_away += 1
            bar.update(1)
    access.statuses = {str(status): count for status, count in sorted(statuses.items())}


def _ask(route: Route, caller: Caller, method: str, named: Mapping[str, Any]) -> tuple[int, str]:
    """The status of the answer, and where it leads. Each call signs in anew: some addresses end a session."""
    visitor = client()
    if caller.user is not None:
        visitor.force_login(caller.user)
    answer = getattr(visitor, method)(address(route, named))
    if getattr(answer, "streaming", False):
        b"".join(answer.streaming_content)
    return answer.status_code, str(answer.headers.get("Location", ""))


def _wrong(route: Route, caller: Caller, status: int, location: str) -> str | None:
    """What is wrong with the answer; None where nothing is."""
    if status >= 500 and status != 503:
        return f"a fault of ours ({status})"
    if route.who == {PARTNER}:
        return None if status in TURNED_AWAY else f"answered without a signature ({status})"
    if EVERYBODY in route.who or caller.role in route.who:
        return None if status in ANSWERS else f"turned away ({status})"
    if caller.user is None:
        to_sign_in = status == 302 and location.startswith(reverse("web:sign_in"))
        return None if to_sign_in else f"not led to the sign-in ({status} {location})"
    return None if status == 403 else f"not turned away ({status})"


def _owners(access: Access, world: AccessWorld, routes: Sequence[Route]) -> None:
    """Whoever has the right role, but not the thing: it is not there for them, and nothing changes."""
    for route in routes:
        if route.owner is None:
            continue
        stranger = world.strangers[route.owner]
        for method in METHODS:
            before = everything()
            status, _ = _ask(route, stranger, method, world.named)
            access.owner_tries += 1
            if status not in (404, 405) and not (status in (302, 422) and method == "post"):
                access.violations.append(f"{method.upper()} {route.name} as a stranger: {status}, not 404")
            changed = [table for table, rows in everything().items() if before.get(table) != rows]
            if changed:
                access.violations.append(f"{method.upper()} {route.name} as a stranger changed {', '.join(changed)}")
        # And the owner finds it: else the stranger's 404 says nothing.
        owner = world.owners[route.owner]
        statuses = {_ask(route, owner, method, world.named)[0] for method in METHODS}
        if statuses <= {403, 404}:
            access.violations.append(f"{route.name}: not even its owner finds it ({sorted(statuses)})")


@contextmanager
def _everybody_is_an_officer() -> Iterator[None]:
    with mock.patch.object(declaring.DenyByDefault, "process_view", lambda *arguments: None):
        yield


def _plant(access: Access, world: AccessWorld, routes: Sequence[Route]) -> None:
    """Doors that stand open: no role is asked for, and an address that nobody declared."""
    some = [route for route in routes if route.name in ("console:funnel", "web:home", "console:treasury")]
    with _everybody_is_an_officer():
        wrong = [
            _wrong(route, caller, *_ask(route, caller, "get", world.named))
            for route in some
            for caller in world.callers
        ]
    access.planted["nobody asks who comes in"] = next((each for each in wrong if each is not None), None)
    told: list[str] = []
    with mock.patch(f"{__name__}.yaml.safe_load", lambda text: {}):
        declared_routes(told)
    access.planted["an address that nobody declared"] = told[0] if told else None


def lines_of(access: Access) -> Iterator[str]:
    """What the report says, below its heading."""
    yield f"roles: {access.tries:,} tries, {access.answered:,} answered, {access.turned_away:,} turned away"
    yield "answers: " + ", ".join(f"{count:,} x {status}" for status, count in access.statuses.items())
    yield f"owners: {access.owner_tries:,} tries of strangers; partners: {access.partner_tries:,} signed tries"
    if not access.violations:
        yield bound(access.tries + access.owner_tries + access.partner_tries)
    for name, told in access.planted.items():
        yield f"planted, {name}: {told or 'NOT NOTICED'}"
    for violation in access.violations[:40]:
        yield f"VIOLATED: {violation}"
    if len(access.violations) > 40:
        yield f"VIOLATED: and {len(access.violations) - 40} more"
    yield "holds" if access.holds else "does NOT hold"
