"""The colours of the stylesheet (static/css/site.css), for what cannot link to it: LINE cards, the rich menu, pictures.

tests/test_colours.py holds both together.
"""

INK, SOFT, RULE = "#15181c", "#41464e", "#c3c8ce"
PAPER, COUNTER = "#ffffff", "#f6f6f5"
BLUE, RED, PURPLE = "#0a4a9f", "#a01717", "#5a2a86"
# Of the departments.
HUES = {
    "teal": "#0b5a5f",
    "amber": "#7a4800",
    "violet": "#5b2e91",
    "rose": "#93204f",
    "olive": "#4d5712",
    "brown": "#6b3a1e",
    "slate": "#3d4f66",
    "forest": "#1d5a2c",
    "plum": "#6d2a6b",
    "ochre": "#665000",
    "indigo": "#3a3a8c",
    "rust": "#8a3312",
}
