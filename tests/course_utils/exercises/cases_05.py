"""Cases of lesson 05. Trainings take a moment: a small network that over-fits within some epochs."""

from functools import cache

import keras
import numpy as np

from course_utils.preprocessing import one_hot, preprocess_images
from tests.course_utils.exercises.cases import case, example
from tests.course_utils.exercises.conftest import DIGITS

VECTORS, ROWS = preprocess_images(DIGITS.train_images), one_hot(DIGITS.train_labels)
TEST, TEST_ROWS = preprocess_images(DIGITS.test_images), one_hot(DIGITS.test_labels)
N = len(VECTORS) - 500
SHORT = {"epochs": 2, "callbacks": []}  # for what is said before anyone asks when it stopped


def network(loss="categorical_crossentropy", metrics=("accuracy",)):
    keras.utils.set_random_seed(9)
    layers = [keras.Input((784,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.02), metrics=list(metrics))
    model.optimizer.build(model.trainable_variables)
    return model


@cache
def shared():
    """Return one network for all cases, since each new one is compiled for a second, and what it starts from."""
    model = network()
    return model, [np.array(variable) for variable in model.variables + model.optimizer.variables]


def fresh():
    model, start = shared()
    keras.utils.set_random_seed(9)
    for variable, value in zip(model.variables + model.optimizer.variables, start, strict=True):
        variable.assign(value)
    return model


def stopper(**options):
    return keras.callbacks.EarlyStopping(**{"patience": 3, "restore_best_weights": True, **options})


def fit(model=None, vectors=VECTORS, rows=ROWS, **options):
    """Train as the task asks, but for what the options say."""
    usual = {"validation_split": 500 / len(VECTORS), "batch_size": 128, "epochs": 60, "callbacks": [stopper()]}
    return (model or fresh()).fit(vectors, rows, **{**usual, "verbose": 0, **options})


def held_out(vectors, rows, /, **options):
    return fit(validation_split=0.0, validation_data=(vectors, rows), **options)


def batches():
    return [(VECTORS[i : min(i + 128, N)], ROWS[i : min(i + 128, N)]) for i in range(0, N, 128)]


def from_dataset():
    import tensorflow as tf

    learned = tf.data.Dataset.from_tensor_slices((VECTORS[:N], ROWS[:N])).batch(128)
    return held_out(VECTORS[N:], ROWS[N:], vectors=learned, rows=None, batch_size=None, shuffle=False)


def from_generator():
    endless = (batch for _ in range(1000) for batch in batches())
    options = {"rows": None, "batch_size": None, "steps_per_epoch": 8, "shuffle": False}
    return held_out(VECTORS[N:], ROWS[N:], vectors=endless, **options)


def trained_twice(which):
    model = fresh()
    return [fit(model, **SHORT), fit(model, **SHORT)][which]


def recompiled():
    """Return a training of a network that has learned, whose optimizer does not know of it."""
    model = fresh()
    fit(model, epochs=10, callbacks=[])
    model.optimizer.iterations.assign(0)
    return fit(model, **SHORT)


def changed(num_epochs=None, steps=None, **columns):
    """Return the right history with other columns."""
    right, history = example("05.1")[0][0], keras.callbacks.History()
    history.set_model(right.model)
    history.history, history.params = {**right.history, **columns}, dict(right.params)
    history.epoch = list(range(num_epochs or len(right.epoch)))
    history.params["steps"] = steps or right.params["steps"]
    return history


LEARNED = {"vectors": VECTORS[:N], "rows": ROWS[:N]}

V = "history['val_loss']"

CASES = [
    *(case("05.1", source) for source in ("right", "fit()", "from_dataset()", "from_generator()")),
    case("05.1", "held_out(VECTORS[N:], ROWS[N:], **LEARNED)"),
    case("05.1", "fit(callbacks=[stopper(monitor='val_loss', mode='min'), keras.callbacks.TerminateOnNaN()])"),
    case("05.1", "fit(network(loss=keras.losses.CategoricalCrossentropy(), metrics=()))"),
    case("05.1", "fit(network(loss=keras.losses.categorical_crossentropy), validation_batch_size=100)"),
    case("05.1", "held_out(TEST, TEST_ROWS, **LEARNED, **SHORT)", "measured on test images"),
    case("05.1", "held_out(TEST, TEST_ROWS, **SHORT)", "measured on test images"),
    case(
        "05.1", "held_out(VECTORS[:500], ROWS[:500], vectors=VECTORS[500:], rows=ROWS[500:], **SHORT)", "The first 500"
    ),
    case("05.1", "held_out(VECTORS, ROWS, **SHORT)", "images that the network learned from"),
    case("05.1", "held_out(VECTORS[:N], ROWS[:N], **SHORT)", "images that the network learned from"),
    case("05.1", "held_out(VECTORS[N:], ROWS[N:], **SHORT)", "learned from all 1,500 images"),
    case("05.1", "fit(validation_split=0.2, **SHORT)", "The last 300 of the small images were held out"),
    case("05.1", "fit(validation_split=1 / 12, **SHORT)", "The last 125 of the small images were held out"),
    case("05.1", "fit(validation_split=0.41, **SHORT)", "In no epoch is val_loss the loss of this network"),
    case("05.1", "fit(batch_size=None, **SHORT)", "32 steps, expected 8, for 1,000 images in batches of 128"),
    case("05.1", "fit(batch_size=64, **SHORT)", "16 steps, expected 8", never="if you do not give"),
    case("05.1", "changed(steps=32)", "if you do not give `batch_size`"),
    case("05.1", "fit(validation_split=0.0, **SHORT)", "only the columns accuracy, loss"),
    case("05.1", "fit(**SHORT)", "ran to its last epoch, 2, and nothing stopped it"),
    case("05.1", "changed(num_epochs=110)", "It ran 110 epochs, expected at most 100"),
    case("05.1", "fit(callbacks=[stopper(patience=6)])", "6 epochs after the lowest val_loss, expected 3"),
    case("05.1", "fit(validation_freq=2, epochs=4, callbacks=[])", "val_loss was measured after 2 of the 4 epochs"),
    case("05.1", "fit(callbacks=[stopper(patience=0)])", "1 epoch after the lowest val_loss"),
    case("05.1", "fit(callbacks=[stopper(restore_best_weights=False)])", "the weights of its last epoch"),
    case("05.1", "fit(callbacks=[stopper(monitor='val_loss', mode='max')])", "waited for val_loss to rise"),
    case("05.1", "fit(callbacks=[stopper(monitor='accuracy')])", "waited for accuracy to rise"),
    case("05.1", "trained_twice(0)", "has been trained again since"),
    case("05.1", "trained_twice(1)", "was trained before", never="test images"),
    case("05.1", "recompiled()", "the network was not fresh"),
    case("05.1", "fit(network(loss='mse'), **SHORT)", "compiled with the loss mse"),
    case("05.1", "fit(vectors=VECTORS[::-1], **SHORT)", "accuracy never gets above 0.11, near chance"),
    case("05.1", "held_out(VECTORS[N:], ROWS[:500], **LEARNED, **SHORT)", "val_accuracy never gets above"),
    case(
        "05.1",
        "held_out(VECTORS[N:], ROWS[N:], vectors=VECTORS[500:], rows=ROWS[500:], epochs=20)",
        "better than the first",
    ),
    case("05.1", "changed(val_loss=[float('nan')] * 9)", "infinite or NaN"),
    case("05.1", "right.history", "the dictionary inside the history"),
    case("05.1", "right.model", "is the network"),
    case("05.1", "stopper()", "is the callback EarlyStopping, expected the history"),
    case("05.1", "keras.callbacks.History()", "a history without any epoch"),
    case("05.1", "right.model.fit", "was not called"),
    case("05.1", "None", "nothing (None), expected the history"),
    case("05.1", "right.history['val_loss']", "a list with"),
    case("05.1", "dict(right.params)", "a dict"),
    case("05.1", "str(right)", "a text (str)"),
    case("05.1", "0.98", "is a float, expected the history", never="looking"),
    case("05.1", "...", "not attempted"),
    case("05.1", "right", "`small_vectors` is not as", small_vectors="small_vectors * 255", never="✗"),
    case("05.1", "right", "`small_one_hot` is not as", small_one_hot="small_one_hot[::-1]", never="✗"),
    case("05.1", "right", "`small_one_hot` is not as", small_one_hot="dataset.train_labels", never="✗"),
    case("05.1", "right", "`batch_size` is not as", batch_size="12.5", never="✗"),
    case("05.1", "right", "`model` is not as", model="network()", never="✗"),
    case(
        "05.1",
        "fit(network(), **SHORT)",
        "to its last epoch, 2",
        model="right.model",
        never="the network of the lesson",
    ),
    # --- 05.2
    *(case("05.2", source) for source in ("right", "(16, 0.009)", "(np.int64(16), np.float32(right[1]))")),
    case("05.2", f"([16.0], max({V}[-1:]) - min({V}))"),
    case("05.2", "(keras.ops.array(16), f'{right[1]:.5f}' and round(right[1], 5))"),
    case("05.2", "(16, 0.0638 - 0.0548)"),
    case("05.2", "(15, right[1])", "counts the epochs from 0"),
    case("05.2", "(17, right[1])", "one epoch too late"),
    case("05.2", f"(min({V}), right[1])", "the lowest val_loss itself"),
    case("05.2", f"({V}, right[1])", "holds val_loss of every epoch"),
    case("05.2", "(27, right[1])", "where val_accuracy, measured on test images, is highest"),
    case("05.2", "(26, right[1])", "counts from 0, and is where val_accuracy"),
    case("05.2", "(30, right[1])", "where loss, measured on training images, is lowest", never="in epoch 16"),
    case("05.2", "(29, right[1])", "counts from 0, and is where loss"),
    case("05.2", "(1, right[1])", "val_loss, measured on test images, is highest"),
    case("05.2", "(6, right[1])", "In epoch 6 val_loss is 0.0633; there is a lower one. Which", never="or less"),
    case("05.2", "(31, right[1])", "There are 30 epochs, and no epoch 31"),
    case("05.2", "(-14, right[1])", "no epoch -14"),
    case("05.2", "(0, right[1])", "is highest"),
    case("05.2", "(16.5, right[1])", "expected a whole number"),
    case("05.2", "('16', right[1])", "looks like a number"),
    case("05.2", "('Epoch 16/30', right[1])", "a text (str)"),
    case("05.2", "([16, 27], right[1])", "2 numbers, and one of them is right"),
    case("05.2", "(np.argmin, right[1])", "parentheses"),
    case("05.2", "(True, right[1])", "a truth value"),
    case("05.2", f"(16, min({V}) - {V}[-1])", "`best_epoch` is right."),
    case("05.2", f"(16, {V}[-1] / min({V}))", "how many times as high"),
    case("05.2", f"(16, {V}[-1] / min({V}) - 1)", "as a share of the lowest loss"),
    case("05.2", f"(16, 100 * ({V}[-1] / min({V}) - 1))", "in percent of the lowest loss"),
    case("05.2", "(16, 100 * right[1])", "a loss is not a percentage"),
    case("05.2", f"(16, {V}[-1])", "is val_loss in the last epoch"),
    case("05.2", f"(16, min({V}))", "is the lowest val_loss"),
    case("05.2", f"(16, {V}[-1] - {V}[16])", "with the epoch after the best"),
    case("05.2", f"(16, {V}[-1] - {V}[14])", "with the epoch before the best"),
    case("05.2", f"(10, {V}[-1] - {V}[9])", "`rise_since_best` is not right either"),
    case("05.2", f"(..., {V}[-1] - {V}[0])", "compared with the first epoch"),
    case("05.2", f"(16, max({V}) - min({V}))", "from the lowest val_loss to the highest"),
    case("05.2", f"(16, {V}[-1] - history['loss'][-1])", "distance to the training loss in the last epoch"),
    case("05.2", f"(16, {V}[-1] - min(history['loss']))", "the distance to the training loss in the last epoch. Or"),
    case("05.2", "(16, history['loss'][-1] - history['loss'][15])", "was read from the training loss"),
    case("05.2", "(16, max(history['val_accuracy']) - history['val_accuracy'][-1])", "was read from val_accuracy"),
    case("05.2", "(16, history['val_accuracy'][-1] - history['val_accuracy'][15])", "was read from val_accuracy"),
    case("05.2", "(16, 14)", "counts epochs"),
    case("05.2", "(16, 0.5)", "more than val_loss rises"),
    case("05.2", "(16, 0.01)", "rounded too far"),
    case("05.2", "(16, float('nan'))", "NaN"),
    case("05.2", "(16, ...)", "not complete yet. `best_epoch` is right. `rise_since_best` is still missing"),
    case("05.2", "right", "`history` is not as", history="history['val_loss']", never="✗"),
    case("05.2", "right", "`history` is not as", history="{**history, 'val_accuracy': [98.4] * 30}", never="✗"),
    case("05.2", "right", "`history` is not as", history="{'loss': history['loss']}", never="✗"),
    case("05.2", "(2, 0.1)", history="{name: [0.3, 0.2, 0.2, 0.3] for name in history}"),
    case("05.2", "(3, 0.1)", history="{name: [0.3, 0.2, 0.2, 0.3] for name in history}"),
    case("05.2", "(3, 0)", history="{name: [0.3, 0.2, 0.1] for name in history}"),
]
