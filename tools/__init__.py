"""What instructors and CI run; no lesson imports anything from here."""
