#!/usr/bin/env python3
"""A token server for docker-registry: tests as issuer, RS256 by openssl.

    token-server.py FOLDER

FOLDER gets key.pem and cert.pem (for the registry's rootcertbundle), port (once it
listens) and log: "METHOD PATH AUTHORIZATION-SCHEME USER FORM-FIELDS" per request.
Known are user:secret (may do everything) and the identity token "identity" (the
same user); nobody may pull. Its service is "tests", /token its only page.
"""
import base64
import http.server
import json
import os
import subprocess
import sys
import time
import uuid
from urllib.parse import parse_qs, urlsplit

FOLDER = sys.argv[1]
KEY, CERT = os.path.join(FOLDER, "key.pem"), os.path.join(FOLDER, "cert.pem")


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def access_of(scopes, user):
    """[{"type": "repository", "name": .., "actions": [..]}]: what the user may do of it."""
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":", 1)[0], *scope.split(":", 1)[1].rsplit(":", 1)
        allowed = [action for action in actions.split(",") if user or action == "pull"]
        access.append({"type": kind, "name": name, "actions": allowed})
    return access


def make_token(service, scopes, user):
    der = openssl("x509", "-in", CERT, "-outform", "DER")
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    now = int(time.time())
    claims = {"iss": "tests", "sub": user, "aud": service, "exp": now + 300, "nbf": now - 10,
              "iat": now, "jti": uuid.uuid4().hex, "access": access_of(scopes, user)}
    text = encode(json.dumps(header).encode()) + b"." + encode(json.dumps(claims).encode())
    return (text + b"." + encode(openssl("dgst", "-sha256", "-sign", KEY, data=text))).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def note(self, scheme, user, form):
        fields = ",".join(sorted(form)) or "-"
        with open(os.path.join(FOLDER, "log"), "a") as log:
            log.write(f"{self.command} {self.path} {scheme or '-'} {user or '-'} {fields}\n")

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(value).decode().partition(":")
        self.note(scheme, user, {})
        if scheme and (user, password) != ("user", "secret"):
            self.reply(401, {"details": "incorrect username or password"})
            return
        self.reply(200, {"token": make_token(query["service"][0], query.get("scope", []), user)})

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.note("", "", form)
        if form.get("grant_type") != ["refresh_token"] or form["refresh_token"] != ["identity"]:
            self.reply(401, {"details": "no such identity"})
            return
        scopes = form.get("scope", [""])[0].split()
        self.reply(200, {"access_token": make_token(form["service"][0], scopes, "user")})


def main():
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", KEY, "-out", CERT,
            "-subj", "/CN=tests", "-days", "2")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with open(os.path.join(FOLDER, "port.new"), "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(os.path.join(FOLDER, "port.new"), os.path.join(FOLDER, "port"))
    server.serve_forever()


if __name__ == "__main__":
    main()
