"""Make the holidays of given years: python holidays/data/make.py 2029 2030

Writes <year>.json beside this file, to be looked through and committed. Needs the package index once.

The facts come from the PyPI package `holidays`, which has the import name of this very app. So it is never installed
beside the project: it gets a virtual environment of its own, thrown away afterwards, and runs there with `python -I`,
which keeps the project off its path. What it knows of years to come is a forecast (the cabinet moves days late, and
lunar days are computed), so every day goes in as a draft that staff confirm.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PACKAGE = "holidays==0.109"
HERE = Path(__file__).resolve().parent

# Runs in the other environment. The public holidays with their substitution days; besides them, as optional, วันครู
# (16 January, in the category of schools): no public holiday, but a teachers' cooperative may close that day.
ASK = """
import json, sys
import holidays

def named(year, category, language):
    return holidays.country_holidays("TH", years=year, categories=(category,), language=language)

def days(year, category, kind=None):
    english = named(year, category, "en_US")
    for date, name in sorted(named(year, category, "th").items()):
        yield {
            "date": date.isoformat(),
            "name": name.replace("; ", " / "),
            "name_en": english[date].replace("; ", " / "),
            "kind": kind or ("substitution" if name.startswith("ชดเชย") else "public"),
        }

def year_of(year):
    public = list(days(year, "public"))
    taken = {day["date"] for day in public}
    optional = [day for day in days(year, "school", "optional") if day["date"] not in taken]
    return sorted(public + optional, key=lambda day: day["date"])

print(json.dumps({year: year_of(year) for year in map(int, sys.argv[1:])}))
"""


def make(years: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-I", "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        answer = subprocess.run(
            [python, "-I", "-c", ASK, *years], check=True, capture_output=True, text=True, encoding="utf-8"
        )
    for year, days in json.loads(answer.stdout).items():
        content = {"source": PACKAGE, "days": days}
        (HERE / f"{year}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    if not sys.argv[1:] or not all(year.isdecimal() for year in sys.argv[1:]):
        sys.exit(__doc__)
    make(sys.argv[1:])
