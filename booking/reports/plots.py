"""A table of a report as a picture: SVG, drawn here, that needs no script and prints as it is seen."""

from xml.etree import ElementTree

import pygal
from django.utils.safestring import SafeString, mark_safe
from pygal.style import Style

from booking.colours import BLUE, HUES, INK, PAPER, RULE
from booking.reports.tables import Table

WIDTH, HEIGHT = 960, 320  # CSS pixels
MOST_LABELS = 16
SVG = "{http://www.w3.org/2000/svg}"

STYLE = Style(
    background=PAPER,
    plot_background=PAPER,
    foreground=INK,
    foreground_strong=INK,
    foreground_subtle=RULE,
    opacity="1",
    colors=(BLUE, HUES["ochre"]),
    font_family="Sarabun, 'Noto Sans Thai', sans-serif",
    label_font_size=15,
    major_label_font_size=15,
    legend_font_size=16,
    title_font_size=16,
    no_data_font_size=20,
)


def bars(table: Table) -> SafeString | None:
    """The table's columns that are to be drawn, as bars side by side over its first column. None where there is nothing
    to draw. The numbers stand in the table beside it."""
    if not table.plots or not any(row[nth] for row in table.rows for nth in table.plots):
        return None
    chart = pygal.Bar(
        style=STYLE,
        js=[],
        explicit_size=True,
        width=WIDTH,
        height=HEIGHT,
        legend_at_bottom=True,
        y_title=table.unit,
        min_scale=3,
        max_scale=7,
        # Labels are cut off nowhere: of many only some are written.
        truncate_label=-1,
        x_label_rotation=0 if len(table.rows) <= 8 else 35,
        show_minor_x_labels=False,
        value_formatter=lambda value: f"{value:,.0f}",
    )
    chart.x_labels = [str(row[0]) for row in table.rows]
    chart.x_labels_major_every = -(-len(table.rows) // MOST_LABELS)
    for nth in table.plots:
        chart.add(str(table.columns[nth].title), [row[nth] for row in table.rows])
    drawn = chart.render_tree()
    _without_scripts(drawn)
    drawn.set("role", "img")
    drawn.set("aria-label", table.title)
    # It is drawn from numbers and from names that ElementTree escapes.
    return mark_safe(ElementTree.tostring(drawn, encoding="unicode"))


def _without_scripts(drawn: ElementTree.Element) -> None:
    """Take out what shows a bar's number under the pointer: the policy of the pages has no place for inline scripts."""
    for parent in drawn.iter():
        for child in list(parent):
            if child.tag in (f"{SVG}script", "script"):
                parent.remove(child)
