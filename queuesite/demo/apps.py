from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "queuesite.demo"
    label = "demo"
