"""Slides: what a list of cells makes of a notebook, and what it says about a mistake."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from pix2pix_utils.__main__ import main
from pix2pix_utils.course.slides import compose, write_decks
from pix2pix_utils.errors import UserError

TEXT = """# A title <!-- from scores: 1 -->

## Takeaways

- one
- two

## Exercises

**1 (5 minutes).** Count.
Then stop.

**2 (5 minutes).** Count again."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a notebook 01 of a text and a code cell, and a folder for lists of slides."""
    for marker in ("pix2pix_utils/__init__.py", "data/README.md"):
        (tmp_path / marker).parent.mkdir()
        (tmp_path / marker).touch()
    picture = {"image/png": "aGVsbG8="}
    code = new_code_cell("print('code')", id="scores", execution_count=1)
    code.outputs = [
        new_output("stream", text="printed <b>"),
        new_output("display_data", data=picture),
    ]
    silent = new_code_cell("quiet = 1", id="silent", execution_count=2)
    cells = [new_markdown_cell(TEXT, id="text"), code, silent]
    (tmp_path / "notebooks" / "teaching").mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_first.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_list(project, *slides: str):
    path = project / "notebooks" / "teaching" / "session-1.toml"
    tables = [f"[[slide]]\n{slide}" for slide in slides]
    path.write_text("\n".join(['title = "A session"', *tables]), encoding="utf-8")
    return path


def composed(project, *slides: str):
    return compose(write_list(project, *slides), project / "notebooks").cells


def test_a_slide_has_its_title_its_text_and_the_output_of_its_cell(project):
    slide = 'title = "Scores"\ntext = "Look."\ncell = "01/scores"\nnotes = "Ask."'
    title, shown, notes = composed(project, slide)
    assert title.source == "# Scores\n\nLook."
    assert [cell.metadata.slideshow.slide_type for cell in (title, shown, notes)] == [
        "slide",
        "-",
        "notes",
    ]
    assert shown.outputs[0].text == "printed <b>" and notes.source == "Ask."


def test_a_slide_may_show_code_or_a_part_of_a_text(project):
    code = 'title = "Code"\ncell = "01/scores"\nshow = "code"'
    heading = 'title = "Points"\ncell = "01/text"\npart = "## Takeaways"'
    exercise = 'title = "Exercise"\ncell = "01/text"\npart = "**1 "'
    whole = 'title = "All"\ncell = "01/text"'
    cells = composed(project, code, heading, exercise, whole)[1::2]
    assert cells[0].source == "print('code')" and not cells[0].outputs
    assert cells[1].source == "- one\n- two"
    assert cells[2].source == "**1 (5 minutes).** Count.\nThen stop."
    assert "<!--" not in cells[3].source and "Count again" in cells[3].source


@pytest.mark.parametrize(
    ("slide", "word"),
    [
        ('title = "A"\ncell = "02/scores"', "no notebook 02"),
        ('title = "A"\ncell = "01/gone"', "no cell 'gone'"),
        ('title = "A"\ncell = "01/silent"', "no output"),
        ('title = "A"\ncell = "01/scores"\nshow = "all"', "'output' or 'code'"),
        ('title = "A"\ncell = "01/text"\npart = "## Gone"', "'## Gone'"),
        ('title = "A"\ncolour = "red"', "colour"),
        ('cell = "01/scores"', "title"),
        ("title = ", "not a list of slides"),
    ],
)
def test_a_mistake_in_a_list_is_named_and_nothing_is_written(project, slide, word, capsys):
    write_list(project, 'title = "Good"', slide)
    assert main(["slides", "--output", "decks"]) == 2
    message = capsys.readouterr().err
    assert word in message and "session-1" in message
    assert not (project / "decks").exists()


def test_a_deck_shows_outputs_without_their_code_and_describes_pictures(project, capsys):
    write_list(project, 'title = "Scores & <more>"\ncell = "01/scores"')
    assert main(["slides", "--output", "decks"]) == 0
    page = (project / "decks" / "session-1.html").read_text(encoding="utf-8")
    assert "session-1.html" in capsys.readouterr().out
    assert "printed &lt;b&gt;" in page and "print('code')" not in page
    assert 'src="data:image/png;base64,aGVsbG8="' in page
    assert 'alt="Scores &amp; &lt;more&gt;"' in page
    assert "https://unpkg.com/reveal.js@" in page


def test_a_deck_with_its_own_reveal_loads_nothing(project):
    package = project / "package"
    for name, content in {
        "dist/reveal.js": "var ending = '</script>';",
        "dist/reveal.css": ".of-reveal {}",
        "plugin/notes/notes.js": "var notes = 1;",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(content, encoding="utf-8")
    teaching = write_list(project, 'title = "A"').parent
    (path,) = write_decks(teaching, project / "decks", package)
    page = path.read_text(encoding="utf-8")
    assert r"var ending = '<\/script>';" in page and "var notes" in page and ".of-reveal" in page
    assert "src=" not in page and "<link" not in page


def test_folders_without_what_is_needed_are_named(project, tmp_path):
    teaching = project / "notebooks" / "teaching"
    with pytest.raises(UserError, match="no lists of slides"):
        write_decks(teaching, project / "decks")
    write_list(project, 'title = "A"')
    with pytest.raises(UserError, match="npm pack reveal.js"):
        write_decks(teaching, project / "decks", tmp_path / "data")
