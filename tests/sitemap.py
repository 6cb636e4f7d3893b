"""Every address of the site, read from the URLconf, each with values that lead to something."""

import re
from dataclasses import dataclass

from django.contrib.admin import site
from django.urls import URLPattern, get_resolver

HOLE = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Address:
    """`path` still has its holes: `t/<slug:public_id>/`. `model` is whose list in the back office it belongs to."""

    path: str
    view: object
    name: str
    model: type | None = None

    def holes(self) -> list[tuple[str, str]]:
        """The converter and the name of each."""
        return [(converter or "str", name) for converter, name in HOLE.findall(self.path)]

    def filled(self, values: dict) -> str:
        return "/" + HOLE.sub(lambda hole: str(values.get(hole[2], 1)), self.path)


def addresses(resolver=None, path="", namespace="") -> list[Address]:
    """Those of groups without a name, `([^/]+)`, get a hole all the same."""
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        here = path + re.sub(r"^\^|\$$", "", str(entry.pattern)).replace("\\.", ".")
        if isinstance(entry, URLPattern):
            here = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<str:\1>", here).replace("\\Z", "")
            here = here.replace("([^/]+)", "<path:object_id>")
            name = f"{namespace}{entry.name or ''}"
            found.append(Address(here, entry.callback, name, _model(name)))
        else:
            inner = f"{entry.namespace}:" if entry.namespace else ""
            found += addresses(entry, here, namespace + inner)
    return found


def _model(name: str):
    models = {f"admin:{model._meta.app_label}_{model._meta.model_name}_": model for model in site._registry}
    return next((model for start, model in models.items() if name.startswith(start)), None)
