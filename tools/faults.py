"""Faults that people make, a line each: `make mutants` plants them one by one and sees whether a recorded output tells.

To add one, add a `Fault`: what it is, the file, the text as it stands there, and the faulty text. The text must stand
in the file exactly once (in a lesson: in the source of exactly one cell). Which lessons a helper can touch is found out
from what they import.
"""

from __future__ import annotations

from typing import NamedTuple

PREPROCESSING, MODEL, TRAINING = (f"course_utils/{name}.py" for name in ("preprocessing", "model", "training"))
EVALUATION, PLOTTING, DATA = (f"course_utils/{name}.py" for name in ("evaluation", "plotting", "data"))
EXPERIMENTS, HANDWRITING = "course_utils/experiments.py", "course_utils/handwriting.py"
WIDGETS = "course_utils/widgets"
START, LOAD, PREPROCESS, ONE_HOT, BUILD, TRAIN, EVALUATE, PREDICT, CNN = (
    f"notebooks/{name}.ipynb"
    for name in (
        "00_start_here",
        "01_load_and_pickle",
        "02_preprocess",
        "03_one_hot_encode",
        "04_build_the_model",
        "05_train",
        "06_evaluate",
        "07_predict",
        "08_try_a_cnn",
    )
)


class Fault(NamedTuple):
    """What goes wrong, where, and the text before and after."""

    name: str
    file: str
    text: str
    faulty: str


FAULTS = [
    # helpers
    Fault("no division by 255", PREPROCESSING, "vectors /= MAX_PIXEL", "vectors /= 1"),
    Fault("division by 255 twice", PREPROCESSING, "vectors /= MAX_PIXEL", "vectors /= MAX_PIXEL**2"),
    Fault(
        "images flattened column by column",
        PREPROCESSING,
        "images.reshape(len(images), -1)",
        "images.transpose(0, 2, 1).reshape(len(images), -1)",
    ),
    Fault(
        "a helper returns a cached result",
        PREPROCESSING,
        "vectors = images.reshape(len(images), -1).astype(np.float32)",
        'vectors = globals().setdefault("_cached", images.reshape(len(images), -1).astype(np.float32))',
    ),
    Fault("nine classes", PREPROCESSING, "NUM_CLASSES = 10", "NUM_CLASSES = 9"),
    Fault("labels shifted by one", PREPROCESSING, "len(labels)), labels] = 1", "len(labels)), (labels + 1) % 10] = 1"),
    Fault("labels shuffled", PREPROCESSING, "len(labels)), labels] = 1", "len(labels)), np.sort(labels)] = 1"),
    Fault("one-hot with a two", PREPROCESSING, "len(labels)), labels] = 1", "len(labels)), labels] = 2"),
    Fault(
        "softmax left out",
        MODEL,
        'NUM_CLASSES, activation="softmax", name="probabilities"),\n        ],\n        name="mlp"',
        'NUM_CLASSES, name="probabilities"),\n        ],\n        name="mlp"',
    ),
    Fault("sigmoid for ReLU", MODEL, '512, activation="relu"', '512, activation="sigmoid"'),
    Fault("dropout rate changed", MODEL, 'Dropout(0.5, name="dropout_1"', 'Dropout(0.4, name="dropout_1"'),
    Fault("dropout layer dropped", MODEL, 'keras.layers.Dropout(0.2, name="dropout_2"),', ""),
    Fault("layer sizes changed", MODEL, "Dense(256", "Dense(128"),
    Fault("CNN without ReLU", MODEL, 'Conv2D(16, 3, activation="relu"', "Conv2D(16, 3"),
    Fault("kernels added", MODEL, "Conv2D(32, 3", "Conv2D(36, 3"),
    Fault("another loss", MODEL, 'loss="categorical_crossentropy"', 'loss="mean_squared_error"'),
    Fault("weights not loaded", TRAINING, 'model.load_weights(REFERENCE_FOLDER / "mnist.weights.h5")', "pass"),
    Fault("images in another order", DATA, "view = array.view(np.ndarray)", "view = array[::-1].view(np.ndarray)"),
    Fault("90 % interval for 95 %", EVALUATION, "Z_95 = 1.959964", "Z_95 = 1.644854"),
    Fault("only half of an interval", EVALUATION, "centre + half_width", "centre"),
    Fault("colour map inverted", PLOTTING, '"gray_r"', '"gray"'),
    Fault("a figure without its title", PLOTTING, "figure.suptitle(title)", "pass"),
    Fault(
        "a grid off by one", PLOTTING, "zip(axes.flat, np.asarray(images)", "zip(axes.flat, np.roll(images, 1, axis=0)"
    ),
    Fault("a bar at the median", PLOTTING, "[np.mean(values)] * 2", "[np.median(values)] * 2"),
    Fault("results in another order", EXPERIMENTS, "for run in runs]", "for run in reversed(runs)]"),
    Fault("a figure without its alternative", PLOTTING, 'metadata={"image/png": {"alt": alt}}', "metadata={}"),
    Fault(
        "an explorer shows the next digit", f"{WIDGETS}/explorer.py", "return images[index]", "return images[index + 1]"
    ),
    Fault("an explorer skips a step", f"{WIDGETS}/preprocessing.py", "floats / MAX_PIXEL", "floats"),
    Fault(
        "an explorer shows the row before",
        f"{WIDGETS}/one_hot.py",
        "one_hot(np.array([label]))",
        "one_hot(np.array([label - 1]))",
    ),
    Fault("an explorer forgets the biases", f"{WIDGETS}/parameters.py", "inputs * size + size", "inputs * size"),
    Fault(
        "an explorer transposes",
        f"{WIDGETS}/confusion.py",
        "(labels, self._predictions), 1)",
        "(self._predictions, labels), 1)",
    ),
    Fault(
        "a drawing centred by its box", HANDWRITING, "IMAGE_SIZE / 2 - centre + 0.5", "(IMAGE_SIZE - length) / 2 + 0.5"
    ),
    Fault("proportions of a drawing lost", HANDWRITING, "int(length * scale + 0.5)", "BOX_SIZE + 0 * int(length)"),
    Fault(
        "a drawing without grey levels", HANDWRITING, "(width, height), Image.Resampling.BILINEAR", "(width, height), 0"
    ),
    Fault(
        "strokes joined", HANDWRITING, "points[[0, *range(len(points) - 1)]]", "points[[-1, *range(len(points) - 1)]]"
    ),
    # lessons
    Fault("steps rounded down", START, "math.ceil", "math.floor"),
    Fault("test labels counted", LOAD, "counts = np.bincount(train_labels)", "counts = np.bincount(test_labels)"),
    Fault(
        "labels one image late",
        LOAD,
        "zip(axes.flat, train_images, train_labels)",
        "zip(axes.flat, train_images, train_labels[1:])",
    ),
    Fault("image upside down", LOAD, "axis.imshow(image)", "axis.imshow(image[::-1])"),
    Fault("divided by 256", PREPROCESS, "train_vectors /= 255", "train_vectors /= 256"),
    Fault(
        "reshaped in column order",
        PREPROCESS,
        "len(dataset.train_images), 28 * 28)",
        'len(dataset.train_images), 28 * 28, order="F")',
    ),
    Fault(
        "one-hot in row 0 only",
        ONE_HOT,
        "one_hot_labels[np.arange(len(labels)), labels] = 1",
        "one_hot_labels[0, labels] = 1",
    ),
    Fault(
        "logarithm to base 2",
        ONE_HOT,
        'print(f"{-(truth * np.log(answer)).sum():.3f}")',
        'print(f"{-(truth * np.log2(answer)).sum():.3f}")',
    ),
    Fault("biases forgotten", BUILD, "784 * 512 + 512", "784 * 512"),
    Fault("hidden layers swapped", BUILD, "hidden_sizes = (512, 256)", "hidden_sizes = (256, 512)"),
    Fault("softmax without dividing", BUILD, "powers / powers.sum()", "powers"),
    Fault("another optimizer", TRAIN, 'optimizer="adam",\n', 'optimizer="rmsprop",\n'),
    Fault(
        "another batch size",
        TRAIN,
        "batch_size=batch_size,\n    epochs=num_epochs",
        "batch_size=2 * batch_size,\n    epochs=num_epochs",
    ),
    Fault(
        "training on the test set",
        TRAIN,
        "    train_vectors,\n    one_hot_train_labels,\n    validation_data",
        "    test_vectors,\n    one_hot_test_labels,\n    validation_data",
    ),
    Fault(
        "accuracy of the wrong split",
        TRAIN,
        "validation_data=(test_vectors, one_hot_test_labels)",
        "validation_data=(train_vectors, one_hot_train_labels)",
    ),
    Fault("fewer epochs than said", TRAIN, "epochs=num_epochs,", "epochs=num_epochs - 1,"),
    Fault(
        "labels of the curves swapped",
        EVALUATE,
        'history["accuracy"], "-", label="training images"',
        'history["accuracy"], "-", label="test images"',
    ),
    Fault("the wrong curve", EVALUATE, 'history["val_loss"], "--"', 'history["val_accuracy"], "--"'),
    Fault("a plot without its title", EVALUATE, 'title="Model loss", ', ""),
    Fault("epochs counted from zero", EVALUATE, '.argmin(history["val_loss"])) + 1', '.argmin(history["val_loss"]))'),
    Fault("confusion matrix transposed", EVALUATE, "(test_labels, predictions), 1)", "(predictions, test_labels), 1)"),
    Fault("precision for recall", EVALUATE, "confusion.sum(axis=1)", "confusion.sum(axis=0)"),
    Fault(
        "accuracy on training images",
        EVALUATE,
        "preprocess_images(dataset.test_images)",
        "preprocess_images(dataset.train_images[:10_000])",
    ),
    Fault("one standard error for 95 %", EVALUATE, "z = 1.96", "z = 1.0"),
    Fault(
        "deviation from a known mean",
        EVALUATE,
        "deviation = accuracies.mean(), accuracies.std(ddof=1)",
        "deviation = accuracies.mean(), accuracies.std()",
    ),
    Fault("what either network misreads", EVALUATE, "len(one ^ other)", "len(one | other)"),
    Fault(
        "epochs counted one late",
        EVALUATE,
        "val_accuracy[:, epoch - 1], val_loss",
        "val_accuracy[:, epoch - 2], val_loss",
    ),
    Fault(
        "dropout in another order", EVALUATE, "for rate in result.run.dropout)", "for rate in result.run.dropout[::-1])"
    ),
    Fault("who chose is asked", EVALUATE, "accuracy_in_best_epoch(even, odd)", "accuracy_in_best_epoch(odd, odd)"),
    Fault(
        "stopped at the highest loss",
        EVALUATE,
        'np.argmin(result.history["val_loss"]) + 1 for result in held_out',
        'np.argmax(result.history["val_loss"]) + 1 for result in held_out',
    ),
    Fault(
        "grid of other images",
        PREDICT,
        "dataset.test_images[:25], dataset.test_labels[:25]",
        "dataset.test_images[1:26], dataset.test_labels[:25]",
    ),
    Fault("smallest probability for largest", PREDICT, "first_probabilities.argmax", "first_probabilities.argmin"),
    Fault(
        "wrong count in a sentence",
        PREDICT,
        "num_correct = int((predictions == dataset.test_labels).sum())",
        "num_correct = len(predictions)",
    ),
    Fault("a box of another size", PREDICT, "round(20 * length", "round(24 * length"),
    Fault("set into a corner", PREDICT, "round(14 - row), round(14 - column)", "0, 0"),
    Fault("samples labelled in another order", PREDICT, "[digit for digit, _ in", "[9 - digit for digit, _ in"),
    Fault("no frame around a mistake", PREDICT, "axis.spines[:].set(visible=True, linewidth=2, color=ORANGE)", "pass"),
    Fault(
        "kernel slides along the wrong axis", CNN, "column : column + 3] * kernel", "column : column + 3] * kernel.T"
    ),
    Fault(
        "pooling by the mean",
        CNN,
        "pooled = cut_off.reshape(13, 2, 13, 2).max(axis=(1, 3))",
        "pooled = cut_off.reshape(13, 2, 13, 2).mean(axis=(1, 3))",
    ),
    Fault("channels forgotten", CNN, "(3 * 3 * 16 + 1) * 32", "(3 * 3 + 1) * 32"),
    Fault("a network compared with itself", CNN, '"CNN": cnn}', '"CNN": mlp}'),
    Fault(
        "interval without the root",
        CNN,
        "1.96 * losses.std() / np.sqrt(num_images)",
        "1.96 * losses.std() / num_images",
    ),
    Fault("one-sided test", CNN, "num_tosses, 0.5)", 'num_tosses, 0.5, alternative="greater")'),
    Fault(
        "names of two networks exchanged",
        CNN,
        'np.transpose(table), ("MLP", "CNN")',
        'np.transpose(table), ("CNN", "MLP")',
    ),
    Fault("digits moved down for right", CNN, "(0, 0, num_pixels)", "(0, num_pixels, 0)"),
    Fault(
        "responses of another layer",
        CNN,
        'cnn.get_layer("convolution_1").output',
        'cnn.get_layer("convolution_2").output',
    ),
]
