"""Mitigations. Importing the package registers them all."""
from . import attention, constraints, losses, mitigation, resampling
