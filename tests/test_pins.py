"""Every package that is installed, for the service and for its tests, is pinned to the version that is installed: what
was tried is what an office gets. What a known hole is in can be told from constraints.txt alone."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
WITH_EACH_PYTHON = {"pip", "setuptools", "wheel"}


def lines(name: str) -> list[str]:
    text = (ROOT / name).read_text()
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-"))]


def pinned() -> dict[str, str]:
    found = {}
    for line in [*lines("constraints.txt"), *lines("requirements.txt"), *lines("requirements-dev.txt")]:
        one = Requirement(line)
        assert re.fullmatch(r"==[\w.+-]+", str(one.specifier)), f"{line}: not one version"
        assert found.get(canonicalize_name(one.name), str(one.specifier)) == str(one.specifier), f"{line}: two versions"
        found[canonicalize_name(one.name)] = str(one.specifier)
    return found


def needed(names: list[str]) -> set[str]:
    """These packages, and all that they need here."""
    seen: set[tuple[str, str]] = set()
    left = [one for one in map(Requirement, names) if one.marker is None or one.marker.evaluate()]
    while left:
        one = left.pop()
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            wants = map(Requirement, metadata.requires(name) or [])
            left += [each for each in wants if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _extra in seen}


def test_every_package_is_pinned_to_what_is_installed():
    pins = pinned()

    for names in ("requirements.txt", "requirements-dev.txt"):
        for name in sorted(needed(lines(names)) - WITH_EACH_PYTHON):
            assert pins.get(name) == f"=={metadata.version(name)}", name
