# SPDX-License-Identifier: Apache-2.0
"""A crowd at the session socket: so many connects within two seconds, each left at once.

systemd gives up a socket unit that is triggered too often (TriggerLimit*), unless told otherwise.
"""

from __future__ import annotations

import socket
import sys
import time


def main() -> None:
    count, started = int(sys.argv[1]), time.monotonic()
    visitors = []
    for _ in range(count):
        visitor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        visitor.connect("/run/c8y-remote-access-connect.sock")
        visitors.append(visitor)
    took = time.monotonic() - started
    for visitor in visitors:
        visitor.close()
    assert took < 2, f"only {count} connects in {took} s"


if __name__ == "__main__":
    main()
