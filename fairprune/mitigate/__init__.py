"""Mitigations. Importing the package registers them all."""
from . import losses, mitigation, resampling
