#!/usr/bin/env python3
"""bench.py - measures mcpd beside its peers, interleaved, and prints one line per figure.

    bench.py WORK IMAGES BIG REGISTRY RESULTS COMMIT [WHAT]...

WHAT: start, exec, memory (here); pull, zstd, link, push, layers, small, entries
(images.py).

Started by scripts/bench, which prepares WORK (an empty folder), the images, the
registry and the floor program. Each line also goes to RESULTS with the commit.
Only ratios of one run mean something: the rows take turns.
"""
import os
import signal
import statistics
import subprocess
import sys
import time

from common import BUILD, BUSYBOX, IMAGES, MCPD, NOTHING, PODMAN, WORK, call, has, record, \
    rollup, status_field
import images

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


EVERYTHING = ["start", "exec", "memory", "pull", "zstd", "link", "push", "layers", "small", "entries"]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for name in sys.argv[7:] or EVERYTHING:
            (globals().get(f"bench_{name}") or getattr(images, f"bench_{name}"))()
    finally:
        subprocess.run(MCPD + ["rm", "-f", "-t", "0", "-a"], stdout=NOTHING, stderr=NOTHING)
        images.unmount_podman()


if __name__ == "__main__":
    main()
