#!/usr/bin/env bash
# nbdev reads one line of a cell option. Quarto's options may take several: a caption loses lines, a list stops the export.
#
# Package      nbdev 2.4.14 with execnb 0.1.18, fastcore 1.12.47, ghapi 1.0.16 and fastgit 0.1.4 from PyPI.
# Input        valid: code cells whose options are YAML as Quarto documents them, `#| ` before each line: a caption of
#              two lines after `fig-cap: |`, and `fig-subcap:` with a list of two captions below it.
# Expected     What Quarto is given has the options that the notebook has; or an error says which option is not read.
# Seen         Each line is taken for an option of its own. The lines of a caption in a block are dropped without a word,
#              but for one whose first word ends with a colon. A key with nothing behind it takes the rest
#              of the cell into its comment when the options are put back. With a list, `nbdev_export` ends in a
#              TypeError about arguments of a processor, which names neither cell nor option.
# Who is hit   Who writes figures with long or several captions in a literate project.
# Way out      One line for each option, however long: fig-subcap: ["left", "right"].
#
# Output:
#   nbdev 2.4.14
#     one line:  #| fig-subcap: ["left", "right"] / x = 1
#     block:     #| fig-cap: | / x = 1
#     list:      #| fig-subcap: x = 1
#     nbdev_export of a list: TypeError
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nbdev==2.4.14 execnb==0.1.18 fastcore==1.12.47 \
  ghapi==1.0.16 fastgit==0.1.4 setuptools || { echo "nbdev 2.4.14 cannot be installed here."; exit 2; }

mkdir -p "$folder/project/nbs"
cat > "$folder/project/settings.ini" <<'INI'
[DEFAULT]
repo = sample
lib_name = sample
lib_path = sample
nbs_path = nbs
doc_path = _docs
user = someone
author = someone
author_email = someone@example.org
description = a sample
title = sample
branch = main
version = 0.0.1
min_python = 3.9
license = apache2
copyright = someone
keywords = sample
language = English
status = 3
recursive = True
custom_sidebar = False
git_url = https://example.org
doc_host = https://example.org
doc_baseurl = /
tst_flags = notest
INI

cat > "$folder/show.py" <<'PYTHON'
import json, subprocess, sys
from importlib.metadata import version
from pathlib import Path
from execnb.nbio import mk_cell
from nbdev.process import extract_directives

root = Path(sys.argv[1])
CELLS = {
    "one line": '#| fig-subcap: ["left", "right"]\nx = 1',
    "block": "#| fig-cap: |\n#|   What is seen on the left.\n#|   What is seen on the right.\nx = 1",
    "list": '#| fig-subcap:\n#|   - "left"\n#|   - "right"\nx = 1',
}


def given_to_quarto(source):
    cell = mk_cell(source)
    extract_directives(cell)  # as for each cell of the site; options that nbdev does not know are put back
    return cell.source


def exported(source):
    cells = [dict(cell_type="code", id=f"cell{i}", metadata={}, outputs=[], execution_count=None, source=s)
             for i, s in enumerate(["#| default_exp core", source])]
    kernel = dict(display_name="python3", language="python", name="python3")
    book = dict(cells=cells, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)
    (root / "nbs" / "00_core.ipynb").write_text(json.dumps(book))
    run = subprocess.run([Path(sys.executable).with_name("nbdev_export")], cwd=root, capture_output=True, text=True)
    return run.stderr.strip().split("\n")[-1].split(":")[0] if run.returncode else "done"


print(f"nbdev {version('nbdev')}")
found = {name: given_to_quarto(source) for name, source in CELLS.items()}
for name, source in found.items(): print(f"  {name + ':':10} {source}".replace("\n", " / "))
ends = {name: exported(source) for name, source in CELLS.items()}
print("  nbdev_export of a list:", ends["list"])
kept = found["one line"] == CELLS["one line"] and ends["one line"] == "done"
lost = "What is seen" not in found["block"] and found["list"].startswith("#| fig-subcap: x = 1")
sys.exit(0 if kept and lost and ends["list"] == "TypeError" else 1)
PYTHON

"$folder/venv/bin/python" "$folder/show.py" "$folder/project"
