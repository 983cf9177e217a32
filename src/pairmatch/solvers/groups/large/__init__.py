"""Pools so large that no matrix of them is ever held."""
