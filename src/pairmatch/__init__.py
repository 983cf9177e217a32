"""Mentor-mentee pairs, coaching triads and peer groups of teachers: best possible, with proof."""
