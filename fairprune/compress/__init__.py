"""Methods of compression. Importing the package registers them all, and their layouts with transformers."""
from . import layout, methods, pruning, structure, quantization, distillation, factorization, second_order, recovery
