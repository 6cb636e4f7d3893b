"""Settings of serving that would open the office, or that no longer mean anything: an error at start or, where only a
public address makes it unsafe, a warning of `check --deploy`."""

import os

from django.conf import settings
from django.core.checks import Error, Warning, register

from queuesite.launcher import front


@register("queuesite")
def check_serving(app_configs, **kwargs):
    faults = []
    if os.environ.get("PROXY_HOPS", "0") != "0":
        text = (
            "PROXY_HOPS is read no longer: X-Forwarded-For can be forged past most proxies. Take it out, and use "
            "deploy/nginx.conf, or name the proxy before `make run` in PROXIES (.env.example)."
        )
        faults.append(Error(text, id="queuesite.E001"))
    try:
        front.proxies()
    except ValueError as exc:
        faults.append(Error(f"PROXIES must be addresses, separated by commas: {exc}.", id="queuesite.E002"))
    return faults


@register("queuesite", deploy=True)
def check_demo(app_configs, **kwargs):
    if not settings.DEMO:
        return []
    text = "DEMO=on: log-ins that everyone knows, secrets that everyone knows. Never on a public address."
    return [Warning(text, id="queuesite.W001")]
