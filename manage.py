#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

from queuesite import postgres

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queuesite.settings")

if __name__ == "__main__":
    with postgres.running_if_embedded():
        execute_from_command_line(sys.argv)
