"""Cases of lesson 07."""

import numpy as np

from course_utils.preprocessing import preprocess_images
from tests.course_utils.exercises.cases import case

W = "predictions != test_labels"
ALL = f"np.flatnonzero({W})"
OK = "np.flatnonzero(predictions == test_labels)"


def acc(model, images, labels):
    """Return the share of images that the network reads; preprocess only what is uint8."""
    vectors = preprocess_images(images) if images.dtype == np.uint8 else images.reshape(len(images), 784)
    return (model.predict(vectors, verbose=0).argmax(axis=1) == labels).mean()


def shift(images="right[0]", accuracy="right[1]"):
    return f"({images}, {accuracy})"


def read(images="right[0]"):
    return shift(accuracy=f"acc(model, {images}, test_labels)")


CASES = [
    case("07.1", "right"),
    case("07.1", "right.tolist()"),
    case("07.1", "tuple(right)"),
    case("07.1", "right.astype('uint16')"),
    case("07.1", f"np.where({W})[0][:10]"),
    case("07.1", f"np.nonzero({W})[0][:num_mistakes]"),
    case("07.1", "[i for i in range(len(test_labels)) if predictions[i] != test_labels[i]][:10]"),
    case("07.1", f"np.argwhere({W})[:10, 0]"),
    case("07.1", f"{OK}[:10]", "the first images that were read correctly"),
    case("07.1", OK, "all images that were read correctly"),
    case("07.1", ALL, "has all mistakes, asked are the first 10"),
    case("07.1", f"{ALL}[-10:]", "the last 10 mistakes"),
    case("07.1", f"{ALL}[5:15]", "an earlier one is missing"),
    case("07.1", f"{ALL}[1:11]", "an earlier one is missing", never="8"),
    case("07.1", f"{ALL}[9::-1]", "in reverse"),
    case("07.1", "right + 1", "one too large"),
    case("07.1", "right - 1", "one too small"),
    case("07.1", "test_labels[right]", "the labels of the mistakes"),
    case("07.1", "predictions[right]", "what the network read in its mistakes"),
    case("07.1", W, "marks with True the images that were read wrongly"),
    case("07.1", f"({W})[:10]", "marks with True the images that were read wrongly"),
    case("07.1", "predictions == test_labels", "marks with True the images that were read correctly"),
    case("07.1", f"({W}).astype(int)", "marks with ones the images that were read wrongly"),
    case("07.1", f"({W})[right]", "True and False"),
    case("07.1", "np.arange(10)", "simply the first 10 images"),
    case("07.1", f"np.flatnonzero(({W})[:25])", "among the first 25 images"),
    case("07.1", "right[:7]", "too few"),
    case("07.1", f"{ALL}[:12]", "too many"),
    case("07.1", "np.r_[right[:1], right[:9]]", "stand in `first_mistakes` twice"),
    case("07.1", "right[[3, 1, 0, 2, 4, 5, 6, 7, 8, 9]]", "not in the order of the test images"),
    case("07.1", "np.r_[right[:3], right[4:], " + ALL + "[12]]", "an earlier one is missing"),
    case("07.1", f"np.flatnonzero(np.roll({W}, 7))[:10]", "images at these positions were read correctly"),
    case("07.1", "np.arange(20, 30)", "were read correctly"),
    case("07.1", "-right", "whole numbers from 0 to 296"),
    case("07.1", "right + 400", "whole numbers from 0 to 296"),
    case("07.1", "right / 2", "whole numbers from 0 to 296"),
    case("07.1", "right.astype(float)", "dtype is float64"),
    case("07.1", f"np.nonzero({W})", "give a tuple"),
    case("07.1", f"np.where({W})", "give a tuple"),
    case("07.1", f"np.argwhere({W})[:10]", "has the shape (10, 1), expected a row"),
    case("07.1", "dataset.test_images[right]", "pictures, not where they are"),
    case("07.1", "np.zeros((10, 784), 'float32')", "pictures, not where they are"),
    case("07.1", f"len({ALL})", "how many mistakes there are"),
    case("07.1", f"({W}).sum()", "how many mistakes there are"),
    case("07.1", f"({W}).argmax()", "the first mistake alone"),
    case("07.1", "0.95", "a single number"),
    case("07.1", "[]", "no position in"),
    case("07.1", "'8, 21'", "a text"),
    case("07.1", "[str(index) for index in right]", "holds a text"),
    case("07.1", f"set({ALL}[:10])", "Which order"),
    case("07.1", f"({W}).nonzero", "parentheses"),
    case("07.1", "None", "nothing (None)"),
    case("07.1", "...", "not attempted"),
    case("07.1", "right", "`predictions` is not as", predictions="predictions[:25]", never="✗"),
    case("07.1", "[]", "`predictions` is not as", predictions="np.eye(10)[predictions]", never="✗"),
    case("07.1", "right", "`predictions` is not as", predictions="predictions[::-1]", never="✗"),
    case("07.1", "right", "`test_labels` is not as", test_labels="np.sort(test_labels)", never="✗"),
    case("07.1", "right", "`num_mistakes` is not as", num_mistakes="9", never="✗"),
    # --- 07.2
    case("07.2", "right"),
    case("07.2", shift("np.array([np.roll(image, 3, axis=1) for image in test_images])")),
    case("07.2", shift("np.roll(test_images, -25, axis=-1)", "float(f'{right[1]:.3g}')")),
    case("07.2", shift("np.pad(test_images, ((0, 0), (0, 0), (3, 0)))[:, :, :-3]", "np.float32(right[1])")),
    case("07.2", shift("right[0].tolist()"), "dtype is int64, expected uint8"),
    case("07.2", shift("right[0].astype(float)"), "dtype is float64, expected uint8"),
    case("07.2", shift("test_images"), "Nothing has moved"),
    case("07.2", shift("np.roll(test_images, 3, axis=1)"), "moved by 3 down, expected 3 to the right"),
    case("07.2", shift("np.roll(test_images, -3, axis=2)"), "moved by 3 to the left"),
    case("07.2", shift("np.roll(test_images, -3, axis=1)"), "moved by 3 up"),
    case("07.2", shift("np.roll(test_images, 3, axis=(1, 2))"), "by 3 down and 3 to the right"),
    case("07.2", shift("np.roll(test_images, 6, axis=2)"), "by 6 to the right"),
    case("07.2", shift("np.roll(test_images, 2, axis=2) / 255"), "by 2 to the right"),
    case("07.2", shift("np.roll(test_images, 3, axis=0)"), "changed places"),
    case("07.2", shift("np.roll(test_images, 90)"), "moved by 3 down and 6 to the right"),
    case("07.2", shift("right[0] / 255"), "divided by 255 already"),
    case("07.2", shift("right[0] + np.r_[[9] * 3, [0] * 25].astype('uint8')"), "not what comes in on the left"),
    case("07.2", shift("right[0][:, :, ::-1]"), "are mirrored"),
    case("07.2", shift("right[0][:, ::-1]"), "upside down"),
    case("07.2", shift("255 - right[0]"), "inverted"),
    case("07.2", shift("right[0].transpose(0, 2, 1)"), "rows and columns exchanged"),
    case("07.2", shift("np.roll(dataset.train_images[:297], 3, axis=2)"), "has training images"),
    case("07.2", shift("right[0].reshape(-1, 784)"), "vectors of 784 pixels"),
    case("07.2", shift("right[0][0]"), "is one image"),
    case("07.2", shift("right[0][:25]"), "has 25 images"),
    case("07.2", shift("right[0][..., np.newaxis]"), "it has the shape (297, 28, 28, 1)"),
    case("07.2", shift("right[0] // 2"), "does not hold the first test images"),
    case("07.2", shift("np.roll"), "parentheses"),
    case("07.2", shift("None"), "nothing (None)"),
    case("07.2", shift("..."), "`shifted_images` is still missing"),
    case("07.2", shift(accuracy="..."), "`shifted_images` is right. `shifted_accuracy` is still missing"),
    case("07.2", read("test_images"), "before they were shifted"),
    case("07.2", read("right[0].astype('float32')"), "not divided by 255"),
    case("07.2", read("right[0] / 255 / 255"), "divided by 255 twice"),
    case("07.2", read("np.roll(test_images, -3, axis=2)"), "moved to the left"),
    case("07.2", read("np.roll(test_images, 3, axis=1)"), "moved down"),
    case("07.2", shift(accuracy="100 * right[1]"), "is a percentage"),
    case("07.2", shift(accuracy="297 * right[1]"), "the number of the images read correctly"),
    case("07.2", shift(accuracy="1 - right[1]"), "the share of wrong answers"),
    case("07.2", shift(accuracy="297 - 297 * right[1]"), "the number of the others"),
    case("07.2", shift(accuracy="acc(model, test_images, test_labels) - right[1]"), "accuracy was lost"),
    case("07.2", shift(accuracy="model.predict(right[0].reshape(-1, 784) / 255, verbose=0)"), "the probabilities"),
    case("07.2", shift(accuracy="model.predict(right[0].reshape(-1, 784) / 255, verbose=0).argmax(1)"), "the digits"),
    case("07.2", shift(accuracy="(0.7, right[1])"), "one of them is right"),
    case("07.2", shift(accuracy="round(right[1], 1)"), "rounded too far"),
    case("07.2", shift(accuracy="right[1] + 0.0234"), "more than the share", never="✓"),
    case("07.2", shift(accuracy="right[1] - 0.0234"), "less than the share"),
    case("07.2", shift(accuracy="-200"), "lies between 0 and 1"),
    case("07.2", shift(accuracy="True"), "truth value"),
    case("07.2", shift(accuracy="'0.5'"), "looks like a number"),
    case("07.2", shift("test_images", "0.1234"), "`shifted_accuracy` is not right either"),
    case("07.2", "(..., ...)", "not attempted"),
    case("07.2", "right", "`test_images` is not as", test_images="test_images / 255", never="✗"),
    case("07.2", "right", "`test_images` is not as", test_images="np.roll(test_images, 3, axis=2)", never="✗"),
    case("07.2", "right", "`test_labels` is not as", test_labels="test_labels[::-1]", never="✗"),
    case("07.2", "right", "`model` is not as", model="lambda vectors: vectors", never="✗"),
    case("07.2", "right", "`num_pixels` is not as", num_pixels="2", never="✗"),
]
