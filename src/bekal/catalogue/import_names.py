"""`import_name`: an institution, a platform or a category that another house knew, under the code it had there."""

from dataclasses import dataclass
from enum import StrEnum

from django.db import connection, transaction

from bekal.catalogue.models import Category, Institution, Platform


class Named(StrEnum):
    """What of the catalogue has a name and a code."""

    INSTITUTION = "institution"
    PLATFORM = "platform"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class ImportedName:
    """`other_name`: the code is that of another, and nothing changed."""

    is_new: bool = False
    other_name: str = ""


@transaction.atomic
def import_name(*, what: Named, name: str, code: str, name_en: str = "") -> ImportedName:
    """Add it where nobody has this name (capitals aside); who is known keeps the code they have here. Systems name
    institutions, platforms and categories by these codes, so they travel."""
    with connection.cursor() as cursor:  # as `import_trainings`: two do not make the same institution
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('catalogue import'))")
    if what is Named.CATEGORY:
        if Category.objects.filter(name_id__iexact=name).exists():
            return ImportedName()
        category = Category.objects.filter(slug=code).first()
        if category is not None:
            return ImportedName(other_name=category.name_id)
        Category.objects.create(slug=code, name_id=name, name_en=name_en or name)
        return ImportedName(is_new=True)
    model: type[Institution] | type[Platform] = Institution if what is Named.INSTITUTION else Platform
    if model.objects.filter(name__iexact=name).exists():
        return ImportedName()
    holder = model.objects.filter(code=code).first()
    if holder is not None:
        return ImportedName(other_name=holder.name)
    model.objects.create(code=code, name=name)
    return ImportedName(is_new=True)
