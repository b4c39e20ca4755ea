"""Cases of lesson 06: made-up predictions of the UCI digits, and the ten trainings that were recorded."""

import numpy as np

from course_utils.evaluation import accuracy_interval
from tests.course_utils.exercises.cases import case


def table(test_labels, predictions):
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (test_labels, predictions), 1)
    return confusion


def mistakes(test_labels, predictions):
    return table(test_labels, predictions) * (1 - np.eye(10, dtype=int))


def with_wilson(p=0.9844, half_width=0.001):
    sizes = np.arange(50_000, 70_000)
    widths = [np.subtract(*accuracy_interval(p * size, size)[::-1]) / 2 for size in sizes]
    return sizes[np.argmin(np.abs(np.array(widths) - half_width))]


M = "mistakes(test_labels, predictions)"
B = f"({M} + {M}.T)"
HIGHEST = "probabilities.max(axis=1)"
A = f"({HIGHEST} >= 0.9)"
R = "(probabilities.argmax(axis=1) == test_labels)"
TRUE_DIGIT = "(probabilities[np.arange(len(test_labels)), test_labels] >= 0.9)"
P = "test_accuracy"
VARIANCE = "(test_accuracy * (1 - test_accuracy))"
G = "(val_accuracy[:, 29] - val_accuracy[:, 19])"
E = f"({G}.std(ddof=1) / 10 ** 0.5)"
BEFORE, AFTER = "val_accuracy[:, 19]", "val_accuracy[:, 29]"

CASES = [
    *(
        case("06.1", f"({pair}, 7)")
        for pair in ("(4, 9)", "[9, 4]", "np.array([4.0, 9.0])", "(np.int64(4), np.uint8(9))")
    ),
    case("06.1", f"(np.unravel_index({B}.argmax(), (10, 10)), {B}.max())"),
    case("06.1", f"(np.where(np.triu({B}) == 7), np.float32(7))"),
    case("06.1", f"(np.argwhere({B} == 7)[1], [7])"),
    case("06.1", f"(keras.ops.array([4, 9]), {M}[4, 9] + {M}[9, 4])"),
    case("06.1", "((7, 7), 6)", "A 7 read as a 7 is no confusion"),
    case(
        "06.1", f"(np.unravel_index(({B} + table(test_labels, predictions)).argmax(), (10, 10)), 7)", "is no confusion"
    ),
    case("06.1", f"(np.unravel_index({M}.argmax(), (10, 10)), 7)", "most often in one direction, but not in both"),
    case("06.1", f"(np.unravel_index({M}.argmax(), (10, 10)), 5)", "`num_confusions` is not right either"),
    case("06.1", "((2, 7), 6)", "most often in one direction, but not in both"),
    case("06.1", "((3, 5), 2)", "3 and 5 were confused 2 times in both directions", never="one direction,"),
    case("06.1", "((0, 1), 7)", "0 and 1 were confused 0 times", never="4 and 9"),
    case("06.1", "(49, 7)", "a position in the flattened table"),
    case("06.1", f"({B}.argmax(), 7)", "a position in the flattened table"),
    case("06.1", "(4, 7)", "a single number, expected two digits"),
    case("06.1", f"(np.argwhere({B} == 7), 7)", "holds 2 pairs, expected one"),
    case("06.1", "((4, 9, 7), 7)", "shape (3,)"),
    case("06.1", f"({B}, 7)", "an int64 array of shape (10, 10), expected two digits"),
    case("06.1", "((4, 10), 7)", "The digits go from 0 to 9; `confused_pair` has 4 and 10"),
    case("06.1", "((4.5, 9), 7)", "has 4.5 and 9"),
    case("06.1", "((-4, 9), 7)", "has -4 and 9"),
    case("06.1", "('49', 7)", "looks like a number"),
    case("06.1", "('4 and 9', 7)", "a text (str)"),
    case("06.1", "({4, 9}, 7)", "Which order"),
    case("06.1", "({4: 9}, 7)", "a dict"),
    case("06.1", "(('4', '9'), 7)", "expected two digits"),
    case("06.1", "(None, 7)", "nothing (None)"),
    case("06.1", "((4, ...), 7)", "`confused_pair` is still missing"),
    case("06.1", "((4, 9), 4)", "one direction only: a 4 read as a 9"),
    case("06.1", "((4, 9), 3)", "one direction only: a 9 read as a 4"),
    case("06.1", "(..., 4)", "one direction only.", never="a 4 read"),
    case("06.1", "((4, 9), 14)", "counts each confusion twice", never="More than"),
    case("06.1", "((4, 9), 3.5)", "expected a whole number"),
    case("06.1", f"((4, 9), {M}.sum())", "counts all mistakes", never="More than"),
    case("06.1", "((4, 9), (predictions == test_labels).sum())", "counts all right answers"),
    case("06.1", "((4, 9), table(test_labels, predictions)[[4, 9], [4, 9]].sum())", "classified correctly"),
    case(
        "06.1", "((4, 9), table(test_labels, predictions)[np.ix_([4, 9], [4, 9])].sum())", "the right answers as well"
    ),
    case("06.1", "((4, 9), 1)", "the difference of the two directions"),
    case("06.1", f"((4, 9), {M}.max())", "the most frequent confusion in one direction"),
    case("06.1", "((4, 9), 6)", "just beside the right number"),
    case("06.1", "((4, 9), 7 / len(test_labels))", "expected a whole number"),
    case("06.1", f"((4, 9), 7 / {M}.sum())", "expected a whole number"),
    case("06.1", "((4, 9), table(test_labels, predictions).max())", "on the diagonal"),
    case("06.1", "((4, 9), (4, 3))", "expected a number of images"),
    case("06.1", "((4, 9), '7')", "looks like a number"),
    case("06.1", "((4, 9), 77)", "more than it should be", never="70"),
    case("06.1", "((4, 9), ...)", "`num_confusions` is still missing"),
    case("06.1", "right", "`test_labels` is not as", test_labels="test_labels[::-1]", never="✗"),
    case("06.1", "right", "`predictions` is not as", predictions="predictions[::-1]", never="✗"),
    case("06.1", "right", "`predictions` is not as", predictions="predictions == test_labels", never="✗"),
    # --- 06.2
    *(case("06.2", source) for source in ("right", "[round(each, 3) for each in right]", "np.float32(right)[:, None]")),
    case("06.2", f"({A}.sum() / len({A}), {R}[{A}].sum() / {A}.sum())"),
    case("06.2", f"({A}.mean(), keras.ops.mean({R}[{A}]))"),
    case("06.2", "right[::-1]", "exchanged"),
    case("06.2", "(1 - right[0], right[1])", "the share of refused images"),
    case("06.2", f"({A}.sum(), right[1])", "the number of the answered images, expected their share"),
    case("06.2", f"((~{A}).sum(), right[1])", "the number of the others"),
    case("06.2", "(100 * right[0], 100 * right[1])", "`answered_share` is a percentage"),
    case("06.2", f"({TRUE_DIGIT}.mean(), 1.0)", "the network does not know the label"),
    case("06.2", f"({TRUE_DIGIT}.sum(), right[1])", "counts only right answers"),
    case("06.2", f"(({A} & {R}).mean(), right[1])", "counts only right answers"),
    case("06.2", "((probabilities >= 0.9).mean(), right[1])", "all ten probabilities"),
    case("06.2", "((probabilities.max(axis=0) >= 0.9).mean(), right[1])", "as if every image got an answer"),
    case("06.2", f"({R}.mean(), right[1])", "the accuracy on all images"),
    case("06.2", f"({HIGHEST}.mean(), right[1])", "the mean of the largest probabilities"),
    case("06.2", f"({HIGHEST}, right[1])", "the largest probability of each image"),
    case("06.2", "(probabilities >= 0.9, right[1])", "compares all ten probabilities"),
    case("06.2", f"(({HIGHEST} >= 0.95).mean(), right[1])", "less than the share of images"),
    case("06.2", f"({A}, right[1])", "a mask of 297 entries"),
    case("06.2", f"(~{A}, right[1])", "a mask of the images that were refused"),
    case("06.2", f"({A}[0], right[1])", "a truth value"),
    case("06.2", "(0.5, right[1])", "less than the share of images", never="0.8"),
    case("06.2", "(0, right[1])", "less than the share of images"),
    case("06.2", "(round(right[0], 1), right[1])", "rounded too far"),
    case("06.2", "(str(right[0]), right[1])", "looks like a number"),
    case("06.2", "(f'{right[0]:.1%}', right[1])", "looks like a number"),
    case("06.2", "(float('nan'), right[1])", "NaN"),
    case("06.2", "(right[0], 100 * right[1])", "`answered_accuracy` is a percentage"),
    case("06.2", "(right[0], 1 - right[1])", "the share of wrong answers"),
    case("06.2", f"(right[0], (~{R}[{A}]).sum())", "the number of the others"),
    case("06.2", f"(right[0], {R}.mean())", "as if nothing were refused"),
    case("06.2", f"(right[0], ({A} & {R}).mean())", "each refusal counts as a mistake"),
    case("06.2", f"(right[0], ({R} | ~{A}).mean())", "each refusal as a right answer"),
    case("06.2", f"(right[0], {R}[~{A}].mean())", "on the images that were refused"),
    case("06.2", f"(right[0], ({R} & {A}).sum())", "the number of the right answers"),
    case("06.2", f"(right[0], ({R} & {A}).sum() / {R}.sum())", "share of all right answers that are kept"),
    case("06.2", "(right[0], 1.0)", "whose *true* digit has a high probability"),
    case("06.2", "(right[0], right[0])", "the share of answered images"),
    case("06.2", f"(right[0], {HIGHEST}[{A}].mean())", "the mean probability of the answers"),
    case("06.2", f"(right[0], {R})", "also of refused ones"),
    case("06.2", f"(right[0], {R}[{A}])", "is a mask of"),
    case("06.2", f"(right[0], probabilities.argmax(axis=1)[{A}])", "the predictions themselves"),
    case("06.2", "(right[0], 0.5)", "less than the accuracy on the images that were answered"),
    case("06.2", "(..., right[1])", "`answered_accuracy` is right. `answered_share` is still missing"),
    case("06.2", "(right[0], np.mean)", "parentheses"),
    case("06.2", "right", "`probabilities` is not as", probabilities="100 * probabilities", never="✗"),
    case("06.2", "right", "`probabilities` is not as", probabilities="probabilities[::-1]", never="✗"),
    case("06.2", "right", "`threshold` is not as", threshold="0.5", never="✗"),
    case("06.2", "right", "`test_labels` is not as", test_labels="test_labels == 1", never="✗"),
    # --- 06.3
    *(case("06.3", source) for source in ("right", "59_000", "58_994", "[round(right, -3)]", "np.float32(right)")),
    case("06.3", f"4 * {VARIANCE} / 1e-6"),
    case("06.3", "with_wilson()"),
    case("06.3", f"int(np.ceil(1.96 ** 2 * {VARIANCE} / half_width ** 2))"),
    case("06.3", "1.959964 ** 2 * 0.05 * 0.95 / 1e-6", test_accuracy="0.95"),
    case("06.3", "right", "too", test_accuracy="0.95"),
    case("06.3", "right / 1e4", "for ± 0.1, which is ± 10 %"),
    case("06.3", "5.9", "for ± 0.1, which is ± 10 %"),
    case("06.3", "right / 100", "for ± 0.01, which is ± 1 %"),
    case("06.3", "right * 1e4", "for ± 1e-05, which is ± 0.001 %"),
    case("06.3", f"{VARIANCE} / 1e-6", "one standard error as large as the half width"),
    case("06.3", "15_400", "one standard error as large as the half width"),
    case("06.3", "right / 1.96", "the square of z is missing"),
    case("06.3", "right / 1.96 * 2", "z is multiplied by 2"),
    case("06.3", "right * 4", "for ± 0.0005: the whole interval"),
    case("06.3", "right / 4", "for ± 0.002"),
    case("06.3", "np.sqrt(right)", "the square root of the right number"),
    case(
        "06.3", f"num_images * 1.96 * np.sqrt({VARIANCE} / num_images) / 1e-3", "in proportion to the number of images"
    ),
    case("06.3", "right - num_images", "besides the 297 that there are"),
    case("06.3", "right / num_images", "how many times as many"),
    case("06.3", "1.96 ** 2 / 4 / 1e-6", "an accuracy of 50 %"),
    case("06.3", f"1.96 ** 2 * {P} / 1e-6", "the factor 1 - p is missing"),
    case("06.3", f"1.96 ** 2 * (1 - {P}) / 1e-6", "the factor p is missing"),
    case("06.3", "1.96 ** 2 / 1e-6", "the factor p (1 - p) is missing"),
    case("06.3", f"1.96 ** 2 * {P} ** 2 / 1e-6", "p was squared"),
    case("06.3", f"1.96 ** 2 * np.sqrt({VARIANCE}) / 1e-6", "still a root of p (1 - p)"),
    case("06.3", f"1.96 ** 2 * {VARIANCE} / 1e-3", "the square of the half width is missing"),
    case("06.3", f"1.96 * {VARIANCE} / 1e-3", "both squares are missing"),
    case("06.3", f"{VARIANCE} / 1e-3", "the factor z² and the square of the half width"),
    case("06.3", "num_images", "how many images there are"),
    case("06.3", "-right", "no number of images", never="square"),
    case("06.3", "0", "no number of images"),
    case("06.3", "40_000", "the interval would be ± 0.001214, too wide", never="58"),
    case("06.3", "100_000", "narrower than asked"),
    case("06.3", "1e-9", "too wide", never="percent"),
    case("06.3", "1e308", "narrower than asked"),
    case("06.3", "60_000", "rounded too far"),
    case("06.3", "'59,000'", "a text"),
    case("06.3", "'59000'", "looks like a number"),
    case("06.3", "np.inf", "infinite"),
    case("06.3", "10 ** 400", "too large"),
    case("06.3", "(58_000, 59_000)", "2 numbers, and one of them is right"),
    case("06.3", "range(10, 20)", "expected a number of images"),
    case("06.3", "True", "a truth value"),
    case("06.3", "lambda h: right", "parentheses"),
    case("06.3", "right", "`test_accuracy` is not as", test_accuracy="98.44", never="✗"),
    case("06.3", "right", "`num_images` is not as", num_images="10_000", never="✗"),
    case("06.3", "right", "`half_width` is not as", half_width="0.1", never="✗"),
    # --- 06.4
    *(case("06.4", source) for source in ("right", "[float(f'{each:.3g}') for each in right]", "np.float32(right)")),
    case("06.4", f"({AFTER}.mean() - {BEFORE}.mean(), np.sqrt({G}.var(ddof=1) / 10))"),
    case("06.4", f"(sum({G}) / 10, np.sqrt((({G} - {G}.mean()) ** 2).sum() / 9 / 10))"),
    case("06.4", "right[::-1]", "exchanged"),
    case("06.4", "(-right[0], right[1])", "`mean_gain` has the wrong sign"),
    case("06.4", "(100 * right[0], 100 * right[1])", "`mean_gain` is in percentage points"),
    case("06.4", f"({G}.sum(), right[1])", "the sum of the gains"),
    case("06.4", f"(({AFTER} - val_accuracy[:, 20]).mean(), right[1])", "the gain from epoch 21 to epoch 30"),
    case(
        "06.4",
        "((val_accuracy[:, 28] - val_accuracy[:, 18]).mean(), right[1])",
        "the gain from epoch 19 to epoch 29",
    ),
    case("06.4", f"((val_accuracy[:, 28] - {BEFORE}).mean(), right[1])", "the gain from epoch 20 to epoch 29"),
    case("06.4", f"(({AFTER} - val_accuracy[:, 18]).mean(), right[1])", "the gain from epoch 19 to epoch 30"),
    case("06.4", f"(({AFTER} - val_accuracy[:, 9]).mean(), right[1])", "the gain from epoch 10 to epoch 30"),
    case("06.4", f"(({BEFORE} - val_accuracy[:, 9]).mean(), right[1])", "the gain from epoch 10 to epoch 20"),
    case("06.4", f"(({AFTER} - val_accuracy[:, 0]).mean(), right[1])", "the gain from epoch 1 to epoch 30"),
    case("06.4", "(right[0] / 10, right[1])", "the mean gain of a single epoch"),
    case("06.4", f"({AFTER}.mean(), right[1])", "mean accuracy after thirty epochs"),
    case("06.4", f"({BEFORE}.mean(), right[1])", "mean accuracy after twenty epochs"),
    case("06.4", f"(({AFTER} / {BEFORE} - 1).mean(), right[1])", "is a share of the accuracy before"),
    case("06.4", "((val_accuracy[-1] - val_accuracy[0]).mean(), right[1])", "the last seed with the first"),
    case("06.4", f"((val_accuracy[:, 20:].max(axis=1) - {BEFORE}).mean(), right[1])", "chance has chosen"),
    case("06.4", "(val_accuracy[:, 20:].mean() - val_accuracy[:, 10:20].mean(), right[1])", "means of ten epochs each"),
    case("06.4", f"(np.median({AFTER}) - np.median({BEFORE}), right[1])", "may be right", never="epoch"),
    case("06.4", f"(abs({G}).mean(), right[1])", "without their signs"),
    case("06.4", f"({G}, right[1])", "holds all 10 gains"),
    case("06.4", f"(-{G}, right[1])", "with the wrong sign"),
    case("06.4", f"(np.median({G}), right[1])", "the median of the gains"),
    case("06.4", "(round(right[0], 3), right[1])", "rounded too far"),
    case("06.4", "(0.5, right[1])", "more than the mean gain from the twentieth epoch"),
    case("06.4", f"(right[0], {G}.std(ddof=1))", "how far a single gain lies from the mean"),
    case("06.4", f"(right[0], {G}.std() / np.sqrt(10))", "lacks `ddof=1`"),
    case("06.4", f"(right[0], {G}.std())", "and without `ddof=1`"),
    case("06.4", f"(right[0], {G}.std(ddof=1) / 3)", "divided by √9"),
    case("06.4", f"(right[0], {G}.std(ddof=1) / 10)", "not by its square root"),
    case("06.4", f"(right[0], {G}.std(ddof=1) / np.sqrt(30))", "divided by √30"),
    case("06.4", f"(right[0], {G}.var(ddof=1))", "the variance of the gains"),
    case("06.4", f"(right[0], {G}.var(ddof=1) / 10)", "the square of the right number"),
    case("06.4", "(right[0], 1e-9)", "less than the standard error of the mean gain", never="square"),
    case("06.4", f"(right[0], np.sqrt(({AFTER}.var(ddof=1) + {BEFORE}.var(ddof=1)) / 10))", "different trainings"),
    case("06.4", f"(right[0], {AFTER}.std(ddof=1) / np.sqrt(10))", "that of the accuracy after thirty epochs"),
    case("06.4", f"(right[0], {BEFORE}.std(ddof=1) / np.sqrt(10))", "that of the accuracy after twenty epochs"),
    case("06.4", "(right[0], 100 * right[1])", "`standard_error` is in percentage points"),
    case("06.4", "(right[0], 1.96 * right[1])", "1.96 standard errors"),
    case("06.4", "(right[0], 2 * right[1])", "two standard errors"),
    case("06.4", "(right[0], right[0] / right[1])", "the gain in standard errors"),
    case("06.4", "(right[0], right[0])", "the mean of the gains"),
    case("06.4", "(right[0], '0.0003')", "looks like a number"),
    case("06.4", "(right[0], np.nan)", "NaN"),
    case("06.4", "(right[0], ...)", "`mean_gain` is right. `standard_error` is still missing"),
    case("06.4", "right", "`val_accuracy` is not as", val_accuracy="val_accuracy.T", never="✗"),
    case("06.4", "right", "`val_accuracy` is not as", val_accuracy="100 * val_accuracy", never="✗"),
]
