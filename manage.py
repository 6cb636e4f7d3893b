#!/usr/bin/env python
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from queuesite.launcher import postgres

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queuesite.settings")

if __name__ == "__main__":
    try:
        settings.DEBUG  # noqa: B018 (read, so that what is wrong with a setting is said before anything is made)
        with postgres.running_if_embedded():
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as fault:
        sys.exit(f"{fault}\nEvery setting stands in .env or in the environment; .env.example explains each.")
