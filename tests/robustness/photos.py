"""Photos of digits on paper as a phone takes them: light, shadow, ruled lines, a tilted camera, noise and JPEG."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image
from scipy import ndimage


@dataclass(frozen=True)
class Condition:
    """How a photo is taken. The defaults are an easy one; `CONDITIONS` changes a few things at a time."""

    paper: str = "plain"  # or "ruled", "squared"
    ink: float = 0.75  # the share of light that the pen takes away
    light: float = 0.2  # how much darker the dark side of the sheet is
    shadow: float = 0.0  # how much light the edge of a shadow takes away
    angle: float = 0.0  # degrees
    perspective: float = 0.0  # by how much of its width the sheet narrows
    noise: float = 3.0  # grey levels
    quality: int = 85  # of the JPEG file
    width: int = 2000  # pixels; four thirds as wide as high
    turned: bool = False  # the camera stored it on its side, with a note in EXIF


CONDITIONS = {
    "plain": Condition(),
    "shadow": Condition(light=0.5, shadow=0.35),
    "ruled": Condition(paper="ruled", light=0.3),
    "squared": Condition(paper="squared", light=0.3, angle=-2),
    "tilted": Condition(angle=5, light=0.3),
    "perspective": Condition(perspective=0.15, angle=-3, light=0.3),
    "pencil": Condition(ink=0.45, noise=4),
    "noise": Condition(noise=12, quality=60),
    "JPEG 40": Condition(quality=40, noise=5),
    "12 megapixels": Condition(width=4032, turned=True, quality=95),
    "small": Condition(width=640, quality=75, noise=4),
    "all at once": Condition("ruled", 0.6, 0.5, 0.25, 5, 0.1, 6, 50, 2000, True),
}


def take_photo(images, condition, seed):
    """Set a grid of images of shape (rows, columns, 28, 28) on paper; return a JPEG and the centres on the photo."""
    random = np.random.default_rng(seed)
    num_rows, num_columns = images.shape[:2]
    cell = 100  # pixels of the sheet for a digit and what is around it
    width, height = cell * (num_columns + 1), cell * (num_rows + 1)
    pen, centres = np.zeros((height, width)), []
    for index in np.ndindex(num_rows, num_columns):
        side = int(random.integers(74, 92))  # of 28 pixels
        digit = np.clip(ndimage.zoom(images[index] / 255, side / 28, order=3), 0, 1)
        top = cell // 2 + index[0] * cell + int(random.integers(0, cell - side))
        left = cell // 2 + index[1] * cell + int(random.integers(0, cell - side))
        part = pen[top : top + digit.shape[0], left : left + digit.shape[1]]
        np.maximum(part, digit, out=part)
        rows, columns = np.nonzero(images[index] > 127)
        centres.append(
            (
                left + (columns.min() + columns.max() + 1) / 2 * side / 28,
                top + (rows.min() + rows.max() + 1) / 2 * side / 28,
            )
        )
    rules = np.zeros_like(pen)
    spacing = {"plain": 0, "ruled": 50, "squared": 25}[condition.paper]
    if spacing:
        for rows in (rules, rules.T)[: 1 + (condition.paper == "squared")]:
            rows[spacing // 2 :: spacing] = rows[spacing // 2 + 1 :: spacing] = 0.3
    sheet = (1 - condition.ink * np.clip(pen * 1.6 - 0.3, 0, 1)) * (1 - rules)
    # Where a corner of the photo lies on the sheet; what is beyond it is table, or more paper.
    scale = condition.width / width
    size = (condition.width, round(height * scale))
    turn, squeeze = np.deg2rad(condition.angle), condition.perspective
    matrix = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, -squeeze / height, 1]])
    middle = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    to_photo = np.diag([scale, scale, 1]) @ np.linalg.inv(middle) @ matrix @ np.diag([0.93, 0.93, 1]) @ middle
    back = np.linalg.inv(to_photo)
    canvas = Image.fromarray((255 * sheet).astype(np.uint8))
    picture = canvas.transform(
        size, Image.Transform.PERSPECTIVE, (back / back[2, 2]).ravel()[:8], Image.Resampling.BICUBIC, fillcolor=255
    )
    y, x = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    light = 1 - condition.light * (0.6 * x + 0.4 * y**2)
    light *= 1 - condition.shadow / (1 + np.exp(-(x + 0.4 * y - 0.8) * 60))
    grey = ndimage.gaussian_filter(np.asarray(picture) * light * 0.92, condition.width / 2500)
    grey = grey + random.normal(0, condition.noise, grey.shape)
    colours = np.clip(grey[..., np.newaxis] * [1.0, 0.98, 0.9], 0, 255).astype(np.uint8)
    photo, exif = Image.fromarray(colours), Image.Exif()
    if condition.turned:
        photo, exif[274] = photo.transpose(Image.Transpose.ROTATE_90), 6
    photo.save(file := BytesIO(), "JPEG", quality=condition.quality, exif=exif)
    points = to_photo @ np.array([(*centre, 1) for centre in centres]).T
    return file.getvalue(), (points[:2] / points[2]).T / size
