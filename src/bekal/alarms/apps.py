from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    name = "bekal.alarms"
    label = "alarms"
