"""The templates of all cards: a template's file and the facts in, Markdown out."""

import json
import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **facts: Any) -> str:
    """The card of a template in this folder; a fact that it misses raises jinja2's UndefinedError.

    Filters: `listed` joins as in "a, b and c", `code` and `codes` make code spans, `plain` escapes
    what Markdown would interpret, `quoted` makes a string of the metadata, which is YAML.
    """
    environment = Environment(
        loader=PackageLoader("pix2pix_utils", "cards"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "listed": listed,
        "code": code,
        "codes": lambda names: [code(name) for name in names],
        "plain": plain,
        "quoted": lambda text: json.dumps(text, ensure_ascii=False),  # JSON strings are YAML's
    }
    card = environment.get_template(template).render(**facts)
    return re.sub(r"\n{3,}", "\n\n", card)


def listed(parts: Sequence[str]) -> str:
    """The parts as in "a, b and c"."""
    return " and ".join([part for part in (", ".join(parts[:-1]), *parts[-1:]) if part])


def code(text: str) -> str:
    """The text as a code span; a backtick in it becomes an apostrophe."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def plain(text: str) -> str:
    """The text on one line, with the characters escaped that Markdown would interpret."""
    return re.sub(r"([\\`*\[\]<>|~])", r"\\\1", " ".join(text.split()))
