"""Mitigations. Importing the package registers them all."""
from . import mitigation
