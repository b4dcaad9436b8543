"""Addresses of the partner API, below `/api/`: `v1/integration/…` for existing clients, `v2/…`."""

from django.urls import URLPattern, URLResolver, include, path

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("v2/", include("bekal.api.v2.urls")),
    path("v1/integration/", include("bekal.api.v1.urls")),
]
