"""The web process: gunicorn loads `bekal.config.wsgi`. Calls of partners are put into the shape that Django reads."""

import os
import re
from collections.abc import Callable, Iterable
from io import BytesIO, RawIOBase
from typing import Any, NoReturn

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
_django = get_wsgi_application()
API, V1 = "/api/", "/api/v1/"
# More than any call may have, so that a longer body is refused in the contract's own words.
MOST_BYTES = 2 * 1024 * 1024
_SLASHES = re.compile("/{2,}")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Some existing clients of v1 join address and path so that two slashes meet; they sign one."""
    path = _SLASHES.sub("/", environ.get("PATH_INFO", ""))
    if path.startswith(V1):
        environ["PATH_INFO"] = path
    if path.startswith(API) and environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        _measure(environ)
    return _django(environ, start_response)


def _measure(environ: dict[str, Any]) -> None:
    """A body that comes in pieces (Node's `request.write`, streams in Java, Go and Ruby) says no length, and what says
    none Django takes for empty."""
    try:
        body = environ["wsgi.input"].read(MOST_BYTES)
    except Exception:  # the server's own for a piece that is none, and the connection's
        environ.update({"CONTENT_LENGTH": "1", "wsgi.input": _Broken()})
    else:
        environ.update({"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)})


class _Broken(RawIOBase):
    """A body that broke off: whoever reads it is told so, as of one with a length."""

    def read(self, size: int = -1) -> NoReturn:
        """Raises OSError."""
        raise OSError("the body broke off")
