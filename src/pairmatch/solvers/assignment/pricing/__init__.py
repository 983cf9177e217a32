"""Assignment problems of any size: a few pairs of each person at a time, and prices."""
