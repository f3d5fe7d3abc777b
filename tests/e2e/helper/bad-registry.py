#!/usr/bin/env python3
"""A registry that serves an image layout as it is, right or wrong, and can misbehave.

    bad-registry.py LAYOUT PORTFILE LOGFILE [FAULT]...

LAYOUT is what make-image.py writes. The port, at $BAD_ADDRESS (127.0.0.1), goes to
PORTFILE once it listens; every request goes to LOGFILE as "METHOD PATH RANGE
STATUS". A fault is "REGEX=KIND[:ARG]", for the requests whose path matches:

    status:N     answer N                  status-once:N   only the first time
    cut:N        close after N body bytes  cut-once:N      only the first time
    slow:N       N body bytes a second     stall           headers, then nothing
    body:FILE    this body instead         redirect:URL    307 to URL + path
"""
import http.server
import json
import os
import re
import socket
import sys
import time


class State:
    layout = ""
    log = None
    faults = []
    used = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, status):
        State.log.write(f"{self.command} {self.path} {self.headers.get('Range', '-')} {status}\n")
        State.log.flush()

    def fault(self):
        for pattern, kind, argument in State.faults:
            if not re.search(pattern, self.path):
                continue
            if kind.endswith("-once"):
                if (pattern, kind) in State.used:
                    continue
                State.used.add((pattern, kind))
                kind = kind[:-5]
            return kind, argument
        return "", ""

    def answer(self, status, body, media_type="application/json", digest=None, extra=None):
        kind, argument = self.fault()
        if kind == "status":
            status, body, digest = int(argument), b'{"errors":[]}', None
        elif kind == "body":
            with open(argument, "rb") as file:
                body = file.read()
        elif kind == "redirect":
            status, body, extra = 307, b"", {"Location": argument + self.path}
        self.note(status)
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(body, kind, argument)

    def send_body(self, body, kind, argument):
        if kind == "cut":
            self.wfile.write(body[:int(argument)])
            self.close_connection = True
        elif kind == "stall":
            time.sleep(600)
        elif kind == "slow":
            step = max(int(argument) // 20, 1)
            for start in range(0, len(body), step):
                self.wfile.write(body[start:start + step])
                self.wfile.flush()
                time.sleep(0.05)
        else:
            self.wfile.write(body)

    def answer_blob(self, digest):
        path = os.path.join(State.layout, "blobs", *digest.split(":"))
        if not os.path.exists(path):
            self.answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]}')
            return
        with open(path, "rb") as file:
            body = file.read()
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not match:
            self.answer(200, body, "application/octet-stream", digest)
            return
        first = int(match[1])
        last = min(int(match[2] or len(body) - 1), len(body) - 1)
        self.answer(206, body[first:last + 1], "application/octet-stream", digest,
                    {"Content-Range": f"bytes {first}-{last}/{len(body)}"})

    def answer_manifest(self, repo, tag):
        with open(os.path.join(State.layout, "refs.json")) as file:
            refs = json.load(file)
        target = refs.get(f"{repo}:{tag}")
        if tag.startswith("sha256:"):
            target = next((ref for ref in refs.values() if ref["digest"] == tag), None)
        if not target:
            self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
            return
        with open(os.path.join(State.layout, "blobs", *target["digest"].split(":")), "rb") as file:
            self.answer(200, file.read(), target["mediaType"], target["digest"])

    def do_GET(self):
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", self.path)
        if self.path in ("/v2", "/v2/"):
            self.answer(200, b"{}")
        elif not match:
            self.answer(404, b"{}")
        elif match[2] == "blobs":
            self.answer_blob(match[3])
        else:
            self.answer_manifest(match[1], match[3])

    do_HEAD = do_GET


def parse_fault(text):
    pattern, what = text.rsplit("=", 1)
    kind, _, argument = what.partition(":")
    return pattern, kind, argument


def main():
    State.layout, port_file, log_file = sys.argv[1:4]
    State.faults = [parse_fault(text) for text in sys.argv[4:]]
    State.log = open(log_file, "a")
    address = os.environ.get("BAD_ADDRESS", "127.0.0.1")
    if ":" in address:
        http.server.ThreadingHTTPServer.address_family = socket.AF_INET6
    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    with open(port_file + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
