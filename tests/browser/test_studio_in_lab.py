"""The street studio in JupyterLab, moved as a reader does: mouse, touch and keyboard."""

import json

import pytest

STUDIO = """
import torch
from pix2pix_utils.data import load_data
from pix2pix_utils.evaluation import generator_predictor
from pix2pix_utils.models import build_generator
from pix2pix_utils.widgets.studio import Painter, street_studio

torch.set_num_threads(1)
torch.manual_seed(0)
limits = {"train": 12, "val": 6, "test": 6}
data = load_data("synthetic", image_size=32, limits=limits, progress=False)
painter = Painter(generator_predictor(build_generator("unet", 32, 8)), data.palette, 32)
street = street_studio(data, {"untrained": painter})
street
"""
STATE = """
import hashlib, json
_s = street.studio
_photo = hashlib.sha256(_s.painted["untrained"].photo.tobytes()).hexdigest()
print(json.dumps({"map": _s.class_map.tolist(), "photo": _photo}))
"""
SHOWN = ".street-studio .map"


class Studio:
    """The studio on a page."""

    def __init__(self, lab):
        self.lab, self.page = lab, lab.page
        self.root = self.page.locator(".street-studio")
        self.map = self.page.locator(SHOWN)
        self.map.scroll_into_view_if_needed()

    def at(self, row, column):
        """The middle of a pixel of the label map, in the page's coordinates."""
        box = self.map.bounding_box()
        pixel = box["width"] / 32
        return box["x"] + (column + 0.5) * pixel, box["y"] + (row + 0.5) * pixel

    def settled(self):
        """Wait until Python has answered the last message."""
        self.page.wait_for_function(
            "document.querySelector('.street-studio').dataset.busy !== 'true'"
        )

    def drag(self, start, *points):
        self.map.scroll_into_view_if_needed()
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        for point in points:
            self.page.mouse.move(*self.at(*point), steps=4)
        self.page.mouse.up()
        self.settled()

    def click(self, row, column):
        self.drag((row, column))

    def tool(self, name):
        self.root.locator(".tools label", has_text=name).click()

    def choose(self, name):
        self.root.locator(".classes label", has_text=name).first.click()

    def state(self):
        return json.loads(self.lab.evaluate(STATE))

    def screen(self):
        """The RGB of every photo and of the label map, as one string."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll('.street-studio canvas:not(.overlay)')]
                     .map((canvas) => canvas.toDataURL()).join()"""
        )


@pytest.fixture(scope="module")
def class_index():
    from pix2pix_utils.data.palette import CITYSCAPES

    return CITYSCAPES.index


def different(before, after):
    """The pixels that differ and what they are now: {(row, column): class}."""
    return {
        (row, column): after[row][column]
        for row in range(32)
        for column in range(32)
        if before[row][column] != after[row][column]
    }


def test_mouse_and_keyboard(open_notebook, class_index):
    studio = Studio(open_notebook(STUDIO, SHOWN))
    page = studio.page
    photo = page.locator(".street-studio .photos canvas").first.bounding_box()
    assert photo["width"] >= 0.95 * studio.map.bounding_box()["width"]  # as large as the map
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    start = studio.state()

    # a stroke with the mouse
    studio.choose("train")
    page.keyboard.press("[")  # from 2 pixels to 1
    before = studio.screen()
    studio.drag((10, 4), (10, 20))
    stroke = studio.state()
    train = class_index("train")
    assert different(start["map"], stroke["map"]) == {
        (10, column): train for column in range(4, 21)
    }
    assert stroke["photo"] != start["photo"]
    assert studio.screen() != before
    assert studio.root.locator(".under").inner_text() == "train, row 10, column 20"

    # undo and redo, by key and by button
    studio.map.focus()
    page.keyboard.press("Control+z")
    studio.settled()
    assert studio.root.locator(".status").inner_text() == "undone"
    assert not studio.root.locator(".under").inner_text().startswith("train")
    assert studio.state() == start
    assert studio.screen() == before
    studio.root.get_by_role("button", name="Redo").click()
    studio.settled()
    assert studio.state() == stroke

    # the eraser brings back what was there
    studio.tool("Eraser")
    studio.drag((10, 4), (10, 20))
    assert studio.state() == start

    # the class by arrow key, the tool by letter; JupyterLab's own keys stay away
    cells = page.locator(".jp-Cell").count()
    studio.choose("road")
    page.keyboard.press("ArrowRight")
    chosen = studio.root.locator(".classes input:checked")
    assert chosen.get_attribute("value") == str(class_index("sidewalk"))
    page.keyboard.press("b")
    studio.map.focus()
    # from row 10, column 20, where the mouse was
    for key in ("Shift+ArrowDown", "ArrowDown", "Space", "ArrowRight", "ArrowRight", "Space"):
        page.keyboard.press(key)
    studio.settled()
    drawn = studio.state()["map"]
    assert drawn[19][20:23] == [class_index("sidewalk")] * 3
    assert set(different(start["map"], drawn)) <= {(19, column) for column in (20, 21, 22)}
    studio.map.focus()
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert studio.root.locator(".tools input:checked").get_attribute("value") == "delete"
    assert page.locator(".jp-Cell").count() == cells
    page.keyboard.press("ControlOrMeta+s")  # what the studio has no use for is JupyterLab's
    page.wait_for_function("!document.querySelector('.lm-TabBar-tab.jp-mod-dirty')")

    # a region: filled, deleted, undone
    studio.tool("Fill")
    studio.choose("terrain")
    studio.click(19, 21)
    assert studio.state()["map"][19][20:23] == [class_index("terrain")] * 3
    studio.tool("Delete")
    studio.click(19, 21)
    assert class_index("terrain") not in studio.state()["map"][19][20:23]

    # a stamp, moved to the left
    studio.tool("Stamp")
    studio.root.locator(".option select").last.select_option(label="drawn car")
    before_stamp = studio.state()["map"]
    studio.click(28, 20)
    stamped = studio.state()["map"]
    car = different(before_stamp, stamped)
    assert car and set(car.values()) == {class_index("car")}
    studio.tool("Move")
    studio.drag((27, 20), (27, 12))
    moved = studio.state()["map"]
    assert all(moved[row][column - 8] == class_index("car") for row, column in car)

    # another start, and save
    studio.root.locator(".scene").select_option(label="an empty street")
    studio.settled()
    assert not any(class_index("car") in row for row in studio.state()["map"])
    studio.root.get_by_role("button", name="Save").click()
    studio.settled()
    assert "street-001" in studio.root.locator(".status").inner_text()
    assert not errors


def test_touch(open_notebook, class_index, finger):
    lab = open_notebook(STUDIO, SHOWN, has_touch=True)
    studio = Studio(lab)
    start = studio.state()["map"]
    studio.root.locator(".classes label", has_text="train").first.tap()
    studio.map.scroll_into_view_if_needed()
    scrolled = studio.map.bounding_box()["y"]
    touch = finger(lab.page, studio.at)
    touch("touchStart", 12, 8)
    for row in range(13, 21):
        touch("touchMove", row, 8)
    touch("touchEnd")
    studio.settled()
    assert studio.map.bounding_box()["y"] == scrolled  # the finger painted and did not scroll
    painted = studio.state()["map"]
    assert all(painted[row][8] == class_index("train") for row in range(12, 21))
    assert set(different(start, painted).values()) == {class_index("train")}
