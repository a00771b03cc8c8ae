#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Start a program and give it a name. Usage: name_child.py NAME COMMAND...

No binding: two ioctls of uapi/procfd.h. The child is opened by its pid before
anyone reaps it, and until then the pid is its own.
"""
import array
import fcntl
import os
import struct
import subprocess
import sys

PROCFD_IOC_OPEN = 0x4008D603  # struct procfd_open: pid, flags
PROCFD_IOC_FLINK = 0x4018D604  # struct procfd_flink: fd, dirfd, name, flags, reserved

path, *command = sys.argv[1:]
child = subprocess.Popen(command)
directory = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY)
name = array.array("b", os.fsencode(os.path.basename(path)) + b"\0")
with open("/dev/procfd", "rb", buffering=0) as device:
    # A bytearray, for with bytes fcntl.ioctl gives these back, not the descriptor.
    fd = fcntl.ioctl(device, PROCFD_IOC_OPEN, bytearray(struct.pack("iI", child.pid, 0)))
    fcntl.ioctl(device, PROCFD_IOC_FLINK, bytearray(
        struct.pack("iiQII", fd, directory, name.buffer_info()[0], 0, 0)))
child.wait()
# The zombie is gone, and the record is not.
print(os.pread(fd, 512, 0).decode().splitlines()[0])
