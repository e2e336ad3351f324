"""What most notebooks need, imported once in the process from which theirs are forked. Frozen, it is not searched at
each collection of garbage."""
import gc

import datasets, fairlearn.metrics, matplotlib.pyplot, nbdev.test, seaborn, sklearn.linear_model, torch, transformers

gc.freeze()
