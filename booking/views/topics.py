"""What a member comes for: asked before the day where a department has several topics."""

from dataclasses import dataclass

from django.utils import timezone

from booking.kept import kept
from booking.models import Department, Topic
from booking.views import sent


@dataclass(frozen=True)
class Choice:
    """A department's topics, and the one chosen. The only one is chosen by itself."""

    department: Department
    topics: list[Topic]
    topic: Topic | None

    @property
    def is_open(self) -> bool:
        """Whether the member has to choose first."""
        return bool(self.topics) and self.topic is None

    @property
    def query(self) -> str:
        """For addresses of days and times."""
        return f"?topic={self.topic.pk}" if self.topic and len(self.topics) > 1 else ""

    def context(self) -> dict:
        documents = (self.topic.things_to_bring if self.topic else []) or self.department.things_to_bring
        return {"topics": self.topics, "topic": self.topic, "topic_query": self.query, "documents": documents}


def choice(request, department: Department) -> Choice:
    """The topic that the address or the form names. One query."""
    topics = _offered(department=department.pk, today=timezone.localdate())
    wanted = sent.topic(request)
    named = next((topic for topic in topics if topic.pk == wanted), None)
    return Choice(department, topics, topics[0] if len(topics) == 1 else named)


@kept
def _offered(*, department, today):
    return Topic.objects.offered(department, today=today)
