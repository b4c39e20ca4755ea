"""Work around a fault of TensorFlow 2.21 that makes each epoch of `fit` up to a second longer.

The fault: shutting down a ``tf.data`` pipeline that tunes itself often takes 20 to 600 ms, where 1 ms is enough::

    pipeline = tf.data.Dataset.range(10**6).map(lambda number: number + 1, num_parallel_calls=tf.data.AUTOTUNE)
    batches = iter(pipeline)
    for _ in range(400):
        next(batches)
    del batches  # waits here; not with options.autotune.enabled = False

The cause: the thread that tunes the pipeline sleeps between its rounds, for 10, 20, 40, ... ms. Cancelling notifies
the thread before it sets the flag that the thread then looks at, so the thread goes back to sleep, and the destructor
waits until it wakes up. Keras 3.15 builds such a pipeline from the arrays given to `fit`, for training and for
validation, in every epoch. There is nothing to tune in it: batches and results are the same without, bit for bit.
"""

from __future__ import annotations

import functools

import keras
import tensorflow
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter


def is_affected() -> bool:
    """Tell whether the installed versions have the fault and are those that this workaround was written for."""
    return tensorflow.__version__.startswith("2.21.") and keras.__version__.startswith("3.15.")


def work_around() -> None:
    """Make Keras build its pipelines for arrays without the thread that tunes them."""
    get_tf_dataset = ArrayDataAdapter.get_tf_dataset
    if not is_affected() or hasattr(get_tf_dataset, "__wrapped__"):
        return

    @functools.wraps(get_tf_dataset)
    def get_untuned_dataset(self: ArrayDataAdapter) -> tensorflow.data.Dataset:
        options = tensorflow.data.Options()
        options.autotune.enabled = False
        return get_tf_dataset(self).with_options(options)

    ArrayDataAdapter.get_tf_dataset = get_untuned_dataset
