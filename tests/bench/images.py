"""images.py - pull, push and the store of images, beside podman and bare pipelines."""
import glob
import hashlib
import json
import os
import statistics
import subprocess
import time

from common import BIG, BUSYBOX, MCPD, NOTHING, PODMAN, REGISTRY, WORK, call, has, record, \
    rollup, status_field

HERE = os.path.dirname(os.path.realpath(__file__))
MAKE_IMAGE = os.path.realpath(f"{HERE}/../e2e/helper/make-image.py")
INSECURE = "--tls-verify=false"
stores = 0
PODMAN_CACHE = "/var/lib/containers/cache/blob-info-cache-v1.*"


def fresh(program):
    """The program with a store that has nothing. What was before stays until the end: ext4 looks
    long for an inode where many were deleted a moment ago."""
    global stores
    stores += 1
    if program is MCPD:
        return MCPD[:1] + ["--root", f"{WORK}/mcpd{stores}", "--runroot", f"{WORK}/mcpd-run"]
    unmount_podman()
    return PODMAN[:1] + ["--root", f"{WORK}/podman{stores}", "--runroot", f"{WORK}/podman-run{stores}"] \
        + PODMAN[5:]


def unmount_podman():
    for folder in glob.glob(f"{WORK}/podman*/overlay"):
        subprocess.run(["umount", "-q", folder], stderr=NOTHING, check=False)


def take_turns(rows, rounds):
    """rows: name -> function that gives milliseconds. The medians, in seconds."""
    times = {name: [] for name in rows}
    for _ in range(rounds):
        for name, function in rows.items():
            times[name].append(function() / 1000)
            os.sync()
    return {name: statistics.median(values) for name, values in times.items()}


def compare(title, medians, floor=None):
    for name, value in medians.items():
        record(f"{title}.{name}", f"{value:.2f}", "s",
               f"{value / medians[floor]:.2f} x {floor}" if floor else "")
    if "podman" in medians:
        record(f"{title}.podman/mcpd", f"{medians['podman'] / medians['mcpd']:.1f}", "x")


# --- memory ------------------------------------------------------------------

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


def peak_memory(title, command):
    """Largest sum of PSS seen, and the sum of every process's own peak RSS."""
    process = subprocess.Popen(command, stdin=NOTHING, stdout=NOTHING)
    peak, own = 0, {}
    while process.poll() is None:
        pids = family(process.pid)
        peak = max(peak, sum(rollup(pid) for pid in pids))
        for pid in pids:
            own[pid] = max(own.get(pid, 0), status_field(pid, "VmHWM"))
        time.sleep(0.02)
    if process.returncode != 0:
        raise SystemExit(f"bench: {title} failed")
    record(f"{title}.peak-pss", f"{peak / 1024:.1f}", "MiB", "largest sum of all processes")
    record(f"{title}.peak-rss", f"{sum(own.values()) / 1024:.1f}", "MiB", "sum of each one's own peak")


# --- pull --------------------------------------------------------------------

def pull_with(program, image):
    insecure = [INSECURE] if program is PODMAN else []
    return call(fresh(program) + ["pull", "-q", *insecure, image])


def layer_urls(repository, tag="latest"):
    accept = "application/vnd.docker.distribution.manifest.v2+json,application/vnd.oci.image.manifest.v1+json"
    manifest = json.loads(subprocess.check_output(
        ["curl", "-sf", "-H", f"Accept: {accept}", f"http://{REGISTRY}/v2/{repository}/manifests/{tag}"]))
    return [f"http://{REGISTRY}/v2/{repository}/blobs/{layer['digest']}" for layer in manifest["layers"]]


def pull_pipeline(urls, unpack):
    """Download and unpack, two layers at once: no hashing, nothing kept packed."""
    global stores
    stores += 1
    target = f"{WORK}/pull-floor{stores}"
    os.mkdir(target)
    step = f"curl -sf @ | {unpack} | tar -C {target} -x"
    return call(["sh", "-c", 'printf "%s\\n" "$@" | xargs -P 2 -I @ sh -c ' + f"'{step}'", "-", *urls])


def compare_pull(title, repository, floor, unpack):
    image = f"{REGISTRY}/{repository}"
    urls = layer_urls(repository)
    rows = {floor: lambda: pull_pipeline(urls, unpack), "mcpd": lambda: pull_with(MCPD, image)}
    if has("podman"):
        rows["podman"] = lambda: pull_with(PODMAN, image)
    compare(title, take_turns(rows, 5), floor)
    peak_memory(title, fresh(MCPD) + ["pull", "-q", image])


def bench_pull():
    compare_pull("pull", "bench/big", "curl|igzip|tar", "igzip -dc")


def bench_zstd():
    compare_pull("pull-zstd", "bench/big-zstd", "curl|zstd|tar", "zstd -dc")


# --- a slow link ---------------------------------------------------------------

def one_after_another(urls):
    """One connection, layer after layer, without unpacking."""
    command = ["curl", "-sf"]
    for url in urls:
        command += ["-o", "/dev/null", url]
    return call(command)


def bench_link():
    """Ten layers of 1 MB through a link that delays everything by 50 ms."""
    layout = f"{WORK}/ten"
    layers = []
    for number in range(10):
        file = f"{WORK}/ten{number}.tar"
        entry = {"name": f"file{number}", "copy": f"{WORK}/noise{number}"}
        with open(entry["copy"], "wb") as noise:
            noise.write(os.urandom(1_000_000))
        subprocess.run([MAKE_IMAGE, "layer", file], input=json.dumps(entry), text=True, check=True)
        layers += ["--layer", file]
    subprocess.run([MAKE_IMAGE, "image", layout, "bench/ten:latest", *layers], check=True)
    subprocess.run([MAKE_IMAGE, "push", layout, REGISTRY, "bench/ten:latest"], check=True)
    link = subprocess.Popen([f"{HERE}/slow-link.py", REGISTRY, "50"], stdout=subprocess.PIPE, text=True)
    host = f"127.0.0.1:{link.stdout.readline().strip()}"
    try:
        urls = [url.replace(REGISTRY, host) for url in layer_urls("bench/ten")]
        rows = {"one-after-another": lambda: one_after_another(urls),
                "mcpd": lambda: pull_with(MCPD, f"{host}/bench/ten")}
        if has("podman"):
            rows["podman"] = lambda: pull_with(PODMAN, f"{host}/bench/ten")
        medians = take_turns(rows, 5)
        compare("link", medians)
        record("link.serial/mcpd", f"{medians['one-after-another'] / medians['mcpd']:.1f}", "x")
    finally:
        link.terminate()


# --- push --------------------------------------------------------------------

def bench_push():
    """Layers that no registry has and that are not packed: what a build leaves behind."""
    archive = f"{WORK}/big.tar"
    subprocess.run([MAKE_IMAGE, "archive", f"{BIG}/layout", "bench/big:latest", "docker", archive,
                    "localhost/bench/fresh:1"], check=True)
    programs = {"mcpd": MCPD}
    if has("podman"):
        programs["podman"] = PODMAN
    rounds = iter(range(1000))

    def push_with(program):
        # A store of its own each time, and no memory of what is packed or where it lies.
        program = fresh(program)
        subprocess.run(["rm", "-f", *glob.glob(PODMAN_CACHE)], check=True)
        call(program + ["load", "-q", "-i", archive])
        insecure = [INSECURE] if program[0] == "podman" else []
        return call(program + ["push", "-q", *insecure, "localhost/bench/fresh:1",
                               f"{REGISTRY}/bench/fresh{next(rounds)}:1"])

    compare("push", take_turns({name: lambda program=program: push_with(program)
                                for name, program in programs.items()}, 3))
    mcpd = fresh(MCPD)
    call(mcpd + ["load", "-q", "-i", archive])
    peak_memory("push", mcpd + ["push", "-q", "localhost/bench/fresh:1", f"{REGISTRY}/bench/fresh:1"])
    os.unlink(archive)


# --- sizes ---------------------------------------------------------------------

def write_archive(path, name, folder, size_mb):
    """A docker-archive with one plain layer, half of it noise."""
    os.makedirs(folder)
    with open(f"{folder}/file", "wb") as file:
        for _ in range(size_mb // 2):
            file.write(os.urandom(1 << 20) + bytes(1 << 20))
    subprocess.run(["tar", "-C", folder, "--remove-files", "-cf", f"{folder}/layer.tar", "file"], check=True)
    digest = hashlib.sha256()
    with open(f"{folder}/layer.tar", "rb") as layer:
        while block := layer.read(1 << 20):
            digest.update(block)
    config = {"architecture": "amd64", "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest.hexdigest()}"]}}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    for file, value in (("config.json", config), ("manifest.json", manifest)):
        with open(f"{folder}/{file}", "w") as out:
            json.dump(value, out)
    subprocess.run(["tar", "-C", folder, "--remove-files", "-cf", path, "manifest.json", "config.json",
                    "layer.tar"], check=True)


def bench_layers():
    """Memory, whatever the size of a layer: load, push and pull."""
    for title, size_mb in (("layer-10MB", 10), ("layer-4GB", 4096)):
        local, remote = f"localhost/{title.lower()}:1", f"{REGISTRY}/bench/{title.lower()}:1"
        archive = f"{WORK}/{title}.tar"
        write_archive(archive, local, f"{WORK}/{title}", size_mb)
        mcpd = fresh(MCPD)
        peak_memory(f"{title}.load", mcpd + ["load", "-q", "-i", archive])
        os.unlink(archive)
        peak_memory(f"{title}.push", mcpd + ["push", "-q", local, remote])
        peak_memory(f"{title}.pull", fresh(MCPD) + ["pull", "-q", remote])


def bench_small():
    """Pull and run of busybox inside a memory cgroup (v1) of 24 MB, everything of mcpd's in it."""
    mcpd = fresh(MCPD)
    group = "/sys/fs/cgroup/memory/mcpd-bench"
    os.makedirs(group, exist_ok=True)
    try:
        for file, value in (("memory.limit_in_bytes", 24 << 20), ("memory.memsw.limit_in_bytes", 24 << 20)):
            if os.path.exists(f"{group}/{file}"):
                with open(f"{group}/{file}", "w") as out:
                    out.write(str(value))
        enter = ["sh", "-c", f'echo 0 >{group}/cgroup.procs; exec "$@"', "-"]
        pull = call(enter + mcpd + ["pull", "-q", BUSYBOX])
        run = call(enter + mcpd + ["run", "--rm", "--network", "none", BUSYBOX, "true"])
        with open(f"{group}/memory.max_usage_in_bytes") as file:
            peak = int(file.read()) / (1 << 20)
        record("small.pull-in-24MB", f"{pull:.0f}", "ms")
        record("small.run-in-24MB", f"{run:.0f}", "ms", f"most that the group used: {peak:.1f} MiB, with cache")
    finally:
        while open(f"{group}/cgroup.procs").read():
            time.sleep(0.02)  # the monitor's last steps
        os.rmdir(group)


def bench_entries():
    """The same with ten names in the store and with ten thousand."""
    mcpd = fresh(MCPD)
    call(mcpd + ["pull", "-q", BUSYBOX])
    have = 1
    for count in (10, 10_000):
        names = [f"localhost/many/name{number}:1" for number in range(have, count)]
        for start in range(0, len(names), 500):
            call(mcpd + ["tag", BUSYBOX, *names[start:start + 500]])
        have = count
        run = statistics.median(call(mcpd + ["run", "--rm", "--network", "none", BUSYBOX, "true"])
                                for _ in range(15))
        listing = statistics.median(call(mcpd + ["images", "-q"]) for _ in range(5))
        record(f"entries-{count}.run", f"{run:.1f}", "ms")
        record(f"entries-{count}.images", f"{listing:.1f}", "ms", f"{listing / count * 1000:.0f} us a name")
