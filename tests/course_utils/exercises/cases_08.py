"""Cases of lesson 08."""

from functools import cache

import numpy as np
from scipy.stats import binomtest

from course_utils.exercises.lesson_08 import shuffled_pixels
from course_utils.preprocessing import one_hot, preprocess_images
from tests.course_utils.exercises.cases import case
from tests.course_utils.exercises.conftest import DIGITS

TRAIN, TEST = preprocess_images(DIGITS.train_images), preprocess_images(DIGITS.test_images)
PLAN = shuffled_pixels.given["plan"].value({})
PLACES = {"plan": PLAN, "tidy": np.arange(784), "back": np.argsort(PLAN), "other": PLAN[::-1]}
LEFT = np.array([[-1, 0, 1]] * 3)
UPPER = LEFT.T


@cache
def net(places="plan", steps=120, loss="categorical_crossentropy", on_test=False, dense=False):
    """Return a network that knows the digits with their pixels moved, as if it had been trained in so many steps."""
    import keras

    vectors, labels = (TEST, DIGITS.test_labels) if on_test else (TRAIN, DIGITS.train_labels)
    vectors = vectors[:, PLACES[places]]
    weights = np.linalg.solve(vectors.T @ vectors + 10 * np.eye(784), vectors.T @ (one_hot(labels) - 0.1))
    picture = [keras.layers.Reshape((28, 28, 1)), keras.layers.Conv2D(1, 1, use_bias=False), keras.layers.Flatten()]
    layers = [keras.layers.Dense(10, "softmax", use_bias=False)]
    network = keras.Sequential([keras.Input((784,)), *([] if dense else picture), *layers])
    network.set_weights([*([] if dense else [np.ones((1, 1, 1, 1))]), 5 * weights])
    network.compile("adam", loss)
    network.optimizer.iterations.assign(steps)
    return network


def on(vectors, labels=DIGITS.test_labels):
    return (net().predict(vectors, verbose=0).argmax(axis=1) == labels).mean()


def cnn(answer, said="✓", model="net()", never="", **given):
    return case("08.2", answer, said, never=never, model=model, **given)


def p(one=5, other=12, *side):
    return float(binomtest(one, one + other, 0.5, *side).pvalue)


def compare(own="5", recorded="12", p_value="p()"):
    return f"({own}, {recorded}, {p_value})"


R = "on(TEST[:, PLAN])"
OWN, CNN = "own_predictions == test_labels", "recorded_predictions == test_labels"

CASES = [
    case("08.1", "LEFT"),
    case("08.1", "UPPER.T.astype('float32')"),
    case("08.1", "LEFT.tolist()"),
    case("08.1", "5.5 * LEFT"),
    case("08.1", "1e300 * LEFT"),
    case("08.1", "[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]"),
    case("08.1", "[[-1, 1, 0]] * 3"),
    case("08.1", "[[0, -1, 1]] * 3"),
    case("08.1", "[[0, 0, 0], [-1, 0, 1], [0, 0, 0]]"),
    case("08.1", "np.float32([[-0.1, -0.2, 0.3]] * 3)"),
    case("08.1", "[[-1, 1 / 3, 2 / 3]] * 3"),
    case("08.1", "UPPER", "responds to upper borders and not to left ones"),
    case("08.1", "-UPPER", "responds to lower borders and not to left ones"),
    case("08.1", "UPPER[::-1]", "responds to lower borders"),
    case("08.1", "-LEFT", "sign is the wrong way round"),
    case("08.1", "LEFT[:, ::-1]", "sign is the wrong way round"),
    case("08.1", "[[0, 1, -1]] * 3", "sign is the wrong way round"),
    case("08.1", "np.zeros((3, 3))", "responds to nothing"),
    case("08.1", "np.zeros((3, 3), bool)", "responds to nothing"),
    case("08.1", "np.ones((3, 3))", "add up to 9, so"),
    case("08.1", "np.ones((3, 3)) > 0", "add up to 9, so"),
    case("08.1", "[[0, 0, 1]] * 3", "add up to 3, so"),
    case("08.1", "[[-1, 0, 0]] * 3", "add up to -3, so"),
    case("08.1", "LEFT > 0", "add up to 3, so"),
    case("08.1", "[[-1, 0, 1], [-1, 0, 1], [-1, 0, 2]]", "add up to 1, so"),
    case("08.1", "[[-0.67, 0.33, 0.33]] * 3", "add up to -0.03, so"),
    case("08.1", "LEFT + UPPER", "a row of your kernel adds up to"),
    case("08.1", "[[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]", "a row of your kernel adds up to 2"),
    case("08.1", "np.outer([1, 0, -1], [1, 1, 1]) + 0.5 * LEFT", "a row of your kernel adds up to"),
    case("08.1", "[[-2, 3, -1]] * 3", "only the right column is ink it gives -3"),
    case("08.1", "[[1, -3, 2]] * 3", "only the left column is paper it gives -3"),
    case("08.1", "[[-1, 2, -1]] * 3", "only the right column is ink it gives -3"),
    case("08.1", "[[1, -2, 1]] * 3", "only the left column is paper it gives -3"),
    case("08.1", "[[1, 0, -1], [0, 0, 0], [-1, 0, 1]]", "At a straight left border it gives 0"),
    case("08.1", "[-1, 0, 1]", "has the shape (3,)"),
    case("08.1", "LEFT.ravel()", "nine weights in one row"),
    case("08.1", "LEFT.reshape(3, 3, 1, 1)", "the shape that Conv2D takes"),
    case("08.1", "np.zeros((26, 26))", "the sums that a kernel gives"),
    case("08.1", "image", "has the shape (28, 28)"),
    case("08.1", "np.eye(5)", "has the shape (5, 5)"),
    case("08.1", "0", "has the shape ()"),
    case("08.1", "[[-1, 0], [1, 0, 1]]", "do not all have the same length"),
    case("08.1", "'-1 0 1'", "a text"),
    case("08.1", "LEFT * np.nan", "NaN"),
    case("08.1", "None", "nothing (None)"),
    case("08.1", "LEFT.transpose", "parentheses"),
    case("08.1", "...", "not attempted"),
    case("08.1", "LEFT", "`image` is not as", image="255 * image", never="✗"),
    case("08.1", "LEFT", "`image` is not as", image="image.T", never="✗"),
    # --- 08.2
    case("08.2", "right"),
    *(cnn(source) for source in (R, f"np.float32({R})", f"[{R}]", f"round({R}, 3)", f"float(f'{{{R}:.3g}}')")),
    cnn(R, model="net(steps=110)"),  # without the last, smaller batch
    cnn(R, batch_size="64", model="net(steps=240)"),
    cnn(f"(0.61, {R})", "evaluate gives two numbers"),
    cnn(f"[0.61, {R}]", "evaluate gives two numbers"),
    cnn(f"{{'accuracy': {R}}}", "Which of its entries is wanted?"),
    cnn("on(TEST)", "with their pixels in their places"),
    cnn("on(TEST[:, PLACES['back']])", "the plan read backwards"),
    cnn("on(TRAIN[:, PLAN], dataset.train_labels)", "the images that it learned from"),
    cnn(f"1 - {R}", "the share of wrong answers"),
    cnn(f"100 * {R}", "a percentage"),
    cnn(f"297 * {R}", "the number of the images read correctly"),
    cnn(f"297 - 297 * {R}", "the number of the others"),
    cnn("net().predict(TEST[:, PLAN], verbose=0)", "holds probabilities"),
    cnn("net().predict(TEST[:, PLAN], verbose=0).argmax(axis=1)", "holds the digits"),
    cnn("net().predict(TEST[:, PLAN], verbose=0).argmax(axis=1) == dataset.test_labels", "a mask of 297 entries"),
    cnn("net().evaluate(TEST[:, PLAN], one_hot_test_labels, verbose=0)", "the test loss"),
    cnn(f"{R} - 0.0213", "less than comes out if `few_cnn` is measured again"),
    cnn(f"{R} + 0.0213", "more than comes out if `few_cnn` is measured again"),
    cnn(f"round({R}, 1)", "rounded too far"),
    cnn("0.8", "less than comes out", never="five"),
    cnn("7", "lies between 0 and 1"),
    cnn("-0.8", "lies between 0 and 1"),
    cnn("TEST", "expected one number"),
    cnn("True", "truth value"),
    cnn(f"str({R})", "looks like a number"),
    cnn("None", "nothing (None)"),
    cnn("...", "not attempted"),
    cnn("keras.callbacks.History()", "`fit` returns a history"),
    cnn("net()", "type(shuffled_accuracy)"),
    cnn("net().evaluate", "parentheses"),
    cnn(R, "has not been trained since it was compiled", model="net(steps=0)"),
    cnn(R, "has no convolution", model="net(dense=True)"),
    cnn(R, "the loss mean_squared_error", model="net(loss='mean_squared_error')"),
    cnn("on(TEST)", "trained on pixels in their places", model="net('tidy')"),
    cnn(R, "trained on pixels in their places", model="net('tidy')"),
    cnn(R, "the plan read backwards", model="net('back')"),
    cnn(R, "hardly better than by guessing", model="net('other')"),
    cnn(R, "few_vectors[plan] picks images, not pixels", model="net('other', steps=70)"),
    cnn(R, "knows the test images better", model="net(on_test=True)"),
    cnn(R, "as in 20 epochs, expected 10", model="net(steps=240)"),
    cnn(R, "as in 1 epoch, expected 10", model="net(steps=12)"),
    cnn(R, "as in batches of 32, expected batches of 128", model="net(steps=470)"),
    cnn(R, "took 100 steps, expected 120", model="net(steps=100)"),
    case("08.2", R, "`plan` is not as", model="net()", plan="plan[::-1]", never="✗"),
    case("08.2", R, "`train_vectors` is not as", model="net()", train_vectors="train_vectors[:, plan]", never="✗"),
    case("08.2", R, "`test_vectors` is not as", model="net()", test_vectors="test_vectors[:, plan]", never="✗"),
    case("08.2", R, "is not as", model="net()", one_hot_train_labels="one_hot_train_labels[::-1]", never="✗"),
    case("08.2", R, "`model` is not as", model="None", never="✗"),
    # --- 08.3
    case("08.3", "right"),
    case("08.3", compare()),
    case("08.3", compare(f"(({OWN}) & ~({CNN})).sum()", f"np.sum(({CNN}) & ~({OWN}))", "np.float64(p())")),
    case("08.3", compare("5.0", "[12]", "round(p(), 3)")),
    case("08.3", compare("12", "5"), "`num_only_own` and `num_only_recorded` are exchanged"),
    case("08.3", compare(f"({OWN}).sum()"), "also those that both read"),
    case("08.3", compare(recorded=f"({CNN}).sum()"), "all images that the recorded CNN reads"),
    case("08.3", compare("20"), "all mistakes of your CNN"),
    case("08.3", compare("13"), "all mistakes of the other"),
    case("08.3", compare("17", "17"), "exactly one reads"),
    case("08.3", compare("12"), "only the other reads"),
    case("08.3", compare("8"), "neither reads"),
    case("08.3", compare(f"(({OWN}) & ({CNN})).sum()"), "that both read"),
    case("08.3", compare(f"(({OWN}) | ({CNN})).sum()"), "at least one reads"),
    case("08.3", compare("7"), "the difference of two counts"),
    case("08.3", compare(f"({OWN}) & ~({CNN})"), "a mask of 297 entries"),
    case("08.3", compare(f"np.flatnonzero(({OWN}) & ~({CNN}))"), "holds the positions"),
    case("08.3", compare(f"(({OWN}) & ~({CNN})).mean()"), "the share of the images"),
    case("08.3", compare(recorded="297"), "how many entries the mask has"),
    case("08.3", compare("6"), "just beside"),
    case("08.3", compare(recorded="11"), "just beside"),
    case("08.3", compare("31"), "more than there are", never="26"),
    case("08.3", compare("2"), "less than there are"),
    case("08.3", compare("-5"), "there are 297 test images"),
    case("08.3", compare("5.5"), "expected a whole number"),
    case("08.3", compare("'5'"), "looks like a number"),
    case("08.3", compare("True"), "truth value"),
    case("08.3", compare(OWN), "✗"),
    case("08.3", compare("..."), "`num_only_own` is still missing"),
    case("08.3", compare(p_value="..."), "`own_p_value` is still missing"),
    case("08.3", "(..., ..., ...)", "not attempted"),
    case("08.3", compare(p_value="100 * p()"), "a percentage"),
    case("08.3", compare(p_value="2 * p()"), "twice the p-value"),
    case("08.3", compare("25"), "more than there are", never="square"),
    case("08.3", compare(p_value="1 - p()"), "1 minus the p-value"),
    case("08.3", compare(p_value="p(5, 12, 'less')"), "one-sided"),
    case("08.3", compare(p_value="p(5, 12, 'greater')"), "one-sided"),
    case("08.3", compare(p_value="float(binomtest(5, 297, 0.5).pvalue)"), "tossed for every test image"),
    case("08.3", compare(p_value="0.0895607"), "chi-squared approximation"),
    case("08.3", compare(p_value="0.1456"), "chi-squared approximation"),
    case("08.3", compare(p_value="p(20, 13)"), "also those in common"),
    case("08.3", compare(p_value="p(277, 284)"), "also those in common"),
    case("08.3", compare(p_value="5 / 17"), "not a p-value"),
    case("08.3", compare(p_value="12 / 17"), "the share of the recorded CNN"),
    case("08.3", compare(p_value="0"), "never exactly 0"),
    case("08.3", compare(p_value="-0.1"), "lies between 0 and 1"),
    case("08.3", compare(p_value="3"), "lies between 0 and 1"),
    case("08.3", compare(p_value="0.05"), "less than McNemar's p-value"),
    case("08.3", compare(p_value="round(p(), 1)"), "rounded too far"),
    case("08.3", compare(p_value="binomtest(5, 17, 0.5)"), "Which of its attributes"),
    case("08.3", compare(p_value="p"), "parentheses"),
    case("08.3", compare(p_value="p() < 0.05"), "truth value"),
    case("08.3", compare(p_value="np.nan"), "NaN"),
    case("08.3", compare("6", p_value="0.5"), "`own_p_value` is not right either"),
    case("08.3", compare(), "`own_predictions` is not as", own_predictions="own_predictions[:5]", never="✗"),
    case("08.3", compare(), "is not as", recorded_predictions="np.eye(10)[recorded_predictions]", never="✗"),
    case("08.3", compare(), "`test_labels` is not as", test_labels="np.sort(test_labels)", never="✗"),
]
