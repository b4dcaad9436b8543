"""The web process: gunicorn loads `bekal.config.wsgi`."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
_django = get_wsgi_application()
API = "/api/v1/"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Some existing clients of v1 join address and path so that the path begins with two slashes; they sign one."""
    if environ.get("PATH_INFO", "").startswith(f"/{API}"):
        environ["PATH_INFO"] = environ["PATH_INFO"][1:]
    return _django(environ, start_response)
