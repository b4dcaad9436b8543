"""Which front door answers which address."""

from django.urls import URLPattern, URLResolver, include, path

handler400 = "bekal.config.bad_request.bad_request"
handler403 = "bekal.web.errors.forbidden"
handler404 = "bekal.web.errors.not_found"
handler500 = "bekal.web.errors.server_fault"

urlpatterns: list[URLPattern | URLResolver] = [
    # First, so that a partner's call is not held against every page.
    path("api/", include("bekal.api.urls")),
    path("", include("bekal.web.urls")),
    path("", include("bekal.console.urls")),
]
