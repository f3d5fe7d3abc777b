#!/usr/bin/env python3
"""terminal.py [STEP]... -- COMMAND [ARG...] - runs a command on a terminal of its own.

Steps run in order: expect:TEXT waits for output, send:TEXT types (\\r \\n \\xNN and
the like are understood), size:ROWSxCOLS changes the window (before the command
starts when it comes first), hup closes the terminal. Everything the command
printed goes to stdout; the status is the command's, 128+n for a signal, and 124
when a step or the end did not come within 20 seconds.
"""
import fcntl
import os
import select
import signal
import struct
import sys
import termios
import time

LIMIT_S = 20


def set_size(fd, text):
    rows, columns = (int(part) for part in text.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Session:
    def __init__(self, master):
        self.master = master
        self.output = b""
        self.searched = 0
        self.deadline = time.monotonic() + LIMIT_S

    def read_some(self):
        """False at the end of the output."""
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([self.master], [], [], left)[0]:
            raise TimeoutError
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.output += data
        return bool(data)

    def expect(self, text):
        while True:
            place = self.output.find(text, self.searched)
            if place >= 0:
                self.searched = place + len(text)
                return
            if not self.read_some():
                raise TimeoutError

    def step(self, text):
        kind, _, argument = text.partition(":")
        data = argument.encode().decode("unicode_escape").encode("latin-1")
        if kind == "expect":
            self.expect(data)
        elif kind == "send":
            os.write(self.master, data)
        elif kind == "size":
            set_size(self.master, argument)
        elif kind == "hup":
            os.close(self.master)
        else:
            sys.exit("terminal.py: no step " + text)


def main():
    split = sys.argv.index("--")
    steps, command = sys.argv[1:split], sys.argv[split + 1:]
    master, slave = os.openpty()
    if steps and steps[0].startswith("size:"):
        set_size(master, steps.pop(0)[5:])
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.login_tty(slave)
        os.execvp(command[0], command)
    os.close(slave)
    session = Session(master)
    closed = False
    status = None
    try:
        for text in steps:
            session.step(text)
            closed = closed or text == "hup"
        while not closed and session.read_some():
            pass
        while status is None and time.monotonic() < session.deadline:
            done, value = os.waitpid(pid, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(value)
            else:
                time.sleep(0.01)
    except TimeoutError:
        pass
    sys.stdout.buffer.write(session.output)
    sys.stdout.flush()
    if status is None:
        os.kill(pid, signal.SIGKILL)
        sys.exit(124)
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
