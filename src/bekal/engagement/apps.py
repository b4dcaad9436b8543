from django.apps import AppConfig


class EngagementConfig(AppConfig):
    name = "bekal.engagement"
    label = "engagement"
