from django.core.management.base import BaseCommand, CommandError

from queuesite.launcher import run


class Command(BaseCommand):
    help = "Run everything: database, web server and worker. HOST and PORT say where; Ctrl-C ends it."

    def handle(self, *args, **options):
        try:
            run.everything(say=self.say)
        except run.CannotRun as exc:
            raise CommandError(str(exc)) from None

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
