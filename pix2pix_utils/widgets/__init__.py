"""What a reader moves: ipywidgets over the figures of this package, one module each.

Every widget has a static picture beside it, made by a plain function, that a headless run and
GitHub's renderer show instead.
"""

from pix2pix_utils.widgets.browser import browse_image, describe_pair, sample_browser

__all__ = ["browse_image", "describe_pair", "sample_browser"]
