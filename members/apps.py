from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = "สมาชิก"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from members import checks  # noqa: F401 (registers itself)
