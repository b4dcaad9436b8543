"""Plausible Indonesian names for people who do not exist."""

from pathlib import Path

import yaml

_NAMES = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))

WOMEN: tuple[str, ...] = tuple(_NAMES["women"])
MEN: tuple[str, ...] = tuple(_NAMES["men"])
SECOND: tuple[str, ...] = tuple(_NAMES["second"])
# Reserved for examples: no message can ever reach anybody.
PLACEHOLDER_DOMAIN = "surel.example"
