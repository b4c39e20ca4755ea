"""The drawing pad as its user has it."""

import numpy as np
from playwright.sync_api import expect

from course_utils.handwriting import sample_handwritings

SAMPLES = sample_handwritings()
SEVEN = 23


def in_a_corner(strokes):
    return [[(0.06 + 0.4 * x, 0.04 + 0.4 * y) for x, y in points] for points in strokes]


class Pad:
    def __init__(self, page):
        self.page = page
        self.whole = page.get_by_role("group", name="Drawing pad")
        self.paper = page.get_by_role("img", name="Paper:")
        self.answer = self.whole.locator(".answer")
        self.verdict = self.answer.locator(".verdict b")
        self.seen = self.whole.locator(".seen")
        self.kept = self.whole.locator(".thumbnails figure")

    def button(self, name):
        return self.whole.get_by_role("button", name=name, exact=True)

    def draw(self, strokes, wait=True):
        """Draw with the mouse, and wait for the response to all of it."""
        self.paper.scroll_into_view_if_needed()
        area = self.paper.bounding_box()
        for points in strokes:
            # The browser handles one event per frame, so every other point is as fast as a quick hand.
            taken = [*points[:-1:2], points[-1]]
            places = [(area["x"] + area["width"] * x, area["y"] + area["height"] * y) for x, y in taken]
            self.page.mouse.move(*places[0])
            self.page.mouse.down()
            for place in places[1:]:
                self.page.mouse.move(*place)
            self.page.mouse.up()
        if wait:
            self.wait()

    def wait(self):
        expect(self.answer).to_have_attribute("aria-busy", "false")

    def click(self, name):
        self.button(name).click()
        self.wait()

    def add(self, file):
        with self.page.expect_file_chooser() as chooser:
            self.button("Add digits from a file").click()
        chooser.value.set_files(file)

    def press(self, key):
        self.paper.press(key)
        self.wait()

    def image(self):
        """Return the 28 x 28 pixels that are shown as what the network sees, 0 for paper."""
        colours = self.seen.evaluate("one => Array.from(one.getContext('2d').getImageData(0, 0, 28, 28).data)")
        return 255 - np.array(colours).reshape(28, 28, 4)[:, :, 0]
