"""Cluster names for Python programs where no hosts file can be mounted (see ``isolation.Plain``).

Python imports this module by itself when its folder is on PYTHONPATH. It answers look-ups of names listed in the file
named by POCKET_HOSTS and passes all others on; the file is read anew for each look-up, as Services come and go.
The replaced function is the one below Python's own ``socket``, because gevent calls that directly.
"""

import _socket
import os

_system_getaddrinfo = _socket.getaddrinfo


def _look_up(name: str | None) -> str | None:
    try:
        with open(os.environ["POCKET_HOSTS"]) as file:  # noqa: PTH123 - imported by every program: keep imports few
            lines = [line.split("#")[0].split() for line in file]
    except (KeyError, OSError):
        return None
    return next((words[0] for words in lines if name in words[1:]), None)


def _getaddrinfo(host: str | bytes | None, *args: object, **kwargs: object) -> list:
    name = host.decode() if isinstance(host, bytes) else host
    return _system_getaddrinfo(_look_up(name) or host, *args, **kwargs)  # type: ignore[arg-type]


_socket.getaddrinfo = _getaddrinfo  # type: ignore[assignment]
