"""Addresses of the partner API, below `/api/`: `v1/integration/…` for existing clients, `v2/…`."""

from django.urls import URLPattern, URLResolver

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = []
