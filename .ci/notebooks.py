"""Run the notebooks as `nbdev_test` does, each in a process of its own, tutorials first: they take longest.

`nbdev_test` runs one notebook after the other in the same few processes. A notebook defines again what the package
exports, so the next one could find the methods of the last one in the registry instead of the package's.
"""
import argparse, multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial

from nbdev.config import get_config
from nbdev.doclinks import nbglob
from nbdev.test import test_nb

PRELOAD = ["torch", "transformers", "datasets", "sklearn.linear_model", "fairlearn.metrics", "seaborn"]  # once, not once a notebook


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="nbs", help="a notebook, or a folder of them")
    parser.add_argument("--flags", default="", help="flags of cells to run that are skipped normally, such as 'slow data'")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    parser.add_argument("--timing", action="store_true", help="print the seconds of each notebook")
    args = parser.parse_args()
    config = get_config()
    files = sorted((f.absolute() for f in nbglob(args.path, as_path=True)), key=lambda f: (f.parent.name != "tutorials", f))
    if not files: sys.exit(f"No notebook at {args.path}.")
    run = partial(test_nb, skip_flags=config.tst_flags.split(), force_flags=args.flags.split(), basepath=config.config_path)
    os.chdir(config.nbs_path)
    context = multiprocessing.get_context("forkserver"); context.set_forkserver_preload(PRELOAD)
    failed = []
    with ProcessPoolExecutor(args.workers, mp_context=context, max_tasks_per_child=1) as pool:
        names = {pool.submit(run, f): f.relative_to(config.nbs_path.absolute()) for f in files}
        for done in as_completed(names):
            passed, seconds = done.result()
            if args.timing or not passed: print(f"{seconds:6.0f} s  {names[done]}{'' if passed else '  FAILED'}", flush=True)
            if not passed: failed.append(str(names[done]))
    if failed: sys.exit(f"{len(failed)} of {len(files)} notebooks failed: {', '.join(failed)}")
    print(f"{len(files)} notebooks ran.")


if __name__ == "__main__": main()
