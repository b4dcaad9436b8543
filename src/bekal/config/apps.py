from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "bekal.config"
    label = "config"
