#!/usr/bin/env python3
"""bench.py - measures mcpd beside its peers, interleaved, and prints one line per figure.

    bench.py WORK IMAGES BIG REGISTRY RESULTS COMMIT [start|exec|memory|pull]...

Started by scripts/bench, which prepares WORK (an empty folder), the images, the
registry and the floor program. Each line also goes to RESULTS with the commit.
Only ratios of one run mean something: the rows take turns.
"""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

WORK, IMAGES, BIG, REGISTRY, RESULTS, COMMIT = sys.argv[1:7]
WHAT = sys.argv[7:] or ["start", "exec", "memory", "pull"]
BUILD = os.path.realpath("build/release")
MCPD = [f"{BUILD}/mcpd", "--root", f"{WORK}/mcpd", "--runroot", f"{WORK}/mcpd-run"]
BUSYBOX = f"{REGISTRY}/t/busybox"
BIG_IMAGE = f"{REGISTRY}/bench/big"
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


# --- latency -----------------------------------------------------------------

def interleave(rows, rounds):
    """rows: name -> command. The median of each, the rows taking turns."""
    times = {name: [] for name in rows}
    for command in rows.values():
        call(command)
    for _ in range(rounds):
        for name, command in rows.items():
            times[name].append(call(command))
    return {name: statistics.median(values) for name, values in times.items()}


def make_bundle(rootfs):
    bundle = f"{WORK}/bundle"
    os.mkdir(bundle)
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    with open(f"{bundle}/config.json") as file:
        config = json.load(file)
    config["process"].update(terminal=False, args=["true"])
    config["process"].pop("rlimits", None)
    config["root"] = {"path": rootfs, "readonly": False}
    with open(f"{bundle}/config.json", "w") as file:
        json.dump(config, file)
    return bundle


def start_rows():
    rootfs, work, filter_file = f"{WORK}/rootfs", f"{WORK}/floor", f"{WORK}/filter.bpf"
    for folder in (rootfs, work):
        os.mkdir(folder)
    subprocess.run(["tar", "-C", rootfs, "-xf", f"{IMAGES}/busybox.tar"], check=True)
    for folder in ("proc", "sys", "dev"):
        os.mkdir(f"{rootfs}/{folder}")
    subprocess.run([f"{WORK}/floor-program", "filter", filter_file], check=True)
    rows = {
        "spawn": ["/bin/true"],
        "floor": [f"{WORK}/floor-program", "run", rootfs, work, filter_file, "/bin/true"],
        "mcpd": MCPD + ["run", "--rm", "--network", "none", BUSYBOX, "true"],
        "bwrap": ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net",
                  "--unshare-cgroup", "--bind", rootfs, "/", "--proc", "/proc", "--dev", "/dev",
                  "/bin/true"],
        "runc": ["runc", "--root", f"{WORK}/runc", "run", "--bundle", make_bundle(rootfs), "bench"],
        "podman+runc": PODMAN + ["run", "--rm", "--network", "none", BUSYBOX, "true"],
    }
    return {name: row for name, row in rows.items() if name in ("floor", "mcpd") or has(row[0])}


def bench_start():
    call(MCPD + ["pull", "-q", BUSYBOX])
    if has("podman"):
        call(PODMAN + ["pull", "-q", "--tls-verify=false", BUSYBOX])
    medians = interleave(start_rows(), 25)
    for name, value in medians.items():
        record(f"start.{name}", f"{value:.1f}", "ms", f"{value / medians['floor']:.2f} x floor")
    for peer in ("podman+runc", "runc", "bwrap"):
        if peer in medians:
            record(f"start.{peer}/mcpd", f"{medians[peer] / medians['mcpd']:.1f}", "x")
    version = interleave({"true": ["/bin/true"], "version": [f"{BUILD}/mcpd", "--version"]}, 100)
    record("version-minus-true", f"{version['version'] - version['true']:.2f}", "ms")


def bench_exec():
    call(MCPD + ["pull", "-q", BUSYBOX])
    call(MCPD + ["run", "-d", "--name", "exec", "--network", "none", BUSYBOX, "sleep", "600"])
    pid = subprocess.check_output(MCPD + ["inspect", "--format", "{{.State.Pid}}", "exec"], text=True)
    medians = interleave({
        "nsenter": ["nsenter", "-a", "-t", pid.strip(), "/bin/true"],
        "mcpd": MCPD + ["exec", "exec", "true"],
    }, 50)
    call(MCPD + ["rm", "-f", "-t", "0", "exec"])
    for name, value in medians.items():
        record(f"exec.{name}", f"{value:.1f}", "ms")


# --- memory ------------------------------------------------------------------

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


def bench_memory():
    call(MCPD + ["pull", "-q", BUSYBOX])
    names = [f"idle{number}" for number in range(20)]
    for name in names:
        call(MCPD + ["run", "-d", "--name", name, "--network", "none", BUSYBOX, "sleep", "600"])
    time.sleep(1)
    pids = subprocess.check_output(MCPD + ["inspect", "--format", "{{.State.Pid}}"] + names, text=True)
    monitors = [status_field(pid, "PPid") for pid in pids.split()]
    sizes = [rollup(pid) for pid in monitors]
    record("monitor.pss-of-20", f"{statistics.median(sizes):.0f}", "kB", f"largest {max(sizes)}")
    record("monitor.rss", f"{status_field(monitors[0], 'VmRSS')}", "kB")
    call(MCPD + ["rm", "-f", "-t", "0"] + names)


# --- pull --------------------------------------------------------------------

def family(pid):
    """The process and everything below it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            parents.setdefault(status_field(entry, "PPid"), []).append(int(entry))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += parents.get(found[-1], [])
    return found


def peak_memory(command):
    """Largest sum of PSS seen, and the sum of every process's own peak RSS, in KiB."""
    process = subprocess.Popen(command, stdin=NOTHING, stdout=NOTHING)
    peak, own = 0, {}
    while process.poll() is None:
        pids = family(process.pid)
        peak = max(peak, sum(rollup(pid) for pid in pids))
        for pid in pids:
            own[pid] = max(own.get(pid, 0), status_field(pid, "VmHWM"))
        time.sleep(0.02)
    if process.returncode != 0:
        raise SystemExit("bench: pull failed")
    return peak, sum(own.values())


def empty_store(name):
    for folder in (name, f"{name}-run"):
        subprocess.run(["rm", "-rf", f"{WORK}/{folder}"], check=True)


def pull_mcpd():
    empty_store("mcpd")
    return call(MCPD + ["pull", "-q", BIG_IMAGE])


def pull_podman():
    subprocess.run(["umount", "-q", f"{WORK}/podman/overlay"], check=False)
    empty_store("podman")
    return call(PODMAN + ["pull", "-q", "--tls-verify=false", BIG_IMAGE])


def pull_floor():
    """Unpacking alone, two layers at once, from files: no network, no hashing."""
    target = f"{WORK}/pull-floor"
    subprocess.run(["rm", "-rf", target], check=True)
    os.mkdir(target)
    layers = f"ls {BIG}/layers/*.gz | xargs -P 2 -I @ sh -c 'igzip -dc @ | tar -C {target} -x'"
    return call(["sh", "-c", layers])


def bench_pull():
    runs = {"igzip|tar": pull_floor, "mcpd": pull_mcpd}
    if has("podman"):
        runs["podman"] = pull_podman
    times = {name: [] for name in runs}
    for _ in range(3):
        for name, function in runs.items():
            times[name].append(function() / 1000)
            os.sync()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        record(f"pull.{name}", f"{value:.1f}", "s", f"{value / medians['igzip|tar']:.2f} x igzip|tar")
    if "podman" in medians:
        record("pull.podman/mcpd", f"{medians['podman'] / medians['mcpd']:.1f}", "x")
    empty_store("mcpd")
    pss, rss = peak_memory(MCPD + ["pull", "-q", BIG_IMAGE])
    record("pull.peak-pss", f"{pss / 1024:.1f}", "MiB", "largest sum of all mcpd processes")
    record("pull.peak-rss", f"{rss / 1024:.1f}", "MiB", "sum of each process's own peak")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for name in WHAT:
            globals()[f"bench_{name}"]()
    finally:
        subprocess.run(MCPD + ["rm", "-f", "-t", "0", "-a"], stdout=NOTHING, stderr=NOTHING)
        subprocess.run(["umount", "-q", f"{WORK}/podman/overlay"], check=False)


if __name__ == "__main__":
    main()
