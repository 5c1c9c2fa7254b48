# SPDX-License-Identifier: GPL-2.0
"""Elements of HTML and SVG whose text may come from anywhere."""

import xml.etree.ElementTree as ElementTree

# Characters of a line that no reader sees, or that turn around what is beside them, become this
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text):
    return "".join(char if char.isprintable() or char in "\n\t" else REPLACEMENT for char in text)


def add(parent, tag, text="", **attributes):
    """A new last child. A "_" in the name of an attribute is "-", and at its end it only keeps Python content. Values of
    attributes are the caller's own words: what somebody else has said goes into text.
    """
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items() if value != ""}
    element = ElementTree.SubElement(parent, tag, named)
    element.text = clean(text or "")
    return element
