#!/usr/bin/env python3
"""A web proxy that knows hosts which nobody else knows.

    proxy.py PORTFILE LOGFILE [HOST:PORT=HOST:PORT]...

Each request goes to LOGFILE as "CONNECT host:port" or "GET http://host:port/path".
A host that is not listed is refused with 403. One request per connection.
"""
import os
import socket
import sys
import threading
from urllib.parse import urlsplit

HOSTS = dict(pair.split("=") for pair in sys.argv[3:])


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def read_head(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            return None, b""
        head += data
    head, _, rest = head.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), rest


def forward(client, lines, rest):
    method, url, _ = lines[0].split(" ", 2)
    with open(sys.argv[2], "a") as log:
        log.write(f"{method} {url}\n")
    parts = urlsplit("//" + url if method == "CONNECT" else url)
    target = HOSTS.get(parts.netloc)
    if not target:
        client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        return
    host, port = target.split(":")
    server = socket.create_connection((host, int(port)))
    if method == "CONNECT":
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        server.sendall(rest)
    else:
        path = parts.path + ("?" + parts.query if parts.query else "")
        kept = [line for line in lines[1:] if not line.lower().startswith("proxy-")]
        head = [f"{method} {path} HTTP/1.1", "Connection: close", *kept]
        server.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + rest)
    thread = threading.Thread(target=copy, args=(client, server), daemon=True)
    thread.start()
    copy(server, client)


def serve(client):
    lines, rest = read_head(client)
    try:
        if lines:
            forward(client, lines, rest)
    finally:
        client.close()


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
