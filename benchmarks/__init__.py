"""How fast and how small the course is, beside what else there is and the limit of the machine.

Nothing in the course or its lessons imports this; neither the students' edition nor the kit has it.
"""
