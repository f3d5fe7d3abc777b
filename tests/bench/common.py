"""common.py - where bench.py and images.py work, and how they measure."""
import os
import shutil
import subprocess
import sys
import time

WORK, IMAGES, BIG, REGISTRY, RESULTS, COMMIT = sys.argv[1:7]
BUILD = os.path.realpath("build/release")
MCPD = [f"{BUILD}/mcpd", "--root", f"{WORK}/mcpd", "--runroot", f"{WORK}/mcpd-run"]
BUSYBOX = f"{REGISTRY}/t/busybox"
PODMAN = ["podman", "--root", f"{WORK}/podman", "--runroot", f"{WORK}/podman-run",
          "--storage-driver", "overlay"]
NOTHING = subprocess.DEVNULL


def record(name, value, unit, note=""):
    line = f"{name:<28} {value:>9} {unit:<4} {note}".rstrip()
    print(line, flush=True)
    with open(RESULTS, "a") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {COMMIT} {line}\n")


def call(command, **options):
    """Runs a command, which must succeed, and returns its time in milliseconds."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=NOTHING, stdout=NOTHING, **options)
    status = process.wait()
    taken = (time.perf_counter() - begin) * 1000
    if status != 0:
        raise SystemExit(f"bench: status {status}: {' '.join(command)}")
    return taken


def has(program):
    return shutil.which(program) is not None


def rollup(pid):
    """Proportional set size in KiB, 0 for a process that has gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def status_field(pid, name):
    try:
        with open(f"/proc/{pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))
    except (OSError, StopIteration):
        return 0
