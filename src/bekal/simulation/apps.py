from django.apps import AppConfig


class SimulationConfig(AppConfig):
    name = "bekal.simulation"
    label = "simulation"
