"""The walls: which way imports and foreign keys point, how large things grow, and what may not be there."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.db.models import Model

from tests.contracts.house import ROOT, SOURCE, height, layers, models, named, python_files, room_of, rooms, tree_of

FILE_LINES = 400
FUNCTION_LINES = 70
RULE_FILE_LINES = 100
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "services", "service", "managers", "signals"}
# The only place that asks what time it is.
CLOCKS = {"src/bekal/ledger/clock.py"}


def test_imports_point_only_down() -> None:
    """import-linter's contracts; a subprocess, because it builds its own picture of the imports."""
    command = Path(sys.executable).parent / "lint-imports"
    told = subprocess.run(
        [str(command), "--config", "pyproject.toml", "--no-cache"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_room_is_named_in_the_house() -> None:
    assert set(rooms()) <= {room for layer in layers() for room in layer}


def test_foreign_keys_point_only_down() -> None:
    """import-linter does not see `ForeignKey("room.Model")`; Django does."""
    upwards = [
        f"{model._meta.label}.{field.name} -> {target._meta.label}"
        for model in models()
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete and (target := field.related_model) and not _is_below(model, target)
    ]
    assert upwards == []


def _is_below(model: type[Model], target: type[Model]) -> bool:
    room, other = room_of(model), room_of(target)
    return target.__module__.startswith("bekal.") and (other == room or height(other) < height(room))


def test_nothing_points_at_anything() -> None:
    """A generic foreign key has no direction, so no contract could hold it."""
    assert [m._meta.label for m in models() if m._meta.private_fields] == []


def test_files_stay_small() -> None:
    too_long = {named(path): len(path.read_text().splitlines()) for path in python_files()}
    assert {name: lines for name, lines in too_long.items() if lines > FILE_LINES} == {}


def test_functions_stay_small() -> None:
    too_long = {
        f"{named(path)}:{node.lineno} {node.name}": lines
        for path in python_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }
    assert too_long == {}


def test_rule_files_stay_small() -> None:
    files = sorted((SOURCE / "core" / "rules").rglob("*.yaml"))
    assert files
    assert {named(p): n for p in files if (n := len(p.read_text().splitlines())) > RULE_FILE_LINES} == {}


def test_no_room_for_leftovers() -> None:
    """A helper lives in the module that needs it; its second user moves it down under a real name."""
    assert [named(path) for path in python_files() if path.stem in FORBIDDEN_NAMES] == []
    assert [named(p) for p in SOURCE.rglob("*") if p.is_dir() and p.name in FORBIDDEN_NAMES] == []


def test_nothing_happens_behind_a_save() -> None:
    """No signal handlers and no overridden save(): a verb is the only place that writes."""
    listeners = [
        named(path)
        for path in python_files(tests=False)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "") in ("django.dispatch", "django.db.models.signals", "django.core.signals")
    ]
    assert listeners == []
    overriding = [
        f"{model._meta.label}.{name}"
        for model in models()
        for base in model.__mro__
        if base.__module__.startswith("bekal.")
        for name in ("save", "delete", "save_base")
        if name in vars(base)
    ]
    assert overriding == []


def test_only_the_programme_clock_asks_what_time_it_is() -> None:
    """Verbs take `at`; the day of a decision is an argument, never the machine's."""
    asking = [
        f"{named(path)}:{node.lineno} {ast.unparse(node.func)}()"
        for path in python_files(tests=False)
        if path.is_relative_to(SOURCE) and named(path) not in CLOCKS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and _asks_the_machine(node)
    ]
    assert asking == []


def _asks_the_machine(node: ast.Call) -> bool:
    called = ast.unparse(node.func)
    if called.endswith(("localdate", "localtime")):
        return not node.args and not node.keywords
    return called.endswith((".now", ".today", ".utcnow")) or called == "time.time"


def test_the_owner_only_migrates() -> None:
    """The connection that may do everything is the schema's keepers' alone, and of who makes scratch databases."""
    may = {SOURCE / "proofs" / "scratch.py"}
    using = [
        named(path)
        for path in python_files(tests=False)
        if path.is_relative_to(SOURCE) and not path.is_relative_to(SOURCE / "config") and path not in may
        for node in _constants_but_keys(tree_of(path))
        if node.value == "owner"
    ]
    assert using == []


def _constants_but_keys(tree: ast.AST) -> list[ast.Constant]:
    """What a module writes out, less the keys of its dictionaries: those are words of a file, no connection."""
    nodes = list(ast.walk(tree))
    keys = {id(key) for node in nodes if isinstance(node, ast.Dict) for key in node.keys}
    return [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in keys]


def test_every_room_with_tables_is_installed() -> None:
    installed = {config.name for config in apps.get_app_configs()}
    with_models = {f"bekal.{path.parent.name}" for path in SOURCE.glob("*/models.py")}
    assert with_models <= installed
