"""For instructors and maintainers: set up, run, record and check the lessons. No lesson imports it."""
