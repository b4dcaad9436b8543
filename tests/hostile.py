"""A test run that is hostile to sloppiness: what works by luck in production fails here, always and by name."""

import ipaddress
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models.query import QuerySet
from django.template.base import UNKNOWN_SOURCE, FilterExpression
from django.template.context import Context
from django.template.defaulttags import ForNode

SOURCE = str(Path(__file__).resolve().parents[1])


# Rows without an order


class Shuffling:
    """The order of rows nobody ordered; seeded anew for each test, so that one test alone repeats what the run did."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)

    def start_test(self, name: str) -> None:
        self.random = random.Random(f"{self.seed} {name}")


def shuffle_unordered_rows(shuffling: Shuffling, patch: pytest.MonkeyPatch) -> None:
    """A QuerySet without an order gives its rows in another order each time."""
    fetch_all: Callable[[Any], None] = QuerySet._fetch_all
    iterate: Callable[..., Iterator[Any]] = QuerySet._iterator  # type: ignore[attr-defined]

    def fetch_all_shuffled(rows: Any) -> None:
        fresh = rows._result_cache is None
        fetch_all(rows)
        if fresh and not rows.ordered:
            shuffling.random.shuffle(rows._result_cache)

    def iterate_shuffled(rows: Any, *args: Any, **options: Any) -> Iterator[Any]:
        found = iterate(rows, *args, **options)
        if rows.ordered:
            yield from found
            return
        every = list(found)
        shuffling.random.shuffle(every)
        yield from every

    patch.setattr(QuerySet, "_fetch_all", fetch_all_shuffled)
    patch.setattr(QuerySet, "_iterator", iterate_shuffled)


# Template variables nobody defined


class UndefinedVariable(AssertionError):
    """A template of ours printed, looped over or passed on a variable that is not there."""


class _Undefined:
    """Stands where Django would silently put an empty text."""

    def __contains__(self, item: object) -> bool:
        return True

    def __mod__(self, variable: object) -> str:
        raise UndefinedVariable(f"the template variable `{variable}` is not defined")

    def __str__(self) -> str:
        raise UndefinedVariable("a template variable leads to a related object that is not there")


_UNDEFINED = _Undefined()


class _LoopedOver:
    """What a loop runs over has to be there, which Django does not ask."""

    def __init__(self, expression: FilterExpression) -> None:
        self.expression = expression

    def resolve(self, context: Context, ignore_failures: bool = False) -> Any:
        return self.expression.resolve(context)


def refuse_undefined_variables(patch: pytest.MonkeyPatch) -> None:
    """`{{ missing }}`, `{% for x in missing %}`, `{% tag missing %}` fail; `{% if missing %}`, `|default` may ask."""
    resolve = FilterExpression.resolve
    start_loop = ForNode.__init__

    def resolve_strictly(expression: Any, context: Context, ignore_failures: bool = False) -> Any:
        if not expression.is_var or not _is_ours(context):
            return resolve(expression, context, ignore_failures)
        asked = any(getattr(function, "__name__", "") == "default" for function, _ in expression.filters)
        may_be_missing = ignore_failures or asked
        engine: Any = context.template.engine  # type: ignore[union-attr]
        before = engine.string_if_invalid
        engine.string_if_invalid = "" if may_be_missing else _UNDEFINED
        try:
            value = resolve(expression, context, ignore_failures=may_be_missing)
        finally:
            engine.string_if_invalid = before
        if value is _UNDEFINED:
            raise UndefinedVariable(f"the template variable `{expression}` leads to something that is not there")
        return value

    def start_strict_loop(node: Any, loopvars: Any, sequence: Any, *args: Any, **options: Any) -> None:
        strict: Any = _LoopedOver(sequence)
        start_loop(node, loopvars, strict, *args, **options)

    patch.setattr(FilterExpression, "resolve", resolve_strictly)
    patch.setattr(ForNode, "__init__", start_strict_loop)


def _is_ours(context: Context) -> bool:
    """Django's own form templates lean on silence; ours may not."""
    template = context.render_context.template or context.template
    if template is None:
        return False
    name = template.origin.name
    return name == UNKNOWN_SOURCE or (name.startswith(SOURCE) and "site-packages" not in name)


# The network


class OutsideWorld(AssertionError):
    """A test tried to reach another machine."""


def keep_sockets_on_this_machine(patch: pytest.MonkeyPatch) -> None:
    """Connections go to this machine or fail with the address."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def checked_connect(self: socket.socket, address: Any) -> None:
        _refuse_outside(self, address)
        connect(self, address)

    def checked_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_outside(self, address)
        return connect_ex(self, address)

    patch.setattr(socket.socket, "connect", checked_connect)
    patch.setattr(socket.socket, "connect_ex", checked_connect_ex)


def _refuse_outside(sock: socket.socket, address: Any) -> None:
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = str(address[0])
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise OutsideWorld(f"tests speak only with this machine, not with {host}")
