#!/usr/bin/env bash
# SciPy draws contingency tables with negative counts where there is one row or one column.
#
# Package      scipy 1.17.1 and numpy 2.4.6 from PyPI.
# Input        valid: `random_table(row, col).rvs(...)` with row sums [5] and column sums [2, 3], and turned round. Only one such table exists: [[2, 3]].
# Expected     That table in every draw, whatever the method. The sums of each row and column of a draw are those that were asked for.
# Seen         method='patefield' gives [[2, -2]]: a negative count, a row that sums to 0 instead of 5. The default does so too, as it chooses that method here.
#              method='boyett' is right, and so are all methods for two rows and two columns. No error, no warning.
# Who is hit   Permutation tests within strata: one table a stratum, and a stratum in which all cases belong to one group, or gave one answer, has one row or column.
# Way out      Take the table itself where it has one row or one column, or method='boyett'.
#
# Output:
#   scipy 1.17.1, numpy 2.4.6
#     rows [5], columns [2, 3]: patefield [[2, -2]], default [[2, -2]], boyett [[2, 3]]
#     rows [2, 3], columns [5]: patefield [[2], [-2]], default [[2], [-2]], boyett [[2], [3]]
#     rows [2, 3], columns [1, 4]: right with all methods
#     warnings: none
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6 || { echo "scipy 1.17.1 cannot be installed here."; exit 2; }

cat > "$folder/show.py" <<'PYTHON'
import sys, warnings
import numpy, scipy
from scipy.stats import random_table

METHODS = {"patefield": "patefield", "default": None, "boyett": "boyett"}


def drawn(row, col):
    return {name: random_table(row, col).rvs(size=100, method=method, random_state=0) for name, method in METHODS.items()}


def right(tables, row, col):
    return bool((tables >= 0).all() and (tables.sum(2) == row).all() and (tables.sum(1) == col).all())


print(f"scipy {scipy.__version__}, numpy {numpy.__version__}")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    as_stated = []
    for row, col in (([5], [2, 3]), ([2, 3], [5])):
        found = drawn(row, col)
        print(f"  rows {row}, columns {col}:", ", ".join(f"{name} {tables[0].tolist()}" for name, tables in found.items()))
        as_stated.append({name: right(tables, row, col) for name, tables in found.items()} == dict(patefield=False, default=False, boyett=True))
    two = all(right(tables, [2, 3], [1, 4]) for tables in drawn([2, 3], [1, 4]).values())
    print("  rows [2, 3], columns [1, 4]:", "right with all methods" if two else "wrong")
print("  warnings:", [str(w.message) for w in said] or "none")
sys.exit(0 if all(as_stated) and two and not said else 1)
PYTHON

"$folder/venv/bin/python" "$folder/show.py"
