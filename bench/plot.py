#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""plot.py RESULTS.md > costs.svg: what an operation costs against devices and against CPUs."""
import re
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 320, 200, 60, 46, 90
COLOURS = {"stock": "#888888", "patched": "#1f5fa8"}
PANELS = (("Instructions: a device comes and goes, by devices mapped",
           r"device created and destroyed by the driver: ([\d,]+)"),
          ("Instructions: an affinity changed, by CPUs", r"(\d+)"))


def number(text):
    return float(text.replace(",", ""))


def points(lines, title):
    """[(x, stock, patched)] of the rows of a table whose title is that."""
    found = []
    for line in lines:
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) < 3 or not (m := re.fullmatch(title, cells[0])):
            continue
        found.append((number(m[1]), number(cells[1]), number(cells[2])))
    if len(found) < 3:
        sys.exit(f"plot.py: no row {title}")
    return found


def section(text, head):
    """The rows below a bold one, up to the next."""
    part = text.split(f"| **{head}** |", 1)
    if len(part) < 2:
        sys.exit(f"plot.py: no section {head}")
    return part[1].split("| **", 1)[0].splitlines()


def text(x, y, what, anchor="middle", size=12):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}">{what}</text>'


def nice(top):
    """A round number that is not below."""
    step = 10 ** (len(f"{top:.0f}") - 1)
    return -(-top // step) * step


def panel(left, title, rows):
    """Each x at the same distance from the one before: they are powers, more or less."""
    top = nice(max(max(row[1:]) for row in rows))

    def at(i, y):
        return left + WIDTH * (i + 0.5) / len(rows), TOP + HEIGHT * (1 - y / top)

    yield text(left + WIDTH / 2, TOP - 26, title)
    for part in range(5):
        y = at(0, top * part / 4)[1]
        yield f'<path d="M{left} {y:.0f}h{WIDTH}" stroke="#dddddd"/>'
        yield text(left - 6, y + 4, f"{top * part / 4:,.0f}", "end", 11)
    for i, row in enumerate(rows):
        yield text(at(i, 0)[0], TOP + HEIGHT + 16, f"{row[0]:,.0f}", size=11)
    for kernel, colour in COLOURS.items():
        value = 1 + list(COLOURS).index(kernel)
        line = [at(i, row[value]) for i, row in enumerate(rows)]
        path = "L".join(f"{x:.0f} {y:.1f}" for x, y in line)
        yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in line:
            yield f'<circle cx="{x:.0f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        yield (f'<text x="{line[0][0]:.0f}" y="{line[0][1] - 8:.0f}" text-anchor="middle" '
               f'font-size="11" fill="{colour}">{kernel}</text>')


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        results = f.read()
    heads = ("Instructions, with so many devices mapped",
             "Instructions, affinity changed to the last of so many CPUs, and back")
    width = 2 * (LEFT + WIDTH) + GAP - LEFT + 10
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 28}" '
          f'font-family="sans-serif">')
    print('<rect width="100%" height="100%" fill="white"/>')
    for i, ((title, row), head) in enumerate(zip(PANELS, heads)):
        rows = points(section(results, head), row)
        print("\n".join(panel(LEFT + i * (WIDTH + GAP), title, rows)))
    print("</svg>")


if __name__ == "__main__":
    main()
