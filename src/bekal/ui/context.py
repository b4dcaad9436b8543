"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest


def house(request: HttpRequest) -> dict[str, object]:
    """`demo`: whether this is the demo programme, whose pages say so."""
    return {"demo": settings.DEMO}
