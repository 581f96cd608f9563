"""Runs a command on a kernel that seems to have no IPv6: `no-ipv6.py COMMAND...`. A seccomp filter refuses its sockets."""
import ctypes
import errno
import os
import struct
import sys

AF_INET6 = 10
SOCKET = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def instruction(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)


program = b"".join([
    instruction(LOAD, 0, 0, 0),  # the number of the system call
    instruction(JUMP_IF_EQUAL, 0, 3, SOCKET),
    instruction(LOAD, 0, 0, 16),  # its first argument
    instruction(JUMP_IF_EQUAL, 0, 1, AF_INET6),
    instruction(RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT),
    instruction(RETURN, 0, 0, ALLOW),
])
buffer = ctypes.create_string_buffer(program)
filter_program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0):
    raise OSError(ctypes.get_errno(), "prctl")
os.execvp(sys.argv[1], sys.argv[1:])
