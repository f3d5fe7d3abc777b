#!/usr/bin/env python3
"""Writes a tar anew with something wrong in it, for tests of what reads bundles.

    edit-tar.py IN.tar OUT.tar EDIT...

    drop=GLOB          without these members
    twice=GLOB         these a second time, right behind the first
    last=GLOB          these at the end
    rename=OLD=NEW     another name
    symlink=NAME=TO    a link in its place
    flip=GLOB=N        byte N of the contents is wrong
    index=FILTER       index.json through jq
    bundle=FILTER      the annotation that makes index.json a bundle's, through jq
    pad=N              index.json with N blanks behind it
    zeros=GLOB=N       N bytes of zeros in their place
"""
import fnmatch
import io
import json
import subprocess
import sys
import tarfile

ANNOTATION = "io.mcpd.bundle"


def jq(expression, data):
    return subprocess.run(["jq", "-c", expression], input=data, stdout=subprocess.PIPE,
                          check=True).stdout.strip()


def edit(members, what, value):
    if what in ("index", "bundle", "pad"):
        for member in members:
            if member[0].name != "index.json":
                continue
            if what == "index":
                member[1] = jq(value, member[1])
            elif what == "pad":
                member[1] += b" " * int(value)
            else:
                index = json.loads(member[1])
                index["annotations"][ANNOTATION] = jq(
                    value, index["annotations"][ANNOTATION].encode()).decode()
                member[1] = json.dumps(index).encode()
        return members
    glob, _, argument = value.partition("=")
    hit = [fnmatch.fnmatch(info.name, glob) for info, _ in members]
    if not any(hit):
        sys.exit(f"{glob}: no such member")
    result = []
    for is_hit, (info, data) in zip(hit, members):
        if not is_hit:
            result.append([info, data])
        elif what == "twice":
            result += [[info, data], [info, data]]
        elif what == "rename":
            renamed = tarfile.TarInfo(argument)
            result.append([renamed, data])
        elif what == "symlink":
            link = tarfile.TarInfo(info.name)
            link.type, link.linkname = tarfile.SYMTYPE, argument
            result.append([link, b""])
        elif what == "flip":
            at = int(argument)
            result.append([info, data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1:]])
        elif what == "zeros":
            result.append([info, b"\0" * int(argument)])
        elif what not in ("drop", "last"):
            sys.exit(f"{what}: what is that?")
    if what == "last":
        result += [member for is_hit, member in zip(hit, members) if is_hit]
    return result


def main():
    source, target, *edits = sys.argv[1:]
    with tarfile.open(source) as tar:
        members = [[info, tar.extractfile(info).read() if info.isfile() else b""] for info in tar]
    for one in edits:
        what, _, value = one.partition("=")
        members = edit(members, what, value)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


main()
