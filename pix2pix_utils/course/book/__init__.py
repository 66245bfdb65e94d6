"""The course as a static site, to be read on a phone, without Python and without a network.

`pages` collects what becomes a page and follows the links, `notebooks` turns notebooks into
Markdown, and `site` has Sphinx write the HTML, with `sphinx_parts` for formulas and folded
sections.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"site": ["Site", "write_book"]},
)
