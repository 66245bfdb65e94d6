"""An extension of Sphinx: formulas as MathML, which needs no script, and folded sections."""

from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
FORMULAS = LatexToMathML(fancy_error=False)


class Fold(nodes.General, nodes.Element):
    """What a folded section holds below its heading."""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_displayed_formula, None))
    app.add_node(Fold, html=(_open_fold, _close_fold))
    app.connect("doctree-read", _fold)
    app.connect("html-page-context", _name_levels, priority=900)  # after the theme
    app.add_css_file("book.css")
    app.add_js_file("book.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline_formula(translator: HTML5Translator, node: nodes.Element) -> None:
    translator.body.append(_mathml(node, displayed=False))
    raise nodes.SkipNode


def _displayed_formula(translator: HTML5Translator, node: nodes.Element) -> None:
    translator.body.append(f'<div class="math">{_mathml(node, displayed=True)}</div>\n')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, displayed: bool) -> str:
    try:
        return FORMULAS.convert_with_local_state(node.astext(), displaystyle=displayed)
    except LatexError as error:
        logger.warning("the formula %r cannot be set: %s", node.astext(), error, location=node)
        return ""


def _fold(app: Sphinx, doctree: nodes.document) -> None:
    """Put everything below the heading of a section of the class `folded` into a fold."""
    for section in list(doctree.findall(nodes.section)):
        if "folded" in section["classes"]:
            heading, *rest = section.children
            section.children = []
            section += [heading, Fold("", *rest)]


def _name_levels(app: Sphinx, page: str, template: str, context: dict[str, Any], _: Any) -> None:
    """Give the captions of the contents, which are headings, a level, as ARIA demands."""
    for part in ("body", "furo_navigation_tree"):
        if part in context:
            caption = 'class="caption" role="heading"'
            context[part] = context[part].replace(caption, f'{caption} aria-level="2"')


def _open_fold(translator: HTML5Translator, node: nodes.Element) -> None:
    translator.body.append("<details><summary>Show this section</summary>\n")


def _close_fold(translator: HTML5Translator, node: nodes.Element) -> None:
    translator.body.append("</details>\n")
