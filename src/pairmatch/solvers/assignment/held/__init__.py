"""Assignment problems whose pairs are all held: flows, the dense solver, integer programs."""
