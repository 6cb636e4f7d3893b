"""The web server's command, as it was measured."""

import sys

from queuesite.launcher.children import STOP_SECONDS


def command(host: str, port: int, workers: int) -> list[str]:
    # Threads and backlog as measured: more threads are slower, a short backlog lets clients wait for seconds.
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "queuesite.wsgi:application"]
    command += ["--host", host, "--port", str(port), "--workers", str(workers), "--blocking-threads", "1"]
    command += ["--backlog", "16384", "--backpressure", "16384", "--no-ws", "--log-level", "warning"]
    return [*command, "--respawn-failed-workers", "--workers-kill-timeout", str(STOP_SECONDS - 2)]
