"""A programme of a benchmark's own: a database with the schema, led to and dropped again."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import django

from benchmarks import kept
from benchmarks.verbs import migrate, own_database


@contextmanager
def own_programme(name: str) -> Iterator[None]:
    """A new database with the schema, which the variables of this process and Django's connections lead to."""
    with _addresses_come_back(), own_database(name):
        _lead(name)
        migrate()
        yield


@contextmanager
def led_to(name: str) -> Iterator[None]:
    """The variables of this process and Django's connections lead to that database for the length of the block."""
    with _addresses_come_back():
        _lead(name)
        try:
            yield
        finally:
            from django.db import connections

            connections.close_all()


@contextmanager
def _addresses_come_back() -> Iterator[None]:
    outside = {variable: os.environ[variable] for variable in kept.URLS if variable in os.environ}
    try:
        yield
    finally:
        os.environ.update(outside)


def _lead(name: str) -> None:
    os.environ.update(kept.environ(name))
    set_up()
    from django.db import connections

    connections.close_all()
    for alias in connections:
        connections[alias].settings_dict["NAME"] = name


def set_up() -> None:
    """Django, once; models can be imported from here on."""
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
    if not settings.configured:
        django.setup()


def execute(statement: str, values: object = None) -> None:
    """As the owner."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, values)  # type: ignore[arg-type]


@contextmanager
def step(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"  {name}: {time.perf_counter() - started:.1f} s", flush=True)
