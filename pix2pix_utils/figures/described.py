"""Figures with words for readers who do not see them."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib.figure

JPEG_DOTS_PER_INCH, JPEG_QUALITY = 75, 80
MANY = 8  # values; of more, a sentence names only the highest and the lowest


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure with a text alternative, `alt`.

    In a notebook it is shown as HTML: JupyterLab and nbconvert give no text alternative to
    pictures in other formats. The functions of this folder set `details`, a sentence or more about
    what they drew.
    """

    details = ""
    _words = ""
    _options: Mapping[str, Any] = {"format": "png"}

    def described_as(self, words: str) -> "Figure":
        """The figure itself, with a written sentence in front of its text alternative."""
        self._words = words
        return self

    def as_jpeg(self) -> "Figure":
        """The figure itself, shown as JPEG in notebooks: with many photos a fifth of a PNG."""
        self._options = {
            "format": "jpeg",
            "dpi": JPEG_DOTS_PER_INCH,
            "pil_kwargs": {"quality": JPEG_QUALITY},
        }
        return self

    @property
    def alt(self) -> str:
        """The written sentence and the details; if there is neither, the words in the figure."""
        return " ".join(filter(None, (self._words, self.details))) or _words_in(self)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        buffer = io.BytesIO()
        self.savefig(buffer, bbox_inches="tight", **self._options)
        picture = html_picture(self.alt, buffer.getvalue(), self._options["format"])
        display({"text/html": picture, "text/plain": self.alt}, raw=True)


def html_picture(alt: str, data: bytes, kind: str) -> str:
    """An `img` element with its text alternative; `data` are the bytes of a file of that kind."""
    encoded = base64.b64encode(data).decode("ascii")
    style = 'style="max-width: 100%"'
    return f'<img alt="{escape(alt)}"\n{style}\nsrc="data:image/{kind};base64,{encoded}">'


def listed(values: Mapping[str, float], style: str = ".3f", unit: str = "") -> str:
    """Names with their values, such as `baseline 0.412; enhanced 0.431`.

    >>> listed({"road": 32.7, "car": 6.0}, ".1f", " %")
    'road 32.7 %; car 6.0 %'
    """
    return "; ".join(f"{name} {value:{style}}{unit}" for name, value in values.items())


def with_intervals(rows: Mapping[str, Mapping], digits: int = 3, sign: str = "") -> str:
    """Names with their `mean` and, where there is an interval, its ends `low` and `high`.

    >>> with_intervals({"enhanced": {"mean": 0.43, "low": 0.42, "high": 0.44}}, 2)
    'enhanced 0.43 [0.42, 0.44]'
    """
    style, texts = f"{sign}.{digits}f", []
    for name, row in rows.items():
        ends = f" [{row['low']:{style}}, {row['high']:{style}}]" if "low" in row else ""
        texts.append(f"{name} {row['mean']:{style}}{ends}")
    return "; ".join(texts)


def extremes(values: Mapping[str, float], style: str = ".3f", unit: str = "") -> str:
    """All values if they are few, otherwise the three highest and the two lowest."""
    if len(values) <= MANY:
        return listed(values, style, unit)
    order = sorted(values, key=lambda name: -values[name])
    high, low = ({name: values[name] for name in names} for names in (order[:3], order[-2:]))
    return f"highest {listed(high, style, unit)}; lowest {listed(low, style, unit)}"


def series(names: Sequence[str]) -> str:
    """Titles as one list; the lines of a title become one line."""
    return "; ".join(", ".join(name.splitlines()) for name in names)


def _words_in(figure: matplotlib.figure.Figure) -> str:
    parts = []
    for axis in figure.axes:
        title, across, up = axis.get_title(), axis.get_xlabel(), axis.get_ylabel()
        drawn = f"{up} by {across}" if up and across else up or across
        labels = [str(line.get_label()) for line in axis.lines]
        named = series([label for label in labels if not label.startswith("_")])
        parts.append(": ".join(filter(None, (title, drawn, named))))
    return "Plot. " + ". ".join(filter(None, parts)) if any(parts) else ""
