"""Run every notebook from top to bottom, each in a process of its own. This is the test of all cells without a flag.

`nbdev_test` runs one notebook after the other in the same few processes. A notebook defines again what the package
exports, so the next one could find the methods of the last one in the registry instead of the package's.
"""
import argparse, multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from nbdev.config import get_config
from nbdev.doclinks import nbglob
from nbdev.test import test_nb

HERE = Path(__file__).resolve().parent  # of warm.py


def run(path, **options):  # whether it passed, the seconds it took, and those of the processor
    return *test_nb(path, **options), sum(os.times()[:4])


def forked(task, files, workers):  # each file with what came of it, in the order in which they are done
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["warm"])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        tasks = {pool.submit(task, f): f for f in files}
        for done in as_completed(tasks): yield tasks[done], done.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="nbs", help="a notebook, or a folder of them")
    parser.add_argument(
        "--flags", default="", help="flags of cells to run that are skipped normally, such as 'slow data'"
    )
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    parser.add_argument(
        "--timing", action="store_true", help="print the seconds of each notebook, and those of the processor"
    )
    args = parser.parse_args()
    config = get_config()
    files = sorted(
        (f.absolute() for f in nbglob(args.path, as_path=True)), key=lambda f: (f.parent.name != "tutorials", f)
    )
    if not files: sys.exit(f"No notebook at {args.path}.")
    task = partial(
        run, skip_flags=config.tst_flags.split(), force_flags=args.flags.split(), basepath=config.config_path
    )
    os.chdir(config.nbs_path)
    failed = []
    for path, (passed, seconds, work) in (
        zip(files, map(task, files)) if len(files) == 1 else forked(task, files, args.workers)
    ):
        name = path.relative_to(config.nbs_path.absolute())
        if args.timing or not passed:
            print(f"{seconds:6.0f} s {work:6.0f} s  {name}{'' if passed else '  FAILED'}", flush=True)
        if not passed: failed.append(str(name))
    if failed: sys.exit(f"{len(failed)} of {len(files)} notebooks failed: {', '.join(failed)}")
    print(f"{len(files)} notebooks ran.")


if __name__ == "__main__": main()
