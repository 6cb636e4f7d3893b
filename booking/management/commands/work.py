import contextlib

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from django_q.cluster import Cluster
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage
from django_q.tasks import async_task

SENDING = "booking.jobs.send_notices"


class Command(BaseCommand):
    help = "The worker's cluster of processes. Messages that members are owed do not wait for its schedule."

    def handle(self, *args, **options):
        # django-q first looks at its schedule after half a minute; what a killed worker had begun is locked for six.
        try:
            async_task("booking.jobs.heartbeat")
            take_off(SENDING)  # each worker that was killed has left one, which would keep a process for a minute
            async_task(SENDING)
        except DatabaseError:
            self.stderr.write("The database does not answer; messages wait for the schedule.")
        connection.close()  # the processes that are begun here have their own
        Cluster().start()


def take_off(job: str) -> None:
    """Take a job off the list, wherever it stands there: waiting, or locked by who had begun it. Who is still at it
    elsewhere ends it as if nothing had been."""
    found = []
    for pk, payload in OrmQ.objects.values_list("pk", "payload").iterator():
        with contextlib.suppress(BadSignature):  # of an earlier SECRET_KEY: django-q drops it itself
            if SignedPackage.loads(payload)["func"] == job:
                found.append(pk)
    OrmQ.objects.filter(pk__in=found).delete()
