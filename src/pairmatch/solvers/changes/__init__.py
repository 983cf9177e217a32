"""Plans that change as little as asked: re-matching under a limit of changes."""
