"""Mitigations. Importing the package registers them all."""
from . import constraints, losses, mitigation, resampling
