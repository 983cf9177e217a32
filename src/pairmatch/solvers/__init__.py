"""Solvers and checks: integers and indices only, nothing of people."""
