"""What the lessons of the digit course import: one module for each step that the data takes.

``data → preprocessing → model → training → evaluation → plotting → widgets``; a module imports only modules to its
left. Importing this package imports none of them, and no TensorFlow.
"""

from course_utils import personal_settings

personal_settings.set_aside()  # TensorFlow and Keras are imported after this package, and read what it leaves
