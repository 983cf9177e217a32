"""Triads from pools of the best triads at prices of people."""
