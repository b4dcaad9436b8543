from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "bekal.console"
    label = "console"
