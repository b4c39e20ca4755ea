"""What the cases of lesson 04 use."""

import keras
from keras import layers


def network(
    *, sizes=(64, 32, 10), activations=("relu", "relu", "softmax"), dropout=(1,), rate=0.3, shape=784, **options
):
    """Build the network of the description, or one that differs from it."""
    built = [keras.Input((shape,))]
    for place, (size, activation) in enumerate(zip(sizes, activations, strict=False)):
        built += [layers.Dropout(rate) for at in dropout if at == place]
        built.append(layers.Dense(size, activation, **options))
    return keras.Sequential([*built, *(layers.Dropout(rate) for at in dropout if at >= len(sizes))])


def functional(skips=False, training=None):
    pixels = keras.Input((784,))
    first = layers.Dropout(0.3)(layers.Dense(64, "relu")(pixels), training=training)
    second = layers.Dense(32, "relu")(first)
    last = layers.Dense(10, "softmax")
    return keras.Model(pixels, last(first) if skips else last(second))


def with_layers(*more, at=1):
    built = network().layers
    return keras.Sequential([keras.Input((784,)), *built[:at], *more, *built[at:]])


def adding():
    pixels = keras.Input((784,))
    first = layers.Dropout(0.3)(layers.Dense(64, "relu")(pixels))
    second = layers.Dense(32, "relu")(first)
    return keras.Model(pixels, layers.Dense(10, "softmax")(layers.Concatenate()([first, second])))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(10)

    def call(self, inputs):
        return self.dense(inputs)


def convolutional():
    images = [keras.Input((784,)), layers.Reshape((28, 28, 1)), layers.Conv2D(64, 3), layers.Flatten()]
    return keras.Sequential([*images, layers.Dense(10, "softmax")])


def separate_activations():
    dense = [layers.Dense(64), layers.ReLU(), layers.Dropout(0.3), layers.Dense(32), layers.Activation("relu")]
    return keras.Sequential([keras.Input((784,)), *dense, layers.Dense(10), layers.Softmax()])


def first_pair(count):
    """Return hidden sizes for which a count, right or wrong, gives 100,000 parameters."""
    return next((a, b) for a in range(1, 200) for b in range(1, 20_000) if count(a, b) == 100_000)
