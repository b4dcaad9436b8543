"""Which books a partner's call reads and writes: the programme's, or those of the sandbox.

The sandbox is a database of its own beside the programme's (ADR 0024), with the same tables and rights. Inside
`world_of` of a sandbox key Django's default connection of this thread leads there, so that every verb, query and
`transaction.atomic` is the same code in both worlds, and none can reach the other's money.
"""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

from bekal.catalogue.models import Institution, Platform
from bekal.ledger.clock import programme_now
from bekal.partners.models import Partner, PartnerKey

SUFFIX = "_sandbox"
# PostgreSQL cuts longer names off, and a name cut off could be the programme's own.
MAX_NAME_BYTES = 63


@dataclass(frozen=True, slots=True)
class World:
    """What a call of a partner stands on: its instant, and the rows that are the partner's own there. `offset`: how far
    the partner has moved its own clock."""

    at: datetime
    institution_id: int | None
    platform_id: int | None
    is_sandbox: bool = False
    offset: timedelta | None = None


class SandboxUnavailableError(Exception):
    """The sandbox database is not there or does not answer; the sentence says what to do."""


@contextmanager
def world_of(key: PartnerKey, *, now: datetime | None = None) -> Iterator[World]:
    """The world that a key opens, with the instant every verb inside is handed as `at`; `now`: the programme's, where
    it was read with the key.

    With a live key nothing changes. With a sandbox key the default connection of this thread leads to the sandbox
    until the block ends, however it ends; rows of the partner and the key (same numbers, without the secret) stand
    there, so that its calls can be written in the transaction that answers them. Take the instant from the world and
    never from `programme_now()`: each partner moves a clock of its own.

    Raises RuntimeError inside another world or an open transaction of the programme's database (what is written in
    two databases is never one transaction), SandboxUnavailableError where there is no sandbox."""
    with world_of_partner(key.partner, is_sandbox=key.is_sandbox, now=now) as world:
        if world.is_sandbox:
            _ensure_key(key)
        yield world


@contextmanager
def world_of_partner(partner: Partner, *, is_sandbox: bool, now: datetime | None = None) -> Iterator[World]:
    """The same for whoever acts for a partner without a key: its staff, an officer, a job. Raises as `world_of`."""
    if _is_inside():
        raise RuntimeError("a world is entered from the programme's database, never from another world")
    now = programme_now() if now is None else now
    if not is_sandbox:
        yield World(at=now, institution_id=partner.institution_id, platform_id=partner.platform_id)
        return
    with _connected_to_sandbox():
        institution_id, platform_id, offset = _ensure_partner(partner, now)
        at = now + (offset or timedelta(0))
        yield World(at, institution_id, platform_id, is_sandbox=True, offset=offset)


def sandbox_settings(alias: str = DEFAULT_DB_ALIAS) -> dict[str, Any]:
    """Django's settings of the sandbox beside the database that `connections` lead to now, for one of its roles.

    Raises SandboxUnavailableError where the name would be too long for PostgreSQL."""
    real = connections.settings[alias]
    named: dict[str, Any] | None = getattr(settings, "SANDBOX_DATABASE", None)
    # An address of its own belongs to the database of the environment, not to one that a harness works in.
    if named is not None and named["beside"] == real["NAME"]:
        place = dict(named[alias])
    else:
        place = {"NAME": f"{real['NAME']}{SUFFIX}"}
    if len(str(place["NAME"]).encode()) > MAX_NAME_BYTES:
        raise SandboxUnavailableError(
            f"The sandbox's name {place['NAME']} is too long for PostgreSQL: name one in BEKAL_SANDBOX_DATABASE_URL."
        )
    return {**real, **place}


# The connection


class _Held:
    """This thread's connection to the sandbox, reused from call to call; closed with the thread."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self.wrapper = wrapper
        _all_held.add(self)

    def close(self) -> None:
        if self.wrapper.connection is not None:
            with suppress(Exception):  # whatever is wrong with it, it is given up
                self.wrapper.connection.close()
            self.wrapper.connection = None

    __del__ = close


_all_held: "weakref.WeakSet[_Held]" = weakref.WeakSet()
_of_thread = threading.local()


def _is_inside() -> bool:
    return getattr(_of_thread, "inside", False)


@contextmanager
def _connected_to_sandbox() -> Iterator[None]:
    """The default connection of this thread leads to the sandbox; afterwards back, also after an exception."""
    real = connections[DEFAULT_DB_ALIAS]
    if _is_in_transaction(real):
        raise RuntimeError("the sandbox is another database: leave the transaction of the programme's first")
    wrapper = sandbox_connection()
    if not wrapper.in_atomic_block:
        wrapper.close_if_unusable_or_obsolete()
    try:
        wrapper.ensure_connection()
    except OperationalError:
        raise SandboxUnavailableError(
            "There is no sandbox on this server: `manage setup` makes it, or says why it cannot."
        ) from None
    connections[DEFAULT_DB_ALIAS] = wrapper
    _of_thread.inside = True
    try:
        yield
    finally:
        _of_thread.inside = False
        connections[DEFAULT_DB_ALIAS] = real
        if _is_in_transaction(wrapper) or wrapper.needs_rollback:
            wrapper.close()  # nobody finishes what was begun there


def _is_in_transaction(wrapper: BaseDatabaseWrapper) -> bool:
    """Whether one is open that is not around everything to be undone, as tests and harnesses have theirs."""
    return any(not getattr(block, "_from_testcase", False) for block in wrapper.atomic_blocks)


def sandbox_connection() -> BaseDatabaseWrapper:
    """This thread's own; a new one where the connections have been led elsewhere since. Calls go there by `world_of`
    alone; a harness may have a transaction around them."""
    wanted = sandbox_settings()
    held: _Held | None = getattr(_of_thread, "held", None)
    if held is None or held.wrapper.settings_dict["NAME"] != wanted["NAME"]:
        if held is not None:
            held.close()
        backend: Any = load_backend(wanted["ENGINE"])
        held = _of_thread.held = _Held(backend.DatabaseWrapper(wanted, DEFAULT_DB_ALIAS))
    return held.wrapper


def close_sandbox_connections() -> None:
    """Every thread's, for whoever removes the database: a test run, `dev reset`."""
    for held in list(_all_held):
        held.close()


# The partner's own rows there


def _ensure_partner(partner: Partner, at: datetime) -> tuple[int | None, int | None, timedelta | None]:
    """The numbers of the partner's institution or platform in the sandbox, and how far its clock was moved there; the
    rows are made at the first call."""
    own = Partner.objects.filter(pk=partner.pk, code=partner.code).values_list(
        "institution_id", "platform_id", "sandbox_offset"
    )
    found = own.first()
    if found is not None:
        return found
    with transaction.atomic():
        values: dict[str, Any] = {}
        # The catalogue finds institutions and platforms by their name: there no two partners share one.
        name = f"{partner.name[:150]} ({partner.code})"
        if partner.kind == Partner.Kind.INSTITUTION:
            values["institution"] = Institution.objects.get_or_create(code=partner.code, defaults={"name": name})[0]
        else:
            values["platform"] = Platform.objects.get_or_create(code=partner.code, defaults={"name": name})[0]
        mirrored = Partner(
            id=partner.pk, code=partner.code, name=partner.name, kind=partner.kind, registered_at=at, **values
        )
        Partner.objects.bulk_create([mirrored], ignore_conflicts=True)
        found = own.first()
        if found is None:
            raise SandboxUnavailableError(
                "The sandbox belongs to other books, whose partners have these numbers: drop its database, "
                "`manage setup` makes it anew."
            )
    return found


def _ensure_key(key: PartnerKey) -> None:
    """The row that calls point at; what it signs with stays in the programme's database."""
    if PartnerKey.objects.filter(pk=key.pk).exists():
        return
    values = {field.attname: getattr(key, field.attname) for field in PartnerKey._meta.concrete_fields}
    PartnerKey.objects.bulk_create([PartnerKey(**values | {"secret_encrypted": b""})], ignore_conflicts=True)
