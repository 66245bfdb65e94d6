"""You as the judge: a blind test with two choices, like the pix2pix paper's user study.

There (Isola et al. 2017, "AMT perceptual studies") a person saw a photo and a generated picture for
one second each and then said which was which. Here the two pictures are of the same scene and side
by side, and they stay unless an exposure time is set. Nothing says what was right before the end.
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import NamedTuple

import ipywidgets
import numpy as np

from pix2pix_utils import figures
from pix2pix_utils.data.pairs import StreetPairs
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.choices import choice_summary
from pix2pix_utils.figures.described import Figure
from pix2pix_utils.files import explain_os_error, read_json, write_json
from pix2pix_utils.locks import FileLock
from pix2pix_utils.paths import output_root
from pix2pix_utils.widgets import controls
from pix2pix_utils.widgets.keys import with_own_keys
from pix2pix_utils.widgets.markup import picture_tag, sentences, unique_class

REAL = "real photo"
SIDES = ("left", "right")
SHOWN_SIZE = 256  # pixels on the screen
REVEALED_SIZE = 96


class Trial(NamedTuple):
    """A scene's index, and the names of the pictures on both sides."""

    scene: int
    left: str
    right: str

    def describe(self) -> str:
        return f"left {self.left}, right {self.right}"


class BlindTest:
    """A series of trials with the answers given so far.

    `pictures` maps two names to photos (N, S, S, 3) uint8 of the split's scenes, in its order. The
    result counts how often the first of them was chosen. Each trial shows another scene; scenes and
    sides follow from the seed, and each name is on the left in half of the trials, so that a reader
    who always presses "left" has a share of one half. Raises UserError unless there are two names
    with a picture of every scene.
    """

    def __init__(
        self,
        question: str,
        pairs: StreetPairs,
        pictures: Mapping[str, np.ndarray],
        trials: int = 20,
        seed: int = 0,
    ):
        if len(pictures) != 2 or any(len(one) != len(pairs) for one in pictures.values()):
            counts = ", ".join(f"{name}: {len(one)}" for name, one in pictures.items())
            raise UserError(
                f"a blind test compares two pictures of each of the {len(pairs)} scenes, "
                f"not {counts or 'none'}"
            )
        self.question, self.seed, self.pictures = question, seed, dict(pictures)
        draws = np.random.default_rng(seed)
        scenes = draws.permutation(len(pairs))[:trials]
        first, second = self.pictures
        swapped = draws.permutation(np.arange(len(scenes)) % 2)
        self.trials = [
            Trial(int(scene), *((second, first) if swap else (first, second)))
            for scene, swap in zip(scenes, swapped, strict=True)
        ]
        self.answers: list[str] = []  # the names chosen

    @property
    def is_done(self) -> bool:
        return len(self.answers) == len(self.trials)

    def shown(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The left and the right picture of a trial, (S, S, 3) uint8 each."""
        trial = self.trials[number]
        return self.pictures[trial.left][trial.scene], self.pictures[trial.right][trial.scene]

    def choose(self, side: str) -> None:
        """Answer the present trial: "left" or "right"."""
        self.answers.append(getattr(self.trials[len(self.answers)], side))

    def result(self) -> dict:
        """The names, the count of the first one with its interval and p-value, and the seed."""
        first = next(iter(self.pictures))
        return {
            "question": self.question,
            "pictures": list(self.pictures),
            "chosen": self.answers.count(first),
            **choice_summary(self.answers.count(first), len(self.answers)),
            "seed": self.seed,
        }


def real_or_generated(
    pairs: StreetPairs, name: str, photos: np.ndarray, trials: int = 20, seed: int = 0
) -> BlindTest:
    """Which of the two is the photo? Counts how often the generated picture is taken for it.

    `photos` (N, S, S, 3) uint8 are those that the model `name` generates for the split's scenes.
    """
    pictures = {name: photos, REAL: pairs.photos}
    return BlindTest("Which of the two is the photo?", pairs, pictures, trials, seed)


def a_or_b(
    pairs: StreetPairs, photos: Mapping[str, np.ndarray], trials: int = 20, seed: int = 0
) -> BlindTest:
    """Which of two models' pictures looks more like a street? Counts choices of the first."""
    return BlindTest("Which of the two looks more like a street?", pairs, photos, trials, seed)


def describe_result(result: Mapping) -> str:
    """The count, its interval, and how far it is from guessing, in two or three sentences."""
    first, second = result["pictures"]
    share = "{share:.0%}, 95 % interval {low:.0%} to {high:.0%}".format(**result)
    verb = "took the picture of" if second == REAL else "chose"
    end = " for the photo" if second == REAL else f" over {second}"
    words = f"You {verb} {first}{end} in {result['chosen']} of {result['trials']} trials ({share})."
    if result["p_value"] >= 0.05:
        return f"{words} Guessing gives 50 %, which lies inside: this could be chance."
    side = "above" if result["share"] > 0.5 else "below"
    return f"{words} Guessing gives 50 %, and the whole interval is {side} it."


def record_judgement(result: Mapping) -> Path:
    """Add a result with the time to `course/judgements.json` in the output folder; returns it.

    Raises UserError if the file cannot be read or written.
    """
    path = output_root() / "course" / "judgements.json"
    with explain_os_error(f"write {path}", "; set PIX2PIX_OUTPUT to a folder that is writable"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=10):
            record = read_json(path) if path.exists() else {}
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            record.setdefault("judgements", []).append({**result, "time": now})
            write_json(path, record)
    return path


def two_choices(test: BlindTest, seconds: float | None = None) -> ipywidgets.VBox:
    """The test as a widget; Tab moves between the buttons, Enter or the space bar presses one.

    With `seconds`, the pictures of a trial disappear after that time; the answer may take longer.
    The result is shown and recorded after the last trial.
    """
    start = ipywidgets.Button(description="start", tooltip="show the first two pictures")
    buttons = {
        side: ipywidgets.Button(
            description=side, tooltip=f"choose the picture on the {side}", disabled=True
        )
        for side in SIDES
    }
    pictures = {side: ipywidgets.HTML() for side in SIDES}
    words, revealed = ipywidgets.HTML(), ipywidgets.HTML()
    words.value = sentences(f"{test.question} {len(test.trials)} trials, no answers until the end.")

    def show() -> None:
        number = len(test.answers)
        words.value = sentences(f"Trial {number + 1} of {len(test.trials)}. {test.question}")
        for side, picture in zip(SIDES, test.shown(number), strict=True):
            pictures[side].value = _timed(picture, f"the picture on the {side}", seconds)

    def begin(_button) -> None:
        start.layout.display = "none"
        for button in buttons.values():
            button.disabled = False
        show()

    def answer(side: str) -> None:
        test.choose(side)
        if not test.is_done:
            show()
            return
        for one in SIDES:
            buttons[one].disabled, pictures[one].value = True, ""
        result = {**test.result(), "seconds": seconds}
        words.value = sentences(describe_result(result)) + _recorded(result)
        revealed.value = reveal(test)

    start.on_click(begin)
    for side, button in buttons.items():
        button.on_click(lambda _button, side=side: answer(side))
    apart = {"margin": "0 12px 0 0"}
    columns = [ipywidgets.VBox([pictures[side], buttons[side]], layout=apart) for side in SIDES]
    return with_own_keys(ipywidgets.VBox([words, start, controls.row(*columns), revealed]))


def reveal(test: BlindTest) -> str:
    """Every trial that was answered, with the names and the choice, as HTML."""
    parts = []
    for number, (trial, chosen) in enumerate(zip(test.trials, test.answers, strict=False), start=1):
        words = f"{number}: {trial.describe()}; you chose {chosen}"
        tags = "".join(
            picture_tag(picture, side, REVEALED_SIZE)
            for side, picture in zip(SIDES, test.shown(number - 1), strict=True)
        )
        parts.append(
            f'<figure style="display: inline-block; margin: 4px; width: {2 * REVEALED_SIZE}px; '
            f'vertical-align: top; line-height: 1.4">{tags}'
            f"<figcaption>{escape(words)}</figcaption></figure>"
        )
    return "".join(parts)


def blind_test_figure(test: BlindTest, trials: int = 4) -> Figure:
    """The first trials as a static figure, without the answers: left above, right below."""
    shown = [test.shown(number) for number in range(min(trials, len(test.trials)))]
    titles = [f"trial {number + 1}" for number in range(len(shown))]
    pictures = figures.image_grid(list(zip(*shown, strict=True)), titles, row_titles=SIDES)
    return pictures.described_as(f"{test.question} Two pictures of one scene in each trial.")


def _timed(picture: np.ndarray, words: str, seconds: float | None) -> str:
    """A picture as HTML that the browser hides after some seconds; never if that is None."""
    tag = picture_tag(picture, words, SHOWN_SIZE)
    if seconds is None:
        return tag
    own_class = unique_class()  # the animation starts anew for a new class
    # hidden from the animation's start to its end: a browser may round the end to just before it
    return (
        f"<style>@keyframes {own_class} {{ from, to {{ visibility: hidden }} }} .{own_class} "
        f"{{ animation: {own_class} 1ms {seconds:g}s forwards }}</style>"
        f'<div class="{own_class}">{tag}</div>'
    )


def _recorded(result: Mapping) -> str:
    """Record the result, and say where or why not."""
    try:
        return sentences(f"Recorded in {record_judgement(result).name}.")
    except UserError as error:
        return sentences(f"Not recorded: {error}.")
