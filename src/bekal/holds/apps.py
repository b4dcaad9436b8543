from django.apps import AppConfig


class HoldsConfig(AppConfig):
    name = "bekal.holds"
    label = "holds"
