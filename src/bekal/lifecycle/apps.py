from django.apps import AppConfig


class LifecycleConfig(AppConfig):
    name = "bekal.lifecycle"
    label = "lifecycle"
