"""gunicorn as deployed and as `python3 dev up` starts it: threads, because requests wait for the database."""

import multiprocessing
import os

from bekal.config.request_headers import keep_honest, own_number

bind = os.environ.get("BEKAL_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("BEKAL_WORKERS", min(2, multiprocessing.cpu_count())))
threads = int(os.environ.get("BEKAL_THREADS", 8))
timeout = 60
graceful_timeout = 10
# Longer than proxies and clients keep a connection they may use again (nginx: 60 s). At gunicorn's own 2 s a call that
# begins just then is lost, and a partner polling every few seconds would connect anew each time.
keepalive = 75
max_requests = 10_000
max_requests_jitter = 1_000
accesslog = None
errorlog = "-"
loglevel = "warning"
# Partners' existing clients send `client_code` with the underscore, from anywhere; every other such name is dropped
# (`header_map`). gunicorn lets names with an underscore through from trusted peers only, and whom it trusts it also
# lets set the scheme: so everybody is let send this one name, and nobody's word is taken for the scheme here. Which
# peer may say what a proxy says is decided by `keep_honest`, before the application sees any header.
header_map = "drop"
forwarder_headers = "CLIENT_CODE"
forwarded_allow_ips = "*"
secure_scheme_headers: dict[str, str] = {}
_PROXIES = os.environ.get("BEKAL_PROXIES", "127.0.0.1,::1")


def pre_request(worker: object, request: object) -> None:
    """gunicorn's hook between reading a request's head and the application."""
    keep_honest(request, proxies=_PROXIES)
    if not os.environ.get("BEKAL_HOSTS"):
        own_number(request)
