"""Independent checks of what solvers claim: integers and numpy, no solver."""

from pairmatch.solvers.certify.assignment import certify_assignment

__all__ = ["certify_assignment"]
