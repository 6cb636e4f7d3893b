from django.apps import AppConfig, apps


class QueuesiteConfig(AppConfig):
    name = "queuesite"
    verbose_name = "ระบบ"

    def ready(self):
        from django.db.models.signals import post_migrate

        from queuesite import checks, database_roles, secret_keys, staff_door  # noqa: F401 (they register themselves)

        # Django tells an app without models of its own nothing; when it tells one, all tables are there.
        booking = apps.get_app_config("booking")
        post_migrate.connect(lambda using, **_: secret_keys.keep_after_migrating(using), sender=booking, weak=False)
        post_migrate.connect(lambda using, **_: database_roles.grant(using), sender=booking, weak=False)
