"""Stops one thread, and none of the others of its process, until standard input ends: hold_thread.py THREAD_ID

Says `held` once the thread stands. It goes on when this program ends, however it ends (ptrace(2)). Exit status 1 where
the system permits nobody to do so. (In Rust it would take unsafe code, or a crate that has libc, and with it every
dependency of the program, built another way for tests.)
"""

import ctypes
import os
import sys

SEIZE, INTERRUPT = 0x4206, 0x4207  # linux/ptrace.h
ALL_KINDS = 0x40000000  # __WALL of linux/wait.h: threads, too

C_LIBRARY = ctypes.CDLL(None, use_errno=True)
C_LIBRARY.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def trace(request, thread):
    if C_LIBRARY.ptrace(request, thread, None, None) != 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")


def main():
    thread = int(sys.argv[1])
    trace(SEIZE, thread)
    trace(INTERRUPT, thread)
    os.waitpid(thread, ALL_KINDS)
    print("held", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
