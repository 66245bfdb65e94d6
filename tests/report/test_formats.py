"""Tables as Markdown and LaTeX."""

import csv
import io

from pix2pix_utils.report import as_latex, as_markdown
from pix2pix_utils.report.formats import latex_escape


def test_latex_prints_every_special_character():
    assert latex_escape("50 % of a_b & {c}") == r"50 \% of a\_b \& \{c\}"
    assert latex_escape("\\ # $ ~ ^") == (
        r"\textbackslash{} \# \$ \textasciitilde{} \textasciicircum{}"
    )
    assert latex_escape("x --set a=1\ny") == "x -{}-set a=1 y"
    table = as_latex([{"a_b": "[1, 2]"}], "100 %", "name")
    assert r"a\_b \\" in table and r"{[}1, 2{]} \\" in table and r"\caption{100 \%}" in table


def test_a_markdown_cell_stays_one_cell():
    lines = as_markdown([{"a": "x | y", "b": "two\nlines"}]).splitlines()
    assert lines == ["| a | b |", "| --- | --- |", r"| x \| y | two lines |"]


def test_csv_comes_back_as_it_went_in():
    from pix2pix_utils.files import as_csv

    rows = [{"a": 'with "quotes", commas', "b": "two\nlines"}, {"a": "", "b": "plain"}]
    assert list(csv.DictReader(io.StringIO(as_csv(rows), newline=""))) == rows
