from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from django_q.cluster import Cluster
from django_q.tasks import async_task


class Command(BaseCommand):
    help = "The worker's cluster of processes. Messages that members are owed do not wait for its schedule."

    def handle(self, *args, **options):
        # django-q first looks at its schedule after half a minute; what a killed worker had begun is locked for six.
        try:
            async_task("booking.jobs.heartbeat")
            async_task("booking.jobs.send_notices")
        except DatabaseError:
            self.stderr.write("The database does not answer; messages wait for the schedule.")
        connection.close()  # the processes that are begun here have their own
        Cluster().start()
