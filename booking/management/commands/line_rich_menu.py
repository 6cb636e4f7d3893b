from django.core.management.base import BaseCommand, CommandError

from booking.line import rich_menu
from members import line


class Command(BaseCommand):
    help = "Make the menu below the office's chat in LINE, and show it to all. May be run again: it replaces its own."

    def handle(self, *args, **options):
        if missing := rich_menu.missing():
            raise CommandError(f"Not set yet: {', '.join(missing)}. Set it in .env and run this again.")
        try:
            menu_id, former = rich_menu.replace()
        except line.LineFault as fault:
            raise CommandError(
                f"LINE did not do it: {fault}. Check LINE_CHANNEL_ACCESS_TOKEN (401: it is wrong or has expired)"
                " and run this again; what is half made is cleared away then."
            ) from None
        self.stdout.write(f"Made the menu {menu_id} with its picture, and set it as the default.")
        for each in former:
            self.stdout.write(f"Deleted the one of before, {each}.")
