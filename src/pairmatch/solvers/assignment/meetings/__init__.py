"""Assignment problems in which every pair needs a meeting slot of its own."""
