"""The lecturer's room: its plans, lists, glossary and quiz agree with the notebooks."""

import csv
import math
import re
import sys
import unicodedata
from pathlib import Path

import nbformat
import pytest

from pix2pix_utils.course.slides import compose
from tests.folding import core_path, words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
TEACHING = NOTEBOOKS / "teaching"
SESSIONS = sorted(TEACHING.glob("session-*.toml"))
BOOKS = {
    path.stem[:2]: nbformat.read(path, as_version=4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))
}
WORDS_A_MINUTE = 200
QUESTIONS = 1.5  # the minutes planned for a notebook, as a multiple of what its core path takes
each_session = pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)


def text(name: str) -> str:
    return (TEACHING / name).read_text(encoding="utf-8")


def read(path: Path) -> dict:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def plan(path: Path) -> list[tuple[int, int, str]]:
    """(first minute, last minute, the whole row) of a session's plan."""
    rows = re.findall(r"^\| (\d+)\N{EN DASH}(\d+) \|(.*)$", text(f"{path.stem}.md"), re.MULTILINE)
    return [(int(first), int(last), row) for first, last, row in rows]


def linked(row: str) -> set[str]:
    """The numbers of the notebooks that a row links to."""
    return set(re.findall(r"\]\(\.\./(\d\d)_", row))


def exercise_minutes(exercise: str) -> int:
    number, _, which = exercise.partition(".")
    source = "\n".join(cell.source for cell in BOOKS[number].cells)
    (minutes,) = re.findall(rf"^\*\*{which} \((\d+) minutes", source, re.MULTILINE)
    return int(minutes)


def running_minutes(number: str) -> float:
    """The time that notebook 00's map gives for a notebook at `demo`."""
    if number == "00":
        return 0
    (row,) = [
        line
        for cell in BOOKS["00"].cells
        for line in cell.source.splitlines()
        if line.startswith(f"| [{number} ")
    ]
    value, unit = re.match(r"([\d.]+) (s|min)", row.split("|")[-2].strip()).groups()
    return float(value) / (60 if unit == "s" else 1)


def sections(number: str) -> dict[str, str]:
    """Text and code of a notebook by heading."""
    found, heading = {}, ""
    for cell in BOOKS[number].cells:
        if cell.cell_type == "code":
            found[heading] = found.get(heading, "") + "\n" + cell.source
            continue
        for line in re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL).splitlines():
            if line.startswith("#"):
                heading = line.lstrip("# ")
            found[heading] = found.get(heading, "") + "\n" + line
    return found


def test_there_is_a_plan_and_a_list_for_each_of_four_sessions():
    assert [path.stem for path in SESSIONS] == [f"session-{k}" for k in (1, 2, 3, 4)]
    assert all((TEACHING / f"{path.stem}.md").is_file() for path in SESSIONS)


@each_session
def test_the_minutes_of_a_plan_follow_each_other_to_ninety(path):
    minute = 0
    for first, last, _ in plan(path):
        assert first == minute < last
        minute = last
    assert minute == 90


@each_session
def test_a_core_path_fits_its_minutes(path):
    rows = plan(path)
    for one in read(path)["notebook"]:
        number = one["file"][:2]
        core = core_path(BOOKS[number], one["exercises"])
        exercises = sum(map(exercise_minutes, one["exercises"]))
        needed = sum(map(words, core)) / WORDS_A_MINUTE + running_minutes(number) + exercises
        planned = sum(last - first for first, last, row in rows if number in linked(row))
        assert planned >= QUESTIONS * needed, f"{number} takes {math.ceil(QUESTIONS * needed)}"


def test_the_words_of_the_core_paths_are_those_in_the_readme():
    rows = re.findall(r"^\| (\d\d) \| ([\d,]+) \| ([\d,]+) \|", text("README.md"), re.MULTILINE)
    assert [number for number, *_ in rows] == list(BOOKS)
    for number, *stated in rows:
        core, whole = (int(value.replace(",", "")) for value in stated)
        book = BOOKS[number]
        assert core == pytest.approx(sum(map(words, core_path(book))), rel=0.05), number
        assert whole == pytest.approx(sum(map(words, book.cells)), rel=0.05), number


@each_session
def test_the_plan_and_the_list_have_the_same_notebooks_and_exercises(path):
    lists = read(path)["notebook"]
    rows = plan(path)
    assert {one["file"][:2] for one in lists} == set().union(*(linked(row) for *_, row in rows))
    planned = {found for *_, row in rows for found in re.findall(r"\b\d\d\.\d\b", row)}
    assert planned == {exercise for one in lists for exercise in one["exercises"]}


@each_session
def test_every_slide_shows_something_that_is_there(path):
    deck = compose(path, NOTEBOOKS)
    starts = [c for c in deck.cells if c.metadata.slideshow.slide_type == "slide"]
    assert len(starts) == len(read(path)["slide"])
    shown = "\n".join(cell.source for cell in deck.cells if cell.cell_type == "markdown")
    assert "$" not in shown  # the page has no script for formulas
    nbformat.validate(deck)


def test_every_exercise_that_is_mentioned_exists():
    for path in TEACHING.glob("*.md"):
        for number, which in re.findall(r"\b(\d\d)\.(\d)\b", path.read_text(encoding="utf-8")):
            source = "\n".join(cell.source for cell in BOOKS[number].cells)
            assert re.search(rf"^\*\*{which} \(", source, re.MULTILINE), f"{number}.{which}"


def test_every_quoted_section_of_a_plan_exists():
    for path in SESSIONS:
        for *_, row in plan(path):
            for link in re.split(r"(?=\[\d\d\]\(\.\./)", row.split("|")[-2]):
                if numbers := linked(link):
                    headings = sections(*numbers)
                    for quoted in re.findall(r'"((?:[^"]|"MSE")+?)"(?!\w)', link):
                        assert any(head.startswith(quoted) for head in headings), quoted


def test_links_lead_somewhere():
    for path in TEACHING.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text(encoding="utf-8")):
            assert (TEACHING / target).exists(), target


def glossary() -> list[tuple[str, str, str, str]]:
    """(term, meaning, number of a notebook, section) of every row."""
    row = r"^\| (\S[^|]*) \| ([^|]+) \| \[(\d\d)\]\([^)]+\), ([^|]+) \|$"
    return re.findall(row, text("glossary.md"), re.MULTILINE)


def test_the_glossary_is_alphabetical_and_each_meaning_is_one_sentence():
    def key(term: str) -> str:
        plain = unicodedata.normalize("NFKD", term.lower())
        return re.sub(r"[^a-z0-9 ]", "", plain)

    terms = [term for term, *_ in glossary()]
    assert len(terms) == text("glossary.md").count("\n| ") - 2 > 100
    assert terms == sorted(set(terms), key=key)
    for term, meaning, *_ in glossary():
        assert meaning.endswith((".", "?")) and not re.search(r"\. [A-Z]", meaning), term


def test_every_term_occurs_where_the_glossary_says():
    missing = []
    for term, _, number, section in glossary():
        found = sections(number).get(section)
        plain = re.sub(r"[*`]", "", found or "").replace("\n", " ").lower()
        if term.lower() not in plain:
            missing.append(f"{term}: {number}, {section}" + ("" if found else " (no such section)"))
    assert not missing, "\n".join(missing)


def test_the_quiz_has_ten_questions_spread_over_the_sessions_each_with_its_wrong_answer():
    quiz = text("quiz.md")
    numbers = re.findall(r"^\*\*Question (\d+)\.\*\*", quiz, re.MULTILINE)
    assert numbers == [str(k) for k in range(1, 11)]
    assert quiz.count("<details>") == quiz.count("</details>") == quiz.count("*Tempting:*") == 10
    for part in re.split(r"^## Session \d$", quiz, flags=re.MULTILINE)[1:]:
        assert part.count("**Question") >= 2


def test_the_self_test_has_an_answer_to_every_question():
    page = text("prerequisites.md")
    asked = re.findall(r"^\*\*(\d+) \(", page, re.MULTILINE)
    answered = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert asked == answered == [str(k) for k in range(1, 11)]


def test_no_result_that_another_run_could_change_is_written_down():
    with (ROOT / "data" / "paper" / "table1.csv").open(encoding="utf-8", newline="") as file:
        printed = {value for row in csv.DictReader(file) for value in row.values()}
    for path in [*TEACHING.glob("*.md"), *SESSIONS]:
        if path.name == "prerequisites.md":
            continue  # it has no results, and small sums of its own
        found = set(re.findall(r"\b\d\.\d{3,}\b", path.read_text(encoding="utf-8")))
        assert found <= printed, path.name
