#!/usr/bin/env python
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from queuesite.launcher import postgres

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queuesite.settings")

if __name__ == "__main__":
    with postgres.running_if_embedded():
        try:
            execute_from_command_line(sys.argv)
        except ImproperlyConfigured as fault:
            sys.exit(f"{fault}\nEvery setting stands in .env or in the environment; .env.example explains each.")
