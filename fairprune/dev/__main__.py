"""Write from the notebooks what nbdev does not: the tests and README.md. With `--check` only say what differs."""
import sys

from . import readme, testgen

if __name__ == "__main__": sys.exit(max(part.main() for part in (testgen, readme)))
