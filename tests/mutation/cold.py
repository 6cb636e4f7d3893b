"""A pytest plugin: imports one module with a change in it, in a process of its own."""

import os
import pickle
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
change = pickle.loads(Path(os.environ["MUTATION_CHANGE"]).read_bytes())
unchanged = SourceFileLoader.get_code


def _get_code(loader, name):
    if Path(loader.path) == ROOT / change.path:
        return compile(change.changed, loader.path, "exec")
    return unchanged(loader, name)


SourceFileLoader.get_code = _get_code
