"""Groups that change as little as asked."""
