from django.apps import AppConfig


class QueuesiteConfig(AppConfig):
    name = "queuesite"
    verbose_name = "ระบบ"

    def ready(self):
        from queuesite import checks  # noqa: F401 (registers itself)
