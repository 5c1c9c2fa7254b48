#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The demo's report as an HTML page: whole, in need of nothing else, readable, and safe from what is said in the machine."""

import argparse
import contextlib
import copy
import html.parser
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import tempfile
import types
import unittest

import tap

import page  # noqa: E402
from checks import judge  # noqa: E402
from scenario import Observation  # noqa: E402
from topology import Run  # noqa: E402
from witherspoon import BOARDS, Npu  # noqa: E402

RECORD = os.path.join(tap.TOP, "tests", "observation.json")
# Elements of HTML that have no end
VOID = {"meta", "br", "hr", "img", "input", "link", "base", "embed", "source"}
HOSTILE = "</td></text></style><script>alert(1)</script><img src=http://x onerror=y>\" ' &lt; &amp;"
# A terminal's, a text turned around
INVISIBLE = "\x07\x1b[2J\u202e\u2066"
# Contrast of texts, by the guidelines for web pages (WCAG 2, AA)
CONTRAST = 4.5
PAIRS = [("text", "page"), ("soft", "page"), ("text", "head"), ("good", "page"), ("good", "good-page"), ("bad", "bad-page"),
         ("text", "bad-page"), ("text", "socket"), ("text", "gpu"), ("text", "guest")]
# A line that is not text
LINE_CONTRAST = 3
LINES = [("gpu-line", "page"), ("guest-line", "page"), ("soft", "page"), ("socket-line", "page")]


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent, self.children, self.own = tag, dict(attributes), parent, [], ""

    def all(self, *tags):
        for child in self.children:
            if not tags or child.tag in tags:
                yield child
            yield from child.all(*tags)

    @property
    def text(self):
        return self.own + "".join(child.text for child in self.children)


class Reader(html.parser.HTMLParser):
    """Takes only what ends where it began."""

    def __init__(self, text):
        super().__init__()
        self.root = self.at = Element("", {}, None)
        self.feed(text)
        self.close()
        assert self.at is self.root, f"{self.at.tag} has no end"

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), tag
        element = Element(tag, attrs, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag):
        assert self.at.tag == tag, f"</{tag}> ends {self.at.tag}"
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.own += data


def npu_of(values):
    npu = Npu.__new__(Npu)
    npu.__dict__.update(values)
    return npu


def observation():
    with open(RECORD, encoding="utf-8") as stream:
        record = json.load(stream)
    return Observation(record["facts"].items(), record["firmware"],
                       {mark: [npu_of(values) for values in npus] for mark, npus in record["registers"].items()},
                       {mark: [types.SimpleNamespace(**gpu) for gpu in gpus] for mark, gpus in record["gpus"].items()})


def said_of_all(seen, count):
    """The same, as it is said of several GPUs."""
    seen.order = [(key.replace(".", f".gpu{gpu}.", 1), value) for key, value in seen.order for gpu in range(count)]
    return seen


def load_demo():
    path = os.path.join(tap.TOP, "machine", "demo")
    loader = importlib.machinery.SourceFileLoader("demo", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo", loader))
    loader.exec_module(module)
    return module


def luminance(colour):
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class Page(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.good = observation()

    def setUp(self):
        self.seen = copy.deepcopy(self.good)

    def page(self, broken=()):
        """Results, and the page as a tree."""
        results = judge("4gpu", self.seen)
        return results, self.tree(Run("4gpu", "one", 0, 30, "build/logs/demo.log"), results, broken)

    def tree(self, run, results=(), broken=()):
        text = page.page(list(results), list(broken), self.seen, run)
        self.assertTrue(text.startswith("<!DOCTYPE html>\n"))
        return Reader(text.partition("\n")[2]).root

    def rows(self, root):
        return [row for row in root.all("tr") if row.attributes.get("id", "").startswith("check-")]

    def test_rows(self):
        """a row for each check, with what each side saw, in its order"""
        results, root = self.page()
        rows = self.rows(root)
        self.assertEqual(len(rows), len(results))
        for row, result in zip(rows, results):
            self.assertEqual([cell.text for cell in row.children], ["pass", result.name, *result.sides])
        self.assertIn("37 passed, 0 failed", root.text)

    def test_failed(self):
        """a check that failed, and why a job broke off, are said first, with a way to the row"""
        self.seen.order.append(("guest.links.up", "2"))
        results, root = self.page(broken=["The job broke off: no more time"])
        self.assertEqual([result.name for result in results if not result.passed], ["links trained"])
        box = next(element for element in root.all("div") if "verdict" in element.attributes.get("class", ""))
        self.assertEqual(box.attributes["class"], "verdict fail")
        self.assertIn("36 passed, 1 failed", box.text)
        self.assertIn("The job broke off: no more time", box.text)
        link = next(box.all("a"))
        row = next(row for row in self.rows(root) if "#" + row.attributes["id"] == link.attributes["href"])
        self.assertEqual([cell.text for cell in row.children][:2], ["FAIL", "links trained"])

    def test_broke_off(self):
        """a job that broke off is not good, even if no check failed"""
        _, root = self.page(broken=["why"])
        self.assertTrue(any(element.attributes.get("class") == "verdict fail" for element in root.all("div")))

    def test_nothing(self):
        """a run that saw nothing has a page, too"""
        self.seen = Observation()
        results, root = self.page()
        self.assertIn(f"0 passed, {len(results)} failed", root.text)
        self.assertEqual({element.attributes["class"] for element in root.all("line")}, {"link not-known", "given"})

    def test_facts(self):
        """all facts, firmware's words, and the registers at each mark"""
        self.seen.kernel = ["kernel says this"]
        _, root = self.page()
        said = {tuple(cell.text for cell in row.children) for row in root.all("tr")}
        for pair in self.seen.facts.items():
            self.assertIn(pair, said)
        logs = [element.text for element in root.all("pre")]
        self.assertEqual(logs, ["\n".join(self.seen.firmware), "kernel says this"])
        self.assertIn(("register", "before", "while the guest runs", "afterwards"), said)
        self.assertIn(("link 1", *["down, fence: firmware", "up, fence: none", "down, fence: firmware"]), said)
        self.assertIn(("TVEs with a table (the others deny)", "-", "[4] 0x1fe0012c1\n[5] 0x1fe0012c1", "-"),
                      {(cells[0], *(re.sub(r"0x\w+", "0x1fe0012c1", cell) for cell in cells[1:])) for cells in said})

    def test_alone(self):
        """needs no network, no other file and no program: nothing to fetch, and a browser that may not"""
        _, root = self.page()
        self.assertEqual({element.tag for element in root.all("script", "img", "link", "iframe", "object", "base")}, set())
        for element in root.all():
            self.assertEqual({name for name in element.attributes if name.startswith("on") or name in ("src", "style")}, set())
            self.assertRegex(element.attributes.get("href", "#"), "^#")
        style = next(root.all("style")).text
        self.assertIsNone(re.search(r"url\(|@import|https?:", style))
        policies = [element.attributes["content"] for element in root.all("meta") if "http-equiv" in element.attributes]
        self.assertEqual(policies, ["default-src 'none'; style-src 'unsafe-inline'"])

    def shape(self, root):
        """Elements with their attributes, but what is numbered and what a check or a register decides."""
        return {(element.tag, name, re.sub(r"\d+", "N", value)) for element in root.all()
                for name, value in element.attributes.items() if name not in ("class", "y", "height")}

    def test_hostile(self):
        """markup and unseen characters in all that is said stay text, and add no element and no attribute"""
        _, before = self.page(broken=["why"])
        self.seen.order = [(f"{key}{HOSTILE}", f"{value}") for key, value in self.seen.order] + [
            (key, f"{value}{HOSTILE}{INVISIBLE}") for key, value in self.seen.order if not key.startswith("host.trace.")]
        self.seen.firmware = self.seen.kernel = [HOSTILE + INVISIBLE]
        self.seen.registers[HOSTILE] = self.seen.registers["host.after"]
        _, root = self.page(broken=[HOSTILE + INVISIBLE])
        self.assertEqual({element.tag for element in root.all()}, {element.tag for element in before.all()} | {"ul", "li", "a"})
        self.assertLessEqual(self.shape(root), self.shape(before) | {("a", "href", "#check-N")})
        shown = HOSTILE + "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[2J" + "\N{REPLACEMENT CHARACTER}" * 2
        for element in (*root.all("pre"), next(element for element in root.all("p") if "reason" in
                                               element.attributes.get("class", ""))):
            self.assertEqual(element.text, shown)
        said = {tuple(cell.text for cell in row.children) for row in root.all("tr")}
        self.assertIn(("guest.gpu", f"0001:00:01.0 ibm,npu 3{shown}"), said)
        self.assertIn(("register", "before", "while the guest runs", "afterwards", HOSTILE), said)

    def drawn(self, root, tag, class_):
        return sum(class_ in element.attributes.get("class", "").split() for element in root.all(tag))

    def test_picture(self):
        """each board and shape: all sockets, GPUs and links, up where the registers say so; the guest beside its GPUs"""
        for board, guests, gpu, taken in (("4gpu", "one", 0, 1), ("4gpu", "one", 3, 1), ("4gpu", "pair", 3, 2),
                                          ("6gpu", "pair", 0, 3), ("6gpu", "all", 0, 6), ("4gpu", "each", 0, 4), ("small", "one", 1, 1)):
            with self.subTest(board=board, guests=guests, gpu=gpu):
                self.seen = copy.deepcopy(self.good)
                if guests != "one":
                    said_of_all(self.seen, taken)
                root = self.tree(Run(board, guests, gpu))
                self.assertIn(" with Linux 6.12.117-nvlink2;", root.text)
                root = next(root.all("svg"))
                chips, count = BOARDS[board].chips, BOARDS[board].chips * BOARDS[board].gpus_per_chip
                self.assertEqual([self.drawn(root, "rect", name) for name in ("socket", "gpu", "guest")], [chips, count, taken if guests == "each" else 1])
                self.assertEqual([self.drawn(root, "line", name) for name in ("link", "up", "given")], [chips * 6, 3, taken])
                self.assertEqual(root.text.count("in no guest"), count - taken)
                self.assertEqual(root.text.count("RAM: 1024 MiB in node 1"), taken)
                self.assertEqual(root.text.count("bridge 0001:00:00."), taken * BOARDS[board].links_per_gpu)

    def test_accessible(self):
        """a language, headings in their order, tables with caption and headers, a picture with a title, unique ids"""
        _, root = self.page()
        self.assertEqual(next(root.all("html")).attributes["lang"], "en")
        levels = [int(element.tag[1]) for element in root.all("h1", "h2", "h3", "h4")]
        self.assertEqual((levels[0], levels.count(1)), (1, 1))
        self.assertTrue(all(below <= above + 1 for above, below in zip(levels, levels[1:])), levels)
        for table in root.all("table"):
            self.assertEqual(table.children[0].tag, "caption")
            self.assertTrue(all("scope" in cell.attributes for cell in table.all("th")))
            self.assertEqual(len({len(row.children) for row in table.all("tr")}), 1)
        ids = [element.attributes["id"] for element in root.all() if "id" in element.attributes]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertIn(next(root.all("svg")).attributes["aria-labelledby"], ids)

    def test_contrast(self):
        """light and dark: texts and lines can be told from what is behind them"""
        style = next(self.page()[1].all("style")).text
        light, dark = style.split("@media screen and (prefers-color-scheme: dark)", 1)
        for colours in (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)):
            for pairs, least in ((PAIRS, CONTRAST), (LINES, LINE_CONTRAST)):
                for front, back in pairs:
                    self.assertGreaterEqual(contrast(colours[front], colours[back]), least, f"{front} on {back}")

    def report(self, file):
        """The last line of the demo's report."""
        args = argparse.Namespace(board="4gpu", guests="one", gpu=0, log="build/logs/x.log", page=file)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            load_demo().report(judge("4gpu", self.seen), self.seen, args)
        return said.getvalue().rstrip().rpartition("\n")[2]

    def test_demo(self):
        """the demo writes the page and names it in its last line, and says so if it cannot"""
        self.seen.error = None
        with tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "new", "demo.html")
            self.assertRegex(self.report(file), rf"^37 passed, 0 failed, .*; page: {file}$")
            with open(file, encoding="utf-8") as stream:
                root = Reader(stream.read().partition("\n")[2]).root
            self.assertEqual(len(self.rows(root)), 37)
            self.assertEqual(os.listdir(os.path.dirname(file)), ["demo.html"])
            self.assertRegex(self.report(os.path.join(file, "x")), "^37 passed, 0 failed, .*; no page: .*File exists")


if __name__ == "__main__":
    tap.main()
