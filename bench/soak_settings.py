"""The settings of the soak's worker. What a worker has taken stays locked by the clock, and that is faster there."""

import os

from queuesite import settings
from queuesite.settings import *  # noqa: F403

Q_CLUSTER = settings.Q_CLUSTER | {"retry": settings.Q_CLUSTER["retry"] * int(os.environ["TEST_CLOCK_SPEED"])}
