"""The behaviour of the simulated people as named numbers, read from `model.yaml` beside this module."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

MODEL_FILE = Path(__file__).with_name("model.yaml")
ORIGINS = ("source", "assumption", "calibrated_to")


class ModelError(ValueError):
    """A fault in the file of parameters; the sentence says which one and how to mend it."""


@dataclass(frozen=True, slots=True)
class Model:
    """Every parameter; label, unit and origin stand in `model.yaml`. `dataclasses.replace` makes another world."""

    # Who can be reached, and through what. A person learns of the acceptance by the first channel that reaches them.
    phone_changed_share: float
    email_dead_share: float
    sms_reach_share: float
    email_reach_share: float
    friends_reach_share: float
    social_media_reach_share: float
    online_media_reach_share: float
    television_reach_share: float
    print_reach_share: float
    office_reach_share: float
    sms_days: float
    email_days: float
    friends_days: float
    social_media_days: float
    other_media_days: float
    # The first purchase: a hazard on each day from the day of learning to the deadline.
    decide_daily: float
    decide_price_weight: float
    decide_employee_factor: float
    decide_business_factor: float
    decide_spread: float
    decide_rush: float
    decide_rush_days: float
    # Payout accounts
    late_account_share: float
    late_account_least_days: int
    late_account_most_days: int
    replacement_most_days: int
    payout_rejected_share: float
    # Learning: sessions one after another, each with a hazard of dropping out before it.
    never_redeem_share: float
    never_redeem_later_share: float
    redeem_days: float
    drop_out: float
    drop_out_fading: float
    drop_out_webinar_factor: float
    drop_out_on_site_factor: float
    drop_out_employee_factor: float
    drop_out_business_factor: float
    drop_out_spread: float
    drop_out_later_factor: float
    self_paced_most_days: int
    webinar_most_days: int
    on_site_most_days: int
    completion_most_days: int
    # Reviews
    review_days: float
    forget_review_share: float
    reminded_share: float
    reminded_least_days: int
    reminded_most_days: int
    review_later_share: float
    rating_spread: float
    # The second training: latent barriers of a person, as shares of the unemployed with two channels.
    no_time_share: float
    enough_share: float
    reuse_unknown_share: float
    want_no_more_share: float
    second_unknown_share: float
    other_barrier_share: float
    no_time_employee_factor: float
    no_time_business_factor: float
    enough_higher_factor: float
    want_no_more_old_factor: float
    unaware_channel_factor: float
    nothing_suits_share: float
    suits_price_weight: float
    after_dropping_out_share: float
    second_days: float
    go_on_share: float
    go_on_price_weight: float
    later_days: float
    # Surveys
    answer_1_share: float
    answer_2_share: float
    answer_3_share: float
    answer_days: float
    effective_share: float
    helped_share: float
    useful_share: float
    on_time_share: float
    on_time_days_weight: float
    on_time_rejected_weight: float
    # Choice of a training: a multinomial logit. The effects of profiles stand in profile_effects.yaml.
    reference_price_rupiah: int
    own_taste: float
    chance_effect: float
    attraction: float
    price_weight: float
    share_weight: float
    rating_weight: float
    same_category: float
    same_topic: float
    scarce: float
    scarce_seats: int
    booked_ahead_days: int


def load_model(path: Path = MODEL_FILE) -> Model:
    """Read a file of parameters. Raises ModelError where one is missing, unknown, out of range or without origin."""
    read = _read(path)
    known = {field.name: field.type for field in fields(Model)}
    for name in [*known.keys() - read.keys(), *read.keys() - known.keys()]:
        fault = "is missing" if name in known else "is no parameter of the model"
        raise ModelError(f"{path.name}: {name} {fault}. The names are those of the class Model.")
    values: dict[str, Any] = {name: _value(path, name, read[name], kind is int) for name, kind in known.items()}
    return Model(**values)


def calibrated(path: Path = MODEL_FILE) -> tuple[str, ...]:
    """The parameters that are fitted to a published figure, in the file's order."""
    return tuple(name for name, entry in _read(path).items() if "calibrated_to" in entry)


def write_values(values: Mapping[str, float], path: Path = MODEL_FILE) -> None:
    """Put other values into the file; only the value lines change, comments and order stay.

    Raises ModelError where the file has no such parameter."""
    text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        pattern = re.compile(rf"^({re.escape(name)}:\n(?:  .*\n)*?  value: )\S+$", re.MULTILINE)
        text, count = pattern.subn(rf"\g<1>{value:.6g}", text)
        if count != 1:
            raise ModelError(f"{path.name}: {name} has no value line to be rewritten.")
    path.write_text(text, encoding="utf-8")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(read, dict) or not all(isinstance(entry, dict) for entry in read.values()):
        raise ModelError(f"{path.name}: write each parameter as a name with label, unit, value and origin below it.")
    return read


def _value(path: Path, name: str, entry: Mapping[str, Any], whole: bool) -> float | int:
    origins = [key for key in ORIGINS if entry.get(key)]
    if not entry.get("label") or not entry.get("unit") or len(origins) != 1:
        raise ModelError(f"{path.name}: {name} needs a label, a unit and exactly one of {', '.join(ORIGINS)}.")
    value = entry.get("value")
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise ModelError(f"{path.name}: the value of {name} is {value}: write a {'whole ' if whole else ''}number.")
    if value < 0 or (entry["unit"] == "share" and not 0 < value < 1):
        raise ModelError(f"{path.name}: the value of {name} is {value}: write a share between 0 and 1, or 0 and more.")
    return value if whole else float(value)


MODEL = load_model()
