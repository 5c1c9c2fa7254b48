# SPDX-License-Identifier: GPL-2.0
"""A bar chart of the bench as SVG: control and series beside each other, on a logarithmic scale."""

import math
from xml.sax.saxutils import escape

LEFT, WIDTH, BAR, GAP, TOP = 330, 420, 9, 12, 40
COLOURS = {"control": "#b0752d", "series": "#2d6fb0"}


def text(x, y, words, anchor="start", size=11):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-family="sans-serif" font-size="{size}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def length(value, low, high):
    if value <= 0:
        return 1
    return max(1, WIDTH * (math.log10(value) - low) / (high - low))


def bar(y, side, value, low, high):
    x = length(value, low, high)
    number = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return (f'<rect x="{LEFT}" y="{y}" width="{x:.1f}" height="{BAR}" fill="{COLOURS[side]}"/>' +
            text(LEFT + x + 4, y + BAR - 1, number, size=9))


def bars(rows):
    """The chart of rows as evaluate() in bench makes them; those without a value are left out."""
    rows = [row for row in rows if row[4] is not None]
    values = [value for row in rows for value in row[3:5] if value]
    low = math.floor(min(map(math.log10, values), default=0))
    high = max(low + 1, math.ceil(max(map(math.log10, values), default=1)))
    parts, y = [], TOP
    for group, what, _, control, series, *_ in rows:
        parts.append(text(LEFT - 8, y + BAR + 3, f"{group}: {what}", "end"))
        if control is not None:
            parts.append(bar(y, "control", control, low, high))
        parts.append(bar(y + BAR + 1, "series", series, low, high))
        y += 2 * BAR + GAP
    legend = "".join(f'<rect x="{LEFT + i * 110}" y="14" width="12" height="12" fill="{colour}"/>' +
                     text(LEFT + 18 + i * 110, 24, name)
                     for i, (name, colour) in enumerate(COLOURS.items()))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 80}" height="{y + 10}">'
            f'<rect width="100%" height="100%" fill="white"/>{legend}{"".join(parts)}</svg>\n')
