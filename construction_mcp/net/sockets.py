"""A plain connection through the guard, for what is not HTTP."""

import asyncio
import socket

from construction_mcp.net.egress import Endpoint, Guard, Only, Resolver


async def connected(host: str, port: int, *, resolver: Resolver | None = None) -> socket.socket:
    """A socket to a host that the operator's settings name, opened to an address that was judged.

    Raises:
        EgressRefused: the name leads where not even the operator may mean.
        OSError: it does not resolve, or nobody answers at any of its addresses.
    """
    endpoint = Endpoint(host, port, private=True)
    addresses = await Guard(Only([endpoint]), resolver).addresses(endpoint)
    for address in addresses[:-1]:
        try:
            return await _open(address, port)
        except OSError:
            continue
    return await _open(addresses[-1], port)


async def _open(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:  # also a cancelled attempt leaves no socket behind
        opened.close()
        raise
    return opened
