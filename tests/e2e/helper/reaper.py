#!/usr/bin/env python3
"""reaper.py COMMAND [ARG...] - runs a command; whatever it leaves behind becomes our child.

The tests compare our children before and after: a process that a test lost has
no other place to go, whatever it is called and whoever it belongs to. The pid
is in MCPD_TEST_REAPER. At the end everything left is killed.
"""
import ctypes
import os
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36


def children():
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                parent = file.read().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if int(parent) == os.getpid():
            found.append(int(entry))
    return found


def kill_children():
    for _ in range(100):
        left = children()
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            os.wait()
        except OSError:
            return


def main():
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("reaper: cannot become a subreaper")
    os.environ["MCPD_TEST_REAPER"] = str(os.getpid())
    main_pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(main_pid, number))
    while True:
        pid, status = os.wait()
        if pid == main_pid:
            break
    kill_children()
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
