"""What the lessons of the digit course import: one module per step of the way, in the order data takes.

``data → preprocessing → model → training → evaluation → plotting → widgets``; a module imports only rooms before its
own. Importing this package loads none of them, and no TensorFlow.
"""

import os

from course_utils import quiet_tensorflow

# Read once, when TensorFlow and Keras are first imported; a lesson imports this package before them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
quiet_tensorflow.install()
