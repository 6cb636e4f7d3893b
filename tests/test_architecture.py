"""What the contracts of import-linter (pyproject.toml) cannot say of the house."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_holidays_package_is_not_installed_beside_our_app():
    import holidays

    assert Path(holidays.__file__).parent == ROOT / "holidays"
