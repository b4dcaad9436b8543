"""`set_districts`: the list of districts as published, with how many people of each were accepted in each year."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from bekal.participants.models import District, DistrictYear


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDistrict:
    """A regency or city: its published number, name, province (code), and people accepted by calendar year."""

    id: int
    name: str
    province: int
    accepted_count_by_year: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SetDistricts:
    """What changed: counts of districts (one whose year alone is new or other counts as changed)."""

    added_count: int
    changed_count: int
    unchanged_count: int


def set_districts(*, districts: Sequence[NewDistrict], dry_run: bool = False) -> SetDistricts:
    """Add the districts whose number is new, change those that differ, leave the others; one transaction.

    Nothing is deleted: districts and years that are not named keep what they have. With `dry_run` everything is tried
    and nothing kept. Raises ValueError where a number stands twice, and IntegrityError (nothing changed) where a
    province is unknown or would have two districts of one name."""
    twice = [number for number, count in Counter(new.id for new in districts).items() if count > 1]
    if twice:
        raise ValueError(f"a district stands twice in one call: {twice[:5]}")
    with transaction.atomic():
        done = _set(sorted(districts, key=lambda new: new.id))
        transaction.set_rollback(dry_run)
    return done


def _set(districts: Sequence[NewDistrict]) -> SetDistricts:
    ids = [new.id for new in districts]
    known = {old.id: (old.name, old.province) for old in District.objects.filter(id__in=ids).order_by("id")}
    known_years = {
        (year.district_id, year.year): year.accepted_count
        for year in DistrictYear.objects.filter(district__in=ids).order_by("id")
    }
    differing = [new for new in districts if known.get(new.id) != (new.name, new.province)]
    years = {(new.id, year): count for new in districts for year, count in new.accepted_count_by_year.items()}
    differing_years = {key: count for key, count in years.items() if known_years.get(key) != count}
    _write_districts(differing)
    _write_years(differing_years.items())
    added = [new for new in districts if new.id not in known]
    touched = {new.id for new in differing} | {district_id for district_id, _year in differing_years}
    return SetDistricts(len(added), len(touched) - len(added), len(districts) - len(touched))


def _write_districts(districts: Iterable[NewDistrict]) -> None:
    District.objects.bulk_create(
        [District(id=new.id, name=new.name, province=new.province) for new in districts],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "province"],
    )


def _write_years(years: Iterable[tuple[tuple[int, int], int]]) -> None:
    DistrictYear.objects.bulk_create(
        [DistrictYear(district_id=key[0], year=key[1], accepted_count=count) for key, count in sorted(years)],
        update_conflicts=True,
        unique_fields=["district", "year"],
        update_fields=["accepted_count"],
    )


def described(done: SetDistricts) -> Mapping[str, int]:
    """The counts by the word a report uses for them, in order."""
    return {"added": done.added_count, "changed": done.changed_count, "unchanged": done.unchanged_count}
