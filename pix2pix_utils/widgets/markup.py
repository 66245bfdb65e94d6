"""Pictures and sentences as HTML, with texts for screen readers."""

import base64
import io
import uuid
from html import escape

import numpy as np
from PIL import Image

SHOWN_SIZE = 448  # pixels on the screen


def data_uri(picture: np.ndarray | bytes) -> str:
    """A picture (H, W, 3) uint8, or the bytes of a PNG file, as an address for `src`."""
    if isinstance(picture, np.ndarray):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "png")
        picture = buffer.getvalue()
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def picture_tag(picture: np.ndarray | bytes, words: str, width: int = SHOWN_SIZE) -> str:
    """A picture (H, W, 3) uint8, or the bytes of a PNG file, as HTML.

    Unlike ipywidgets' Image it has a text for screen readers. Width and height are given, so that
    the page does not jump when the picture changes. Raises OSError if the bytes are not an image.
    """
    if isinstance(picture, bytes):
        columns, rows = Image.open(io.BytesIO(picture)).size
    else:
        rows, columns = picture.shape[:2]
    return (
        f'<img alt="{escape(words)}" width="{width}" height="{round(width * rows / columns)}" '
        f'style="image-rendering: pixelated; max-width: 100%; height: auto" '
        f'src="{data_uri(picture)}">'
    )


def sentences(words: str) -> str:
    """Plain text as HTML, with less space between lines than JupyterLab's."""
    return f'<p style="line-height: 1.4; margin: 2px">{escape(words)}</p>'


def unique_class() -> str:
    """A class name for a style sheet that applies to only one widget of the page."""
    return f"p2p-{uuid.uuid4().hex[:12]}"
