"""The web process: gunicorn loads `bekal.config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
application = get_wsgi_application()
