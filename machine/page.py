# SPDX-License-Identifier: GPL-2.0
"""The demo's report as one HTML page, which needs no other file and no network.

What is said in the machine is not trusted: a guest can say anything. It becomes text of elements, which ElementTree escapes
in one place, and never part of an attribute. The page also forbids the browser to run or to fetch anything.
"""

import os
import re
import time
import xml.etree.ElementTree as ElementTree

import topology
from checks import SIDES
from markup import add

STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
COLUMNS = ("guest", "host", "firmware", "model's registers")
WHEN = {"host.before": "before", "guest.running": "while the guest runs", "host.after": "afterwards"}


def head(page, title):
    element = add(page, "head")
    add(element, "meta", charset="utf-8")
    add(element, "meta", http_equiv="Content-Security-Policy", content=POLICY)
    add(element, "meta", name="viewport", content="width=device-width, initial-scale=1")
    add(element, "meta", name="color-scheme", content="light dark")
    add(element, "title", title)
    with open(STYLE, encoding="utf-8") as style:
        add(element, "style", style.read())


def table(parent, caption, columns, class_=""):
    """A table with its header; gives its body."""
    element = add(add(parent, "div", class_="wide"), "table", class_=class_)
    add(element, "caption", caption)
    row = add(add(element, "thead"), "tr")
    for column in columns:
        add(row, "th", column, scope="col")
    return add(element, "tbody")


def row_of(body, name, cells):
    row = add(body, "tr")
    add(row, "th", name, scope="row")
    for cell in cells:
        add(row, "td", cell)


def verdict(parent, results, broken):
    """What became of the job, and the checks that failed."""
    failed = [number for number, result in enumerate(results, 1) if not result.passed]
    good = not failed and not broken
    box = add(parent, "div", class_=f"verdict {'pass' if good else 'fail'}", role="status")
    add(box, "p", f"{len(results) - len(failed)} passed, {len(failed)} failed")
    for reason in broken:
        add(box, "p", reason, class_="reason")
    if failed:
        items = add(box, "ul")
        for number in failed:
            add(add(items, "li"), "a", results[number - 1].name, href=f"#check-{number}")


def check_table(parent, results):
    body = table(parent, "What each side saw, a row for each check", ("", "check", *COLUMNS), "checks")
    for number, result in enumerate(results, 1):
        word = "pass" if result.passed else "fail"
        row = add(body, "tr", id=f"check-{number}", class_=word)
        add(add(row, "td"), "span", word.upper() if word == "fail" else word, class_="word")
        add(row, "th", result.name, scope="row")
        for side, text in zip(SIDES, result.sides):
            add(row, "td", text, class_=side)


def section(parent, title, count, unit):
    """Can be opened, since it is long."""
    element = add(parent, "details")
    summary = add(element, "summary")
    add(summary, "h3", title)
    add(summary, "span", f" {count} {unit}")
    return element


def facts(parent, seen, side):
    said = {key: value for key, value in seen.facts.items() if key.startswith(f"{side}.")}
    body = table(section(parent, f"The {side}", len(said), "facts"), f"Facts of the {side}", ("fact", "value"), "facts")
    for key, value in said.items():
        row_of(body, key, [value])


def log(parent, title, lines):
    add(section(parent, title, len(lines), "lines"), "pre", "\n".join(lines), tabindex="0")


def numbers(values, skip=()):
    """Those that say something, with their place."""
    return "\n".join(f"[{index}] {value:#x}" for index, value in enumerate(values) if value and value not in skip) or "-"


def counts(items, *names):
    return "\n".join(f"{name} {sum(item[name] for item in items)}" for name in names)


def link(npu, index):
    return f"{'up' if npu.link[index]['up'] else 'down'}, fence: {npu.link[index]['fence']}"


# What is shown of an NPU, each as a row
REGISTERS = [
    *((f"link {index}", lambda npu, index=index: link(npu, index)) for index in range(topology.NPU_LINKS)),
    ("XTS_BDF_MAP", lambda npu: numbers(npu.bdf_map)),
    ("ATSDn_LPARID", lambda npu: numbers(npu.lparid)),
    ("TVEs with a table (the others deny)", lambda npu: numbers(npu.tve, skip=(npu.DENY,))),
    ("ATSD", lambda npu: counts(npu.atsd, "launches", "hits", "misses")),
    ("DMA", lambda npu: counts(npu.link, "dma-bytes", "ats-bytes")),
    ("FIRs", lambda npu: numbers(npu.fir)),
    ("accesses to GPU RAM", lambda npu: counts(npu.ram, "refused")),
]


def registers(parent, seen):
    npus = max(map(len, seen.registers.values()), default=0)
    element = section(parent, "The model's registers", npus, "NPUs")
    for index in range(npus):
        moments = [mark for mark, found in seen.registers.items() if index < len(found)]
        body = table(element, f"NPU {index}", ("register", *(WHEN.get(mark, mark) for mark in moments)), "registers")
        for name, show in REGISTERS:
            row_of(body, name, [show(seen.registers[mark][index]) for mark in moments])


def evidence(parent, seen):
    add(parent, "h2", "What each side said")
    facts(parent, seen, "guest")
    facts(parent, seen, "host")
    log(parent, "Firmware", seen.firmware)
    log(parent, "The host's kernel", seen.kernel)
    registers(parent, seen)


def picture(parent, seen, run):
    add(parent, "h2", "Who had which GPU")
    figure = add(parent, "figure")
    topology.draw(add(figure, "div", class_="wide"), seen, run)
    add(figure, "figcaption", "The links as the model's registers had them while the guest ran. Links from GPU to GPU are not "
        "drawn.")


def kernel(seen, side):
    """All guests have the same."""
    return next((value for key, value in seen.facts.items() if re.fullmatch(rf"{side}\.(gpu\d+\.)?kernel", key)), "?")


def page(results, broken, seen, run):
    """The page as text. broken: why the job did not get to its end, a line for each reason. run: see topology.Run."""
    title = f"NVLink2 passthrough, board {run.board}"
    root = ElementTree.Element("html", lang="en")
    head(root, title)
    main = add(add(root, "body"), "main")
    add(main, "h1", title)
    host, guest = (kernel(seen, side) for side in ("host", "guest"))
    add(main, "p", f"Linux {host} on an emulated Witherspoon, {run.title} with Linux {guest}; {run.seconds:.0f} s, "
        f"{time.strftime('%Y-%m-%d %H:%M')}; console: {run.console}", class_="about")
    verdict(main, results, broken)
    picture(main, seen, run)
    add(main, "h2", "Checks")
    check_table(main, results)
    evidence(main, seen)
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"


def write(path, text):
    """In one step: a reader never sees half a page."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(f"{path}.new", path)
