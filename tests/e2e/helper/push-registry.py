#!/usr/bin/env python3
"""A registry that takes pushes, and can misbehave while it does.

    push-registry.py FOLDER PORTFILE LOGFILE [FAULT|WORD]...

Builds on bad-registry.py: the same log, the same faults, matched against
"METHOD PATH". All state is files in FOLDER (blobs, refs.json, links: which
repository has which blob, uploads), so several of these can share it. In the log
the range is a Content-Range too, and Authorization stands at the end. More faults:

    take:N        N bytes of the body are kept, then the connection is cut
    drop:N        the same, but nothing is kept
    late          all is done as it should be, but the answer is never sent
    forget        the upload is thrown away: 404
    location:URL  answer with a Location there (a base URL, or "relative")
    digest:TEXT   answer with this Docker-Content-Digest
    part:N        only N bytes of the body are kept, and the answer says so
    expire        the token is not valid any more: 401
    challenge:X   401 with WWW-Authenticate: X
    stale         the connection is closed without a word when it was kept from an
                  earlier request: nothing of this one is read

Words: token (a Bearer token of /token is needed), discard (bodies are hashed and
counted, not kept), tls=CERT,KEY[,CLIENTCA].
"""
import hashlib
import importlib.machinery
import json
import os
import re
import ssl
import sys
import uuid
from urllib.parse import parse_qs, urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
base = importlib.machinery.SourceFileLoader(
    "bad_registry", os.path.join(HERE, "bad-registry.py")).load_module()
CHUNK = 1 << 16


class Options:
    token = False
    discard = False
    scheme = "http"


def folder(*parts):
    path = os.path.join(base.State.layout, *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def read_number(path):
    try:
        with open(path) as file:
            return int(file.read())
    except FileNotFoundError:
        return 0


def error(code):
    text = code.lower().replace("_", " ")
    return json.dumps({"errors": [{"code": code, "message": text}]}).encode()


class Upload:
    """What has arrived of a blob; discarded bytes are a hash in memory."""
    hashes = {}

    def __init__(self, name):
        self.path = folder("uploads", os.path.basename(name))

    def exists(self):
        return os.path.exists(self.path)

    def size(self):
        return Upload.hashes[self.path][1] if Options.discard else os.path.getsize(self.path)

    def create(self):
        with open(self.path, "wb"):
            Upload.hashes[self.path] = [hashlib.sha256(), 0]

    def append(self, data):
        if Options.discard:
            Upload.hashes[self.path][0].update(data)
            Upload.hashes[self.path][1] += len(data)
        else:
            with open(self.path, "ab") as file:
                file.write(data)

    def digest(self):
        if Options.discard:
            return "sha256:" + Upload.hashes[self.path][0].hexdigest()
        with open(self.path, "rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()

    def remove(self):
        os.remove(self.path)


class Cut(Exception):
    pass


class Handler(base.Handler):
    was_kept = False  # is this not the first request of the connection?

    def note(self, status):
        part = self.headers.get("Content-Range", self.headers.get("Range", "-"))
        base.State.log.write(f"{self.command} {self.path} {part} {status} "
                             f"{self.headers.get('Authorization', '-')}\n")
        base.State.log.flush()

    def fault(self):
        if not hasattr(self, "found"):
            path, self.path = self.path, f"{self.command} {self.path}"
            self.found = super().fault()
            if self.found[0] == "stale" and not self.was_kept:
                self.found = "", ""
            self.path = path
        return self.found

    # --- bodies --------------------------------------------------------------

    def body(self):
        """The request's body, in pieces."""
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            data = self.read(min(left, CHUNK))
            left -= len(data)
            yield data

    def read(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise Cut
        return data

    def receive(self, upload):
        """Appends the body. Returns false when the connection is to be cut."""
        kind, argument = self.fault()
        limit = int(argument) if kind in ("take", "drop", "part") else None
        got = 0
        for data in self.body():
            keep = data if limit is None else data[:max(limit - got, 0)]
            if kind != "drop":
                upload.append(keep)
            got += len(data)
            if kind in ("take", "drop") and got >= limit:
                return False
        return True

    def cut(self, status=0):
        self.note(status)
        self.close_connection = True

    # --- answers -------------------------------------------------------------

    def reply(self, status, body=b"", headers=None):
        kind, argument = self.fault()
        if kind == "late":
            self.cut(status)
            return
        headers = dict(headers or {})
        if kind == "digest":
            headers["Docker-Content-Digest"] = argument
        if kind == "location" and "Location" in headers and argument != "relative":
            headers["Location"] = argument + headers["Location"]
        elif kind not in ("location", "redirect") and "Location" in headers:
            headers["Location"] = f"{Options.scheme}://{self.headers['Host']}{headers['Location']}"
        self.note(status)
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, headers=None):
        """What is being sent is taken first, so that the answer is read for sure."""
        for _ in self.body():
            pass
        self.reply(status, error(code), headers)

    def place(self, repo, upload):
        path = f"/v2/{repo}/blobs/uploads/{os.path.basename(upload.path)}?_state={upload.size()}%3D"
        size = upload.size()
        return {"Location": path, "Range": f"0-{max(size - 1, 0)}"}

    # --- who asks ------------------------------------------------------------

    def is_allowed(self):
        kind, argument = self.fault()
        if kind == "challenge":
            self.refuse(401, "UNAUTHORIZED", {"WWW-Authenticate": argument})
            return False
        if not Options.token:
            return True
        if kind == "expire":
            following = read_number(folder("generation")) + 1
            with open(folder("generation.new"), "w") as file:
                file.write(str(following))
            os.rename(folder("generation.new"), folder("generation"))
        generation = read_number(folder("generation"))
        if self.headers.get("Authorization") == f"Bearer t{generation}":
            return True
        realm = f'{Options.scheme}://{self.headers["Host"]}/token'
        repo = self.path.split("/v2/")[1].split("/blobs")[0].split("/manifests")[0]
        self.refuse(401, "UNAUTHORIZED", {
            "WWW-Authenticate": f'Bearer realm="{realm}",service="push",scope="repository:{repo}:pull"'})
        return False

    def give_token(self):
        self.reply(200, json.dumps({"token": f"t{read_number(folder('generation'))}"}).encode())

    # --- blobs ---------------------------------------------------------------

    def link(self, repo, digest):
        with open(folder("links", repo.replace("/", "%"), digest), "w"):
            pass

    def has(self, repo, digest):
        return os.path.exists(folder("links", repo.replace("/", "%"), digest))

    def begin(self, repo, query):
        mount, source = query.get("mount", [""])[0], query.get("from", [""])[0]
        if mount and self.has(source, mount):
            self.link(repo, mount)
            self.reply(201, b"", {"Location": f"/v2/{repo}/blobs/{mount}",
                                  "Docker-Content-Digest": mount})
            return
        upload = Upload(uuid.uuid4().hex)
        upload.create()
        self.reply(202, b"", self.place(repo, upload))

    def go_on(self, repo, upload, query):
        kind, _ = self.fault()
        if kind == "forget" and upload.exists():
            upload.remove()
        if not upload.exists():
            self.refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        start = re.match(r"(\d+)-", self.headers.get("Content-Range", ""))
        if self.command != "GET" and start and int(start[1]) != upload.size():
            self.refuse(416, "RANGE_INVALID", self.place(repo, upload))
        elif self.command == "GET":
            self.reply(204, b"", self.place(repo, upload))
        elif not self.receive(upload):
            self.cut()
        elif self.command == "PATCH":
            self.reply(202, b"", self.place(repo, upload))
        else:
            self.complete(repo, upload, query.get("digest", [""])[0])

    def complete(self, repo, upload, digest):
        if upload.digest() != digest:
            self.reply(400, error("DIGEST_INVALID"))
            return
        os.rename(upload.path, folder("blobs", *digest.split(":")))
        self.link(repo, digest)
        self.reply(201, b"", {"Location": f"/v2/{repo}/blobs/{digest}",
                              "Docker-Content-Digest": digest})

    def put_manifest(self, repo, tag):
        data = b"".join(self.body())
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        document = json.loads(data)
        parts = [document["config"]] if "config" in document else []
        for part in parts + document.get("layers", []):
            if not self.has(repo, part["digest"]):
                self.reply(400, error("MANIFEST_BLOB_UNKNOWN"))
                return
        with open(folder("blobs", *digest.split(":")), "wb") as file:
            file.write(data)
        refs = {}
        if os.path.exists(folder("refs.json")):
            with open(folder("refs.json")) as file:
                refs = json.load(file)
        refs[f"{repo}:{tag}"] = {"digest": digest, "mediaType": self.headers["Content-Type"]}
        with open(folder("refs.json"), "w") as file:
            json.dump(refs, file)
        self.reply(201, b"", {"Location": f"/v2/{repo}/manifests/{digest}",
                              "Docker-Content-Digest": digest})

    # --- requests ------------------------------------------------------------

    def handle_request(self):
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        kind, argument = self.fault()
        if kind == "stale":
            self.cut("stale")
        elif parts.path == "/token":
            self.give_token()
        elif not self.is_allowed():
            pass
        elif kind == "status":
            self.refuse(int(argument), "INJECTED")
        elif kind == "redirect":
            self.refuse(307, "MOVED", {"Location": argument + self.path})
        elif match := re.fullmatch(r"/v2/(.+)/blobs/uploads/(.*)", parts.path):
            if match[2]:
                self.go_on(match[1], Upload(match[2]), query)
            else:
                self.begin(match[1], query)
        elif match := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", parts.path):
            if self.command == "PUT":
                self.put_manifest(match[1], match[2])
            else:
                self.answer_manifest(match[1], match[2])
        elif match := re.fullmatch(r"/v2/(.+)/blobs/(sha256:[0-9a-f]+)", parts.path):
            if self.command == "HEAD":
                self.reply(200 if self.has(match[1], match[2]) else 404)
            else:
                self.answer_blob(match[2])
        else:
            self.reply(200 if parts.path == "/v2/" else 404, b"{}")

    def do_GET(self):
        if hasattr(self, "found"):
            del self.found
        try:
            self.handle_request()
        except Cut:
            self.cut()
        self.was_kept = True

    do_HEAD = do_POST = do_PATCH = do_PUT = do_GET


def parse_fault(text):
    """Unlike the one of bad-registry.py, an argument may hold a "="."""
    match = re.fullmatch(r"(.*?)=([a-z-]+)(?::(.*))?", text, re.DOTALL)
    return match[1], match[2], match[3] or ""


def serve_tls(server, argument):
    files = argument.split(",")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[0], files[1])
    if len(files) > 2:
        context.load_verify_locations(files[2])
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Options.scheme = "https"


def main():
    base.State.layout, port_file, log_file = sys.argv[1:4]
    base.State.log = open(log_file, "a")
    server = base.http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    for word in sys.argv[4:]:
        if word == "token":
            Options.token = True
        elif word == "discard":
            Options.discard = True
        elif word.startswith("tls="):
            serve_tls(server, word[4:])
        else:
            base.State.faults.append(parse_fault(word))
    with open(port_file + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
