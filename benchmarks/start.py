r"""How long until a name of the library is there, in a fresh process: seconds of the processor, the median of several.

Side by side with another checkout, in turns, so that both meet the same machine:
  python benchmarks/start.py --against ../old
"""
import argparse, os, resource, statistics, subprocess, sys
from pathlib import Path

NAMES = "Predictions", "compare", "Magnitude", "Int8", "load", "audit"


def seconds(root, name):
    "Processor seconds of a process that imports the package in `root` and asks for one name."
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = os.environ | dict(PYTHONPATH=str(root), OMP_NUM_THREADS="1")
    subprocess.run([sys.executable, "-c", f"import fairprune as fp; fp.{name}"], env=env, cwd=root, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    roots = [Path(__file__).resolve().parents[1], *([given.against.resolve()] if given.against else [])]
    for name in given.names:
        taken = [[seconds(root, name) for root in roots] for _ in range(given.rounds)]
        middle = [statistics.median(t) for t in zip(*taken)]
        ratio = f"  ratio {middle[0] / middle[1]:.2f}" if given.against else ""
        print(f"{name:12}", *(f"{m:6.2f} s" for m in middle), ratio)
