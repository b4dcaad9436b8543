"""The house as the build sees it: its rooms in their order, its files, its models."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.apps import apps
from django.db.models import Model

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "bekal"


@cache
def layers() -> tuple[tuple[str, ...], ...]:
    """The rooms from top to bottom, as the import contract in pyproject.toml lists them; neighbours share a layer."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (house,) = (contract for contract in contracts if contract["type"] == "layers")
    return tuple(tuple(room.strip(" ()") for room in layer.split("|")) for layer in house["layers"])


def height(room: str) -> int:
    """How far above the ground a room lies: core is 0."""
    for number, rooms in enumerate(reversed(layers())):
        if room in rooms:
            return number
    raise LookupError(f"{room} is no room of the house: name it in pyproject.toml")


def rooms() -> list[str]:
    """The rooms that are built."""
    return sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))


def room_of(model: type[Model]) -> str:
    return model.__module__.removeprefix("bekal.").split(".")[0]


def models() -> list[type[Model]]:
    """Every table of the house, those that Django makes for many-to-many fields included."""
    return [m for m in apps.get_models(include_auto_created=True) if m.__module__.startswith("bekal.")]


def python_files(*, tests: bool = True) -> Iterator[Path]:
    """Every Python file written by people (migrations are not)."""
    folders = [SOURCE, ROOT / "launcher", ROOT / "benchmarks"] + ([ROOT / "tests"] if tests else [])
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if "migrations" not in path.parts and "__pycache__" not in path.parts:
                yield path
    for path in (ROOT / "manage.py", ROOT / "dev"):
        if path.exists():
            yield path


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))
