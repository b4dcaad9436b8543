"""Puts a known bug into the running process, or into its scratch database, and takes it out again.

A bug of code is a piece of text in a module and what stands there instead. The changed source is executed beside the
module; then every function of the module gets the code of its changed twin, and every constant its value, here and
wherever it was imported. Nobody holds a function that is not changed with it, whatever name they know it by.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import psycopg
import yaml

FILE = Path(__file__).with_name("bugs.yaml")
CONSTANTS = (str, bytes, int, tuple, list, dict, set, frozenset)
FIELDS = {"name", "is", "machine", "module", "find", "replace", "statements"}


class DoesNotFit(ValueError):
    """A bug whose place is not in the code (any more): name, module and how often it stands there."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake somebody could make. `machine` names the one that finds it first; code, statements or both."""

    name: str
    sentence: str
    machine: str
    module: str | None
    find: str
    replace: str
    statements: tuple[str, ...]


@cache
def bugs() -> tuple[Bug, ...]:
    """The list in bugs.yaml. Raises ValueError where an entry is not one."""
    found = []
    for entry in yaml.safe_load(FILE.read_text(encoding="utf-8"))["bugs"]:
        if unknown := set(entry) - FIELDS:
            raise ValueError(f"bugs.yaml: {entry.get('name')}: the field {sorted(unknown)[0]} is unknown")
        if ("module" in entry) != ("find" in entry) or not ("module" in entry or "statements" in entry):
            raise ValueError(f"bugs.yaml: {entry.get('name')}: write module, find and replace, or statements, or all")
        found.append(
            Bug(
                name=entry["name"],
                sentence=entry["is"],
                machine=entry.get("machine", "journeys"),
                module=entry.get("module"),
                find=entry.get("find", ""),
                replace=entry.get("replace", ""),
                statements=tuple(entry.get("statements", ())),
            )
        )
    if len({bug.name for bug in found}) < len(found):
        raise ValueError("bugs.yaml: two bugs have the same name")
    return tuple(found)


def changed_source(bug: Bug) -> tuple[ModuleType, str]:
    """The module and its source with the bug in it. Raises DoesNotFit unless the place stands there exactly once."""
    assert bug.module is not None
    module = import_module(bug.module)
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    if source.count(bug.find) != 1 or bug.find == bug.replace:
        raise DoesNotFit(f"{bug.name}: the place to change stands {source.count(bug.find)} times in {bug.module}")
    return module, source.replace(bug.find, bug.replace)


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """With the bug in this process; the statements are the database's and stay (it is a scratch database)."""
    with ExitStack() as undo:
        if bug.module is not None:
            module, source = changed_source(bug)
            _exchange(module, _twin_of(module, source), undo)
        if bug.statements:
            _execute(bug.statements)
        yield


def _twin_of(module: ModuleType, source: str) -> Mapping[str, Any]:
    """The names of the changed module, as if it had been imported in the place of this one."""
    names = {name: getattr(module, name) for name in ("__name__", "__file__", "__package__", "__spec__", "__loader__")}
    exec(compile(source, str(module.__file__), "exec"), names)
    return names


def _execute(statements: tuple[str, ...]) -> None:
    """As the owner of the scratch database, committed."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _exchange(module: ModuleType, twin: Mapping[str, Any], undo: ExitStack) -> None:
    for name, new in twin.items():
        old = vars(module).get(name)
        if name.startswith("__") or old is new:
            continue
        if _function_of(new) is not None:
            _exchange_function(module, name, old, new, undo)
        elif isinstance(new, type) and isinstance(old, type) and old.__module__ == module.__name__:
            for attribute, method in vars(new).items():
                _exchange_code(_function_of(vars(old).get(attribute)), _function_of(method), undo)
        elif isinstance(new, CONSTANTS) and (old is None or old != new):
            for holder in _holders_of(name, old, module):
                _set(holder, name, new, undo)


def _exchange_function(module: ModuleType, name: str, old: Any, new: Any, undo: ExitStack) -> None:
    if old is None:
        _set(module, name, new, undo)
    elif getattr(_function_of(new), "__module__", None) == module.__name__:
        _exchange_code(_function_of(old), _function_of(new), undo)
        if hasattr(old, "cache_clear"):
            old.cache_clear()
            undo.callback(old.cache_clear)


def _exchange_code(old: FunctionType | None, new: FunctionType | None, undo: ExitStack) -> None:
    if old is None or new is None or (old.__code__ == new.__code__ and old.__defaults__ == new.__defaults__):
        return
    undo.callback(_restore(old))
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__


def _restore(function: FunctionType) -> Callable[[], None]:
    before = function.__code__, function.__defaults__, function.__kwdefaults__

    def restore() -> None:
        function.__code__, function.__defaults__, function.__kwdefaults__ = before

    return restore


def _function_of(thing: Any) -> FunctionType | None:
    """The plain function under decorators that keep it, under a method or a property; None where there is none."""
    if isinstance(thing, staticmethod | classmethod):
        thing = thing.__func__
    if isinstance(thing, property):
        thing = thing.fget
    while hasattr(thing, "__wrapped__"):
        thing = thing.__wrapped__
    return thing if isinstance(thing, FunctionType) else None


def _holders_of(name: str, old: Any, module: ModuleType) -> list[ModuleType]:
    """The module itself and whoever imported that constant from it by its name."""
    others = [each for key, each in list(sys.modules.items()) if key.startswith("bekal.") and each is not module]
    return [module, *(each for each in others if old is not None and vars(each).get(name) is old)]


def _set(module: ModuleType, name: str, new: Any, undo: ExitStack) -> None:
    if name in vars(module):
        undo.callback(setattr, module, name, vars(module)[name])
    else:
        undo.callback(delattr, module, name)
    setattr(module, name, new)
