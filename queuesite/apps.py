from django.apps import AppConfig


class QueuesiteConfig(AppConfig):
    name = "queuesite"
    verbose_name = "ระบบ"

    def ready(self):
        from django.db.models.signals import post_migrate

        from queuesite import checks, secret_keys, staff_door  # noqa: F401 (they register themselves)

        post_migrate.connect(lambda **_: secret_keys.keep(), sender=self, weak=False)
