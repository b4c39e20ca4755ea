"""Cases of lesson 03."""

import numpy as np

from tests.course_utils.exercises.cases import case


def filled(value):
    """Return a function that puts `value(labels, num_classes)` into rows of zeros, in the way of the lesson."""

    def one_hot(labels, num_classes):
        rows = np.zeros((len(labels), num_classes))
        value(rows, labels)
        return rows

    return one_hot


def on_eye(change):
    return lambda labels, num_classes: change(np.eye(num_classes)[labels], labels)


def changes_labels(labels, num_classes):
    rows = np.eye(num_classes)[labels]
    labels[:] = 0
    return rows


def no_return(labels, num_classes):
    np.eye(num_classes)[labels]


def ellipsis_left(labels, num_classes):
    rows = np.eye(num_classes)[labels]
    rows.sum()
    return ...


def starter(labels, num_classes):
    rows = ...
    return rows


def returns_in_loop(labels, num_classes):
    rows = np.zeros((len(labels), num_classes))
    for number, label in enumerate(labels):
        rows[number, label] = 1
        return rows


def single_row(labels, num_classes):
    row = np.zeros(num_classes)
    row[labels] = 1
    return row


def overflows(labels, num_classes):
    rows = np.zeros(len(labels) * num_classes)
    rows[(np.arange(len(labels)).astype("uint8") * np.uint8(num_classes % 256) + labels).astype(int)] = 1
    return rows.reshape(len(labels), num_classes)


def asserts(labels, num_classes):
    assert num_classes == 10


def leaves(labels, num_classes):
    raise SystemExit


def prints(labels, num_classes):
    print("a student may print")
    return [[1 if place == label else 0 for place in range(num_classes)] for label in labels]


def by_keras(labels, num_classes):
    import keras

    return keras.ops.one_hot(labels, num_classes)


P = "(batch_truths * batch_answers).sum(1)"
L = f"(-np.log({P}))"

CASES = [
    *(
        case("03.1", f"{source}")
        for source in ("right", "right.tolist()", "tuple(right)", "right.astype('uint8')", "right.astype('int32')")
    ),
    case("03.1", "[max(range(10), key=row.__getitem__) for row in network_answers]"),
    case("03.1", "np.exp(network_answers).argmax(-1)"),
    case("03.1", "keras.ops.argmax(network_answers, axis=1)"),
    case("03.1", "network_answers.argmax()", "position of the largest number in the whole table"),
    case("03.1", "network_answers.argmax(axis=0)", "With `axis=0` you asked each column"),
    case("03.1", "network_answers.max(axis=1)", "the largest probabilities themselves"),
    case("03.1", "network_answers.argmin(axis=1)", "least probable"),
    case("03.1", "network_answers.argmin(axis=0)", "With `axis=0`"),
    case("03.1", "right + 1", "off by one"),
    case("03.1", "right - 1", "off by one"),
    case("03.1", "np.sort(right)", "sorted"),
    case("03.1", "right[::-1]", "the first comes last"),
    case("03.1", "np.roll(right, 1)", "one place off"),
    case("03.1", "-right", "wrong sign"),
    case("03.1", "right * 0", "only zeros"),
    case("03.1", "network_answers.argsort(axis=1)[:, -2]", "second most probable"),
    case("03.1", "network_answers.argsort(axis=1)", "ten numbers for each answer"),
    case("03.1", "network_answers.round().argmax(axis=1)", "rounded probabilities"),
    case("03.1", "np.eye(10)[right]", "one-hot rows"),
    case("03.1", "np.eye(10)[right].T", "expected six digits, one for each row of shape (6,)"),
    case("03.1", "network_answers", "ten numbers for each answer"),
    case("03.1", "network_answers == network_answers.max(axis=1, keepdims=True)", "ten numbers for each answer"),
    case("03.1", "network_answers.argmax(axis=1, keepdims=True)", "`keepdims`"),
    case("03.1", "right[np.newaxis]", "it has the shape (1, 6)"),
    case("03.1", "right.astype(float)", "dtype is float64, expected whole numbers"),
    case("03.1", "right == 3", "the result of a comparison"),
    case("03.1", "right[0]", "digit of the first row alone"),
    case("03.1", "right[:5]", "array of shape (5,), expected six digits"),
    case("03.1", "np.where(np.arange(6) == 2, 9, right)", "1 of the 6 numbers in `read_digits` are not right"),
    case("03.1", "network_answers.argmax", "parentheses"),
    case("03.1", "[str(digit) for digit in right]", "looks like a number"),
    case("03.1", "right.astype(str)", "quotes"),
    case("03.1", "' '.join(map(str, right))", "a text"),
    case("03.1", "set(right)", "Which order"),
    case("03.1", "dict(enumerate(right))", "a dict with 6 entries"),
    case("03.1", "map(int, right)", "has not been computed yet"),
    case("03.1", "None", "nothing (None)"),
    case("03.1", "...", "not attempted"),
    case("03.1", "right", "`network_answers` is not as the lesson made it", network_answers="network_answers * 100"),
    case("03.1", "right", "`network_answers` is not as", network_answers="network_answers[::-1]", never="✗"),
    case("03.1", "right", "`network_answers` is not as", network_answers="'text'", never="✗"),
    # --- 03.2
    *(case("03.2", name) for name in ("right", "prints", "by_keras", "lambda n, k: np.eye(k, dtype=int)[n]")),
    case("03.2", "lambda labels, num_classes: (labels[:, None] == np.arange(num_classes)).astype(int)"),
    case("03.2", "lambda labels, num_classes: keras.utils.to_categorical(labels, num_classes)"),
    case("03.2", "lambda labels, n: np.eye(10)[labels]", "rows of 10 numbers"),
    case("03.2", "lambda labels, n: np.eye(labels.max() + 1)[labels]", "just long enough for its largest label"),
    case("03.2", "on_eye(lambda rows, labels: rows.T)", "a column for each label"),
    case("03.2", "filled(lambda rows, labels: rows.__setitem__((slice(None), labels), 1))", "a 1 for every label"),
    case("03.2", "filled(lambda rows, labels: rows.__setitem__(labels[labels < len(rows)], 1))", "whole rows were set"),
    case("03.2", "on_eye(lambda rows, labels: rows * 0 + 1)", "whole rows were set"),
    case("03.2", "filled(lambda rows, labels: rows.__setitem__(labels, 1))", "whole rows were set"),
    case("03.2", "filled(lambda rows, labels: None)", "has only zeros"),
    case("03.2", "lambda labels, num_classes: np.eye(num_classes)[labels - 1]", "one place too far to the left"),
    case("03.2", "on_eye(lambda rows, labels: np.roll(rows, 1, axis=1))", "one place too far to the right"),
    case("03.2", "on_eye(lambda rows, labels: rows[:, ::-1])", "counted from the right"),
    case("03.2", "on_eye(lambda rows, labels: rows * labels[:, None])", "has the label itself"),
    case("03.2", "on_eye(lambda rows, labels: 1 - rows)", "1 everywhere else"),
    case("03.2", "on_eye(lambda rows, labels: 100 * rows)", "has 100 at the right places"),
    case("03.2", "on_eye(lambda rows, labels: -rows)", "wrong sign"),
    case("03.2", "on_eye(lambda rows, labels: rows / 100)", "a hundred times too small"),
    case("03.2", "on_eye(lambda rows, labels: labels)", "gives back the labels"),
    case("03.2", "on_eye(lambda rows, labels: rows[0])", "a single row"),
    case("03.2", "on_eye(lambda rows, labels: rows[:-1])", "expected a row for each label"),
    case(
        "03.2", "on_eye(lambda rows, labels: rows.ravel())", "The values of `one_hot(np.array([2, 0, 1]), 5)` are right"
    ),
    case("03.2", "on_eye(lambda rows, labels: rows[::-1])", "the first comes last"),
    case("03.2", "on_eye(lambda rows, labels: rows == 1)", "True and False at the right places"),
    case("03.2", "lambda labels, n: np.eye(n + 5)[np.array([5, 0, 4])]", "[5, 0, 4], the lesson's labels"),
    case("03.2", "returns_in_loop", "ones in one row only"),
    case("03.2", "single_row", "a single row, expected one for each label"),
    case("03.2", "no_return", "returns nothing"),
    case("03.2", "ellipsis_left", "still returns `...`"),
    case("03.2", "starter", "not attempted"),
    case("03.2", "lambda labels, num_classes: ...", "not attempted"),
    case("03.2", "lambda labels, num_classes: (labels, ...)", "still returns `...`"),
    case("03.2", "changes_labels", "changes the labels"),
    case("03.2", "lambda labels, n: np.eye(n + 1)[labels]", "one number too many"),
    case("03.2", "lambda labels, n: np.zeros(len(labels), n)", "ends in a TypeError"),
    case("03.2", "lambda labels: np.eye(10)[labels]", "ends in a TypeError"),
    case("03.2", "overflows", "type uint8"),
    case("03.2", "asserts", "an `assert` that does not hold"),
    case("03.2", "leaves", "ends in a SystemExit"),
    case("03.2", "np.eye(10)[[2, 0, 1]]", "a float64 array of shape (3, 10), expected a function"),
    case("03.2", "lambda labels, num_classes: 'rows'", "a text (str)"),
    case("03.2", "lambda labels, num_classes: np.full((len(labels), num_classes), np.nan)", "NaN"),
    case("03.2", "lambda labels, n: np.random.default_rng(0).random((len(labels), n))", "are not right, the first"),
    # --- 03.3
    *(
        case("03.3", source)
        for source in ("right", "sum" + L + " / 100", "np.array([right], 'float32')", "float(f'{right:.3g}')")
    ),
    case("03.3", "-np.log(batch_answers[batch_truths == 1]).mean()"),
    case("03.3", "keras.ops.mean(keras.losses.categorical_crossentropy(batch_truths, batch_answers))"),
    case("03.3", f"{L}.sum()", "the sum of the losses, expected their mean"),
    case("03.3", f"-{L}.mean()", "is negative"),
    case("03.3", f"-{L}.sum()", "a sum, and negative"),
    case("03.3", "-(batch_truths * np.log(batch_answers)).mean()", "a tenth of the loss"),
    case("03.3", "(batch_truths * np.log(batch_answers)).mean()", "a mean over all entries"),
    case("03.3", "-(batch_truths * np.log10(batch_answers)).sum(1).mean()", "`np.log10`"),
    case("03.3", "-(batch_truths * np.log2(batch_answers)).sum(1).mean()", "`np.log2`"),
    case("03.3", f"-np.log({P}.mean())", "the loss of the mean probability"),
    case("03.3", f"{P}.mean()", "no logarithm was taken"),
    case("03.3", f"1 - {P}.mean()", "no logarithm was taken"),
    case("03.3", P, "probabilities of the true digits"),
    case("03.3", "-np.log(batch_answers.max(axis=1)).mean()", "the largest probability of each row"),
    case("03.3", "-np.log(batch_answers).mean()", "one-hot rows were left out"),
    case("03.3", "-np.log(batch_answers).sum(axis=1).mean()", "one-hot rows were left out"),
    case("03.3", "((batch_truths - batch_answers) ** 2).mean()", "mean squared error"),
    case("03.3", "abs(batch_truths - batch_answers).mean()", "mean absolute error"),
    case("03.3", "(batch_answers.argmax(1) == batch_truths.argmax(1)).mean()", "the accuracy"),
    case("03.3", "keras.losses.categorical_crossentropy(batch_answers, batch_truths).numpy().mean()", "exchanged"),
    case("03.3", "-(batch_answers * np.log(batch_answers)).sum(1).mean()", "the entropy of the answers"),
    case("03.3", f"{L}.sum() / 10", "divided by the number of classes"),
    case("03.3", "np.log(10)", "having no idea"),
    case("03.3", "np.exp(right)", "e to the power of the loss"),
    *(case("03.3", f"round(right, {digits})", "rounded too far") for digits in (0, 1)),
    case("03.3", f"{L}[0]", "the first of the losses alone"),
    case("03.3", f"{L}[-1]", "the last of the losses alone"),
    case("03.3", f"np.median({L})", "the median of the losses"),
    case("03.3", f"{L}.std()", "the standard deviation"),
    case("03.3", L, "holds all 100 losses, expected their mean"),
    case("03.3", f"{L}.tolist()", "holds all 100 losses"),
    case("03.3", f"-{L}", "and they are negative"),
    case("03.3", "-batch_truths * np.log(batch_answers)", "not added up yet"),
    case("03.3", "(right, 0.1)", "2 numbers, and one of them is right"),
    case("03.3", "100", "how many losses there are"),
    case("03.3", "right ** 2", "the square of the right number"),
    case("03.3", "right * 100", "the sum of the losses"),
    case("03.3", "1 / right", "1 divided by the right number"),
    case("03.3", "str(right)", "looks like a number"),
    case("03.3", "f'{right:.2f}'", "looks like a number"),
    case("03.3", "np.nan", "NaN"),
    case("03.3", "1e308", "more than the mean cross-entropy"),
    case("03.3", "4.2", "more than the mean cross-entropy"),
    case("03.3", "True", "a truth value"),
    case("03.3", "right", "`batch_truths` is not as", batch_truths="batch_truths[::-1]", never="✗"),
    case("03.3", "right", "`batch_truths` is not as", batch_truths="batch_truths == 1", never="✗"),
    case(
        "03.3",
        "right",
        "`batch_truths` and `batch_answers` are",
        batch_truths="batch_answers",
        batch_answers="batch_truths",
    ),
]
