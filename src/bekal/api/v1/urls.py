"""Addresses of v1, below `/api/v1/integration/`; clients send them without a slash at the end, and with one."""

from django.urls import URLPattern, re_path

from bekal.api.v1 import redeem_code_commit, redeem_code_status

urlpatterns: list[URLPattern] = [
    re_path(r"^payment/redeem-code/status/?$", redeem_code_status.redeem_code_status, name="v1_redeem_code_status"),
    re_path(r"^payment/redeem-code/commit/?$", redeem_code_commit.redeem_code_commit, name="v1_redeem_code_commit"),
]
