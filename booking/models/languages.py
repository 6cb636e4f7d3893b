from django.db import models
from django.utils.translation import get_language


class InTwoLanguages(models.Model):
    """Fields that have a twin for English, `name` and `name_en`, read in the language of the page. A twin left empty is
    read in Thai."""

    class Meta:
        abstract = True

    @property
    def title(self) -> str:
        return self.in_language("name")

    @property
    def things_to_bring(self) -> list[str]:
        """One thing an item."""
        return [line.strip() for line in self.in_language("bring").splitlines() if line.strip()]

    def in_language(self, field: str) -> str:
        english = getattr(self, f"{field}_en") if get_language() == "en" else ""
        return english or getattr(self, field)
