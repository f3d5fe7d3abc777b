#!/usr/bin/env python3
"""Makes container images for the tests, well-formed or hostile on purpose.

    make-image.py layer OUT.tar [--format pax|gnu|ustar] <ENTRIES
    make-image.py image LAYOUT REPO:TAG [--kind docker|oci] [--platform OS/ARCH[/VARIANT]]
                        [--config JSON] [--layer FILE[,KEY=VALUE...]]...
    make-image.py index LAYOUT REPO:TAG --kind docker|oci REPO:TAG@OS/ARCH[/VARIANT]...
    make-image.py raw LAYOUT REPO:TAG MEDIATYPE <BYTES
    make-image.py push LAYOUT HOST:PORT REPO:TAG...
    make-image.py archive LAYOUT REPO:TAG oci|docker OUT.tar [NAME]

ENTRIES is one JSON object per line: name, type (file, dir, symlink, hardlink,
char, block, fifo), mode (octal text), uid, gid, mtime, data or size or copy (a
host file), target, major, minor, xattrs.

A layout is an OCI image layout plus refs.json (REPO:TAG -> digest, media type),
which bad-registry.py serves as it is. Layer keys:

    comp=gzip|zstd|none   how it is packed (gzip)
    type=MEDIATYPE        another media type in the manifest
    flip=N                byte N is wrong, under the digest of the right one
    cut=N                 only N bytes are there, under the digest of all
    corrupt=N             byte N is wrong, and the digest is of the wrong bytes
    truncate=N            only N bytes, and the digest is of those
    size=N                the manifest tells this size
    diffid=sha256:..      the config tells this diff_id
"""
import argparse
import gzip
import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import tarfile

DOCKER = "application/vnd.docker."
OCI = "application/vnd.oci.image."
TYPES = {
    "docker": {
        "manifest": DOCKER + "distribution.manifest.v2+json",
        "index": DOCKER + "distribution.manifest.list.v2+json",
        "config": DOCKER + "container.image.v1+json",
        "gzip": DOCKER + "image.rootfs.diff.tar.gzip",
        "zstd": DOCKER + "image.rootfs.diff.tar.zstd",
        "none": DOCKER + "image.rootfs.diff.tar",
    },
    "oci": {
        "manifest": OCI + "manifest.v1+json",
        "index": OCI + "index.v1+json",
        "config": OCI + "config.v1+json",
        "gzip": OCI + "layer.v1.tar+gzip",
        "zstd": OCI + "layer.v1.tar+zstd",
        "none": OCI + "layer.v1.tar",
    },
}
ENTRY_TYPES = {
    "file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE, "char": tarfile.CHRTYPE, "block": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}
CREATED = "2024-01-02T03:04:05Z"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def to_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


# --- tar ---------------------------------------------------------------------

def entry_content(entry):
    if "copy" in entry:
        with open(entry["copy"], "rb") as file:
            return file.read()
    if "size" in entry:
        return bytes(entry["size"])
    return entry.get("data", "").encode()


def add_entry(tar, entry):
    kind = entry.get("type", "file")
    info = tarfile.TarInfo()
    info.name = entry["name"]
    info.type = ENTRY_TYPES[kind]
    info.mode = int(entry.get("mode", "755" if kind == "dir" else "644"), 8)
    info.uid = entry.get("uid", 0)
    info.gid = entry.get("gid", 0)
    info.mtime = entry.get("mtime", 1700000000)
    info.linkname = entry.get("target", "")
    info.devmajor = entry.get("major", 0)
    info.devminor = entry.get("minor", 0)
    for name, value in entry.get("xattrs", {}).items():
        info.pax_headers["SCHILY.xattr." + name] = value
    if kind != "file":
        tar.addfile(info)
        return
    content = entry_content(entry)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def make_layer(args):
    kind = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}
    with tarfile.open(args.out, "w", format=kind[args.format]) as tar:
        for line in sys.stdin:
            if line.strip():
                add_entry(tar, json.loads(line))


# --- layout ------------------------------------------------------------------

class Layout:
    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.join(path, "blobs", "sha256"), exist_ok=True)
        mark = os.path.join(path, "oci-layout")
        if not os.path.exists(mark):
            with open(mark, "w") as file:
                file.write('{"imageLayoutVersion":"1.0.0"}')
        self.refs_path = os.path.join(path, "refs.json")
        self.refs = {}
        if os.path.exists(self.refs_path):
            with open(self.refs_path) as file:
                self.refs = json.load(file)

    def blob_path(self, digest):
        return os.path.join(self.path, "blobs", "sha256", digest.split(":")[1])

    def put(self, data, digest=None):
        digest = digest or digest_of(data)
        with open(self.blob_path(digest), "wb") as file:
            file.write(data)
        return digest

    def get(self, digest):
        with open(self.blob_path(digest), "rb") as file:
            return file.read()

    def put_manifest(self, ref, data, media_type):
        digest = self.put(data)
        self.refs[ref] = {"digest": digest, "mediaType": media_type, "size": len(data)}
        with open(self.refs_path, "w") as file:
            json.dump(self.refs, file, indent=1, sort_keys=True)
        index = {"schemaVersion": 2, "manifests": [
            {**target, "annotations": {"org.opencontainers.image.ref.name": name}}
            for name, target in sorted(self.refs.items())]}
        with open(os.path.join(self.path, "index.json"), "w") as file:
            json.dump(index, file)


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    return data


def flipped(data, position):
    changed = bytearray(data)
    changed[position] ^= 0xFF
    return bytes(changed)


def add_layer(layout, kind, spec):
    """Stores one layer and returns its descriptor and diff_id."""
    path, *pairs = spec.split(",")
    keys = dict(pair.split("=", 1) for pair in pairs)
    with open(path, "rb") as file:
        plain = file.read()
    how = keys.get("comp", "gzip")
    packed = compress(plain, how)
    if "corrupt" in keys:
        packed = flipped(packed, int(keys["corrupt"]))
    if "truncate" in keys:
        packed = packed[:int(keys["truncate"])]
    digest = digest_of(packed)
    size = int(keys.get("size", len(packed)))
    if "flip" in keys:
        packed = flipped(packed, int(keys["flip"]))
    if "cut" in keys:
        packed = packed[:int(keys["cut"])]
    layout.put(packed, digest)
    descriptor = {"mediaType": keys.get("type", TYPES[kind][how]), "size": size, "digest": digest}
    return descriptor, keys.get("diffid", digest_of(plain))


def platform_of(text):
    parts = text.split("/")
    platform = {"os": parts[0], "architecture": parts[1]}
    if len(parts) > 2:
        platform["variant"] = parts[2]
    return platform


def make_image(args):
    layout = Layout(args.layout)
    layers = [add_layer(layout, args.kind, spec) for spec in args.layer]
    config = {
        "created": CREATED, **platform_of(args.platform),
        "config": json.loads(args.config),
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        "history": [{"created": CREATED, "created_by": f"layer {number}"}
                    for number in range(1, len(layers) + 1)],
    }
    data = to_json(config)
    manifest = {
        "schemaVersion": 2, "mediaType": TYPES[args.kind]["manifest"],
        "config": {"mediaType": TYPES[args.kind]["config"], "size": len(data),
                   "digest": layout.put(data)},
        "layers": [descriptor for descriptor, _ in layers],
    }
    layout.put_manifest(args.ref, to_json(manifest), TYPES[args.kind]["manifest"])


def make_index(args):
    layout = Layout(args.layout)
    manifests = []
    for item in args.items:
        ref, platform = item.rsplit("@", 1)
        manifests.append({**layout.refs[ref], "platform": platform_of(platform)})
    index = {"schemaVersion": 2, "mediaType": TYPES[args.kind]["index"], "manifests": manifests}
    layout.put_manifest(args.ref, to_json(index), TYPES[args.kind]["index"])


def put_raw(args):
    Layout(args.layout).put_manifest(args.ref, sys.stdin.buffer.read(), args.media_type)


# --- registry ----------------------------------------------------------------

class Registry:
    def __init__(self, host):
        self.connection = http.client.HTTPConnection(host, timeout=60)

    def call(self, method, path, body=None, headers=None, good=(200, 201, 202)):
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        text = response.read()
        if response.status not in good:
            raise SystemExit(f"{method} {path}: {response.status} {text[:300]!r}")
        return response

    def push_blob(self, repo, digest, data):
        if self.call("HEAD", f"/v2/{repo}/blobs/{digest}", good=(200, 404)).status == 200:
            return
        place = self.call("POST", f"/v2/{repo}/blobs/uploads/").getheader("Location")
        place = "/" + place.split("/", 3)[3] if place.startswith("http") else place
        mark = "&" if "?" in place else "?"
        self.call("PUT", f"{place}{mark}digest={digest}", data,
                  {"Content-Type": "application/octet-stream"})

    def push_manifest(self, layout, repo, tag, digest, media_type):
        data = layout.get(digest)
        manifest = json.loads(data)
        for child in manifest.get("manifests", []):
            self.push_manifest(layout, repo, child["digest"], child["digest"], child["mediaType"])
        for part in [manifest["config"]] if "config" in manifest else []:
            self.push_blob(repo, part["digest"], layout.get(part["digest"]))
        for part in manifest.get("layers", []):
            self.push_blob(repo, part["digest"], layout.get(part["digest"]))
        self.call("PUT", f"/v2/{repo}/manifests/{tag}", data, {"Content-Type": media_type})


def push(args):
    layout = Layout(args.layout)
    registry = Registry(args.host)
    for ref in args.refs:
        repo, tag = ref.rsplit(":", 1)
        target = layout.refs[ref]
        registry.push_manifest(layout, repo, tag, target["digest"], target["mediaType"])


# --- archives ----------------------------------------------------------------

def add_bytes(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def oci_archive(layout, target, name, tar):
    manifest = json.loads(layout.get(target["digest"]))
    parts = [target["digest"], manifest["config"]["digest"]]
    parts += [layer["digest"] for layer in manifest["layers"]]
    entry = dict(target, annotations={"org.opencontainers.image.ref.name": name})
    add_bytes(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    add_bytes(tar, "index.json", to_json({"schemaVersion": 2, "manifests": [entry]}))
    for digest in dict.fromkeys(parts):
        add_bytes(tar, "blobs/sha256/" + digest.split(":")[1], layout.get(digest))


def docker_archive(layout, target, name, tar):
    """As `docker save` writes it: plain layer tars and one manifest.json at the end."""
    manifest = json.loads(layout.get(target["digest"]))
    config = manifest["config"]["digest"].split(":")[1] + ".json"
    add_bytes(tar, config, layout.get(manifest["config"]["digest"]))
    names = []
    for layer in manifest["layers"]:
        data = layout.get(layer["digest"])
        plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        names.append(digest_of(plain).split(":")[1] + "/layer.tar")
        add_bytes(tar, names[-1], plain)
    add_bytes(tar, "manifest.json",
              to_json([{"Config": config, "RepoTags": [name], "Layers": names}]))


def archive(args):
    layout = Layout(args.layout)
    with tarfile.open(args.out, "w") as tar:
        write = oci_archive if args.kind == "oci" else docker_archive
        write(layout, layout.refs[args.ref], args.name or args.ref, tar)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, function, *names):
        sub = commands.add_parser(name)
        sub.set_defaults(function=function)
        for argument in names:
            sub.add_argument(argument)
        return sub

    command("layer", make_layer, "out").add_argument("--format", default="pax")
    image = command("image", make_image, "layout", "ref")
    image.add_argument("--kind", default="docker")
    image.add_argument("--platform", default="linux/amd64")
    image.add_argument("--config", default="{}")
    image.add_argument("--layer", action="append", default=[])
    index = command("index", make_index, "layout", "ref")
    index.add_argument("--kind", default="docker")
    index.add_argument("items", nargs="+")
    command("raw", put_raw, "layout", "ref", "media_type")
    command("push", push, "layout", "host").add_argument("refs", nargs="+")
    command("archive", archive, "layout", "ref", "kind", "out").add_argument("name", nargs="?")
    args = parser.parse_args()
    args.function(args)


if __name__ == "__main__":
    main()
