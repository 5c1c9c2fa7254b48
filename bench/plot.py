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


def scale(parts):
    values = [value for _, lines in parts for line in lines for value in line[2:4] if value]
    low = math.floor(min(map(math.log10, values), default=0))
    return low, max(low + 1, math.ceil(max(map(math.log10, values), default=1)))


def legend():
    return "".join(f'<rect x="{LEFT + i * 110}" y="14" width="12" height="12" fill="{colour}"/>' +
                   text(LEFT + 18 + i * 110, 24, name) for i, (name, colour) in enumerate(COLOURS.items()))


def bars(parts):
    """The chart of what evaluate() in bench makes; lines without a value for the series are left out."""
    low, high = scale(parts)
    drawn, y = [], TOP
    for title, lines in parts:
        drawn.append(text(LEFT - 8, y + BAR + 3, title, "end", 13))
        y += 2 * BAR + GAP
        for group, what, control, series, *_ in lines:
            if series is None:
                continue
            drawn.append(text(LEFT - 8, y + BAR + 3, f"{group}: {what}", "end"))
            if control is not None:
                drawn.append(bar(y, "control", control, low, high))
            drawn.append(bar(y + BAR + 1, "series", series, low, high))
            y += 2 * BAR + GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 80}" height="{y + 10}">'
            f'<rect width="100%" height="100%" fill="white"/>{legend()}{"".join(drawn)}</svg>\n')
