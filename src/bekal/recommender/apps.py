from django.apps import AppConfig


class RecommenderConfig(AppConfig):
    name = "bekal.recommender"
    label = "recommender"
