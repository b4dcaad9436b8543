"""gunicorn as deployed and as `python3 dev up` starts it: threads, because requests wait for the database."""

import multiprocessing
import os

bind = os.environ.get("BEKAL_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("BEKAL_WORKERS", min(2, multiprocessing.cpu_count())))
threads = int(os.environ.get("BEKAL_THREADS", 8))
timeout = 60
graceful_timeout = 10
max_requests = 10_000
max_requests_jitter = 1_000
accesslog = None
errorlog = "-"
loglevel = "warning"
# Partners' existing clients send `client_code` with the underscore; every other such name stays dropped.
forwarder_headers = "CLIENT_CODE"
forwarded_allow_ips = os.environ.get("BEKAL_PROXIES", "127.0.0.1,::1")
