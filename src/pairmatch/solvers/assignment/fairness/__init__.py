"""Fair objectives and tiers: the lowest score first, or one kind of pair before another."""
