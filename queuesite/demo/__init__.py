"""The demo: an office with made-up members, a day of it, and a LINE of its own. Only DEMO=on brings it in."""
