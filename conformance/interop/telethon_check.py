"""Telethon against odnix-server, over each transport it knows.

    python telethon_check.py --tcp HOST:PORT --key server_key.pub.pem

Prints one line a check and exits with the number of failed ones. Telethon is used as it is; it only
learns the constructors of help.echo and odnix.invokeJson, and the server's key. Over HTTP one
comparison of its reader is repaired, which keeps it from reading anything.
"""

import argparse
import asyncio
import json
import logging
import os
import struct
import sys
import time
import types
import zlib

from telethon import TelegramClient, functions
from telethon.crypto import rsa
from telethon.errors import RPCError
from telethon.network import authenticator, connection, mtprotostate
from telethon.network.connection.http import HttpPacketCodec
from telethon.sessions import StringSession
from telethon.tl.alltlobjects import tlobjects
from telethon.tl.tlobject import TLObject, TLRequest
from telethon.tl.types import DataJSON

TIMEOUT_S = 30
SKEW_S = 4000
TRANSPORTS = {
    "full": connection.ConnectionTcpFull,
    "abridged": connection.ConnectionTcpAbridged,
    "intermediate": connection.ConnectionTcpIntermediate,
    "obfuscated": connection.ConnectionTcpObfuscated,
    "http": connection.ConnectionHttp,
}


async def read_http_packet(self, reader):
    """As Telethon's own, which compares the last byte of each line, a number, with bytes."""
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        if line.lower().startswith(b"content-length: "):
            await reader.readexactly(2)
            return await reader.readexactly(int(line[16:-2]))


HttpPacketCodec.read_packet = read_http_packet


def constructor_id(line):
    """The id of a TL line: the CRC-32 of its text, in which `bytes` counts as `string`."""
    return zlib.crc32(line.encode())


class Echoed(TLObject):
    CONSTRUCTOR_ID = constructor_id("help.echoed data:string = help.Echoed")

    def __init__(self, data):
        self.data = data

    @classmethod
    def from_reader(cls, reader):
        return cls(reader.tgread_bytes())


class EchoRequest(TLRequest):
    CONSTRUCTOR_ID = constructor_id("help.echo data:string = help.Echoed")

    def __init__(self, data):
        self.data = data

    def to_dict(self):
        return {"_": "EchoRequest", "length": len(self.data)}

    def _bytes(self):
        return struct.pack("<I", self.CONSTRUCTOR_ID) + self.serialize_bytes(self.data)


class InvokeJsonRequest(TLRequest):
    CONSTRUCTOR_ID = constructor_id("odnix.invokeJson query:DataJSON = DataJSON")

    def __init__(self, query):
        self.query = DataJSON(json.dumps(query))

    def to_dict(self):
        return {"_": "InvokeJsonRequest"}

    def _bytes(self):
        return struct.pack("<I", self.CONSTRUCTOR_ID) + bytes(self.query)


class UnknownRequest(TLRequest):
    CONSTRUCTOR_ID = 0x0BADF00D

    def to_dict(self):
        return {"_": "UnknownRequest"}

    def _bytes(self):
        return struct.pack("<I", self.CONSTRUCTOR_ID)


tlobjects[Echoed.CONSTRUCTOR_ID] = Echoed


class Report:
    """One line a check; a failed check does not end the run."""

    def __init__(self):
        self.failed = 0

    async def check(self, name, work):
        started = time.perf_counter()
        try:
            await asyncio.wait_for(work, TIMEOUT_S)
        except Exception as error:  # every failure is a line of the report
            self.failed += 1
            reason = f"{type(error).__name__}: {error}"
            print(f"FAIL telethon {name}: {reason}", flush=True)
            return False
        took_ms = (time.perf_counter() - started) * 1000
        print(f"ok   telethon {name} ({took_ms:.0f} ms)", flush=True)
        return True


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class SkewedClock:
    """What Telethon's protocol code reads instead of the clock, for as long as it is entered."""

    def __init__(self, offset_s):
        self.clock = types.SimpleNamespace(time=lambda: time.time() + offset_s)

    def __enter__(self):
        mtprotostate.time = authenticator.time = self.clock

    def __exit__(self, *_):
        mtprotostate.time = authenticator.time = time


class Server:
    def __init__(self, host, port, dc):
        self.host, self.port, self.dc = host, port, dc
        self.key_exchanges = 0
        do_authentication = authenticator.do_authentication

        async def counted(sender):
            self.key_exchanges += 1
            return await do_authentication(sender)

        authenticator.do_authentication = counted

    def client(self, transport, saved=None):
        session = StringSession(saved)
        if saved is None:
            session.set_dc(self.dc, self.host, self.port)
        return TelegramClient(
            session,
            api_id=1,
            api_hash="0" * 32,
            connection=TRANSPORTS[transport],
            request_retries=1,
            connection_retries=3,
            retry_delay=0,
        )


async def echo(client, data):
    answer = await client(EchoRequest(data))
    expect(isinstance(answer, Echoed), f"the answer is {type(answer).__name__}")
    expect(answer.data == data, f"{len(data)} bytes went out, {len(answer.data)} others came back")


async def ping(client):
    ping_id = int.from_bytes(os.urandom(7), "little")
    pong = await client._sender.send(functions.PingRequest(ping_id))
    expect(pong.ping_id == ping_id, "pong with another ping_id")


async def get_config(client, server):
    config = await client(functions.help.GetConfigRequest())
    expect(config.expires.timestamp() > time.time() + 60, "the config has expired")
    expect(any(option.id == config.this_dc for option in config.dc_options), "no option for this_dc")
    nearest = await client(functions.help.GetNearestDcRequest())
    expect(nearest.this_dc == config.this_dc, "help.getNearestDc names another dc")


async def unknown_rpc(client):
    try:
        answer = await client(UnknownRequest())
    except RPCError as error:
        expect(error.code == 400, f"error code {error.code}")
        expect("INPUT_METHOD_INVALID" in str(error.message), f"error {error.message}")
        return
    raise AssertionError(f"answered with {answer}")


async def in_json(client, server):
    answer = json.loads((await client(InvokeJsonRequest({"_": "help.getNearestDc"}))).data)
    wanted = {"_": "nearestDc", "country": "", "this_dc": server.dc, "nearest_dc": server.dc}
    expect(answer == wanted, f"the answer is {answer}")
    try:
        answer = await client(InvokeJsonRequest({"_": "help.echo", "data": 1}))
    except RPCError as error:
        expect(error.code == 400, f"error code {error.code}")
        expect("DATA_JSON_INVALID: data: " in str(error.message), f"error {error.message}")
        return
    raise AssertionError(f"answered with {answer}")


async def container(client):
    requests = [EchoRequest(b"one"), EchoRequest(b"two")]
    futures = client._sender.send(requests)
    sent = []
    while len(sent) < len(requests):
        await asyncio.sleep(0)
        sent = [s for s in client._sender._pending_state.values() if s.request in requests]
    expect(sent[0].container_id is not None, "no container was sent")
    expect(sent[0].container_id == sent[1].container_id, "two containers were sent")
    answers = [await future for future in futures]
    expect([answer.data for answer in answers] == [b"one", b"two"], "answers are mixed up")


async def wrong_salt(client):
    state = client._sender._state
    wrong = state.salt ^ 0x5A5A5A5A5A5A
    state.salt = wrong
    await echo(client, b"salt")
    expect(state.salt != wrong, "the wrong salt was never corrected")


async def wrong_clock(client, offset_s):
    state = client._sender._state
    right = state.time_offset
    state.time_offset += offset_s
    state._last_msg_id = 0
    await echo(client, b"time")
    expect(abs(state.time_offset - right) < 60, f"the offset is still {state.time_offset} s")


async def cut(client):
    before = client._sender._connection._writer
    waiting = asyncio.ensure_future(echo(client, os.urandom(2000)))
    await asyncio.sleep(0)
    before.transport.abort()
    await waiting
    expect(client._sender._connection._writer is not before, "the connection was not cut")


async def saved_key(server, transport, client):
    saved = client.session.save()
    key_id = client.session.auth_key.key_id
    await client.disconnect()
    exchanges = server.key_exchanges
    for offset_s in (0, -SKEW_S, SKEW_S):
        again = server.client(transport, saved)
        with SkewedClock(offset_s):
            await again.connect()
            await echo(again, b"again")
            expect(again.session.auth_key.key_id == key_id, "another key is in use")
            await again.disconnect()
    expect(server.key_exchanges == exchanges, "a second key exchange took place")


async def fresh_key_under(server, transport, offset_s):
    with SkewedClock(offset_s):
        client = server.client(transport)
        await client.connect()
        await echo(client, b"fresh")
        await client.disconnect()


async def run(report, server, transport):
    client = server.client(transport)
    if not await report.check(f"{transport}: key exchange and connect", client.connect()):
        return
    checks = [
        ("ping", ping(client)),
        ("help.getConfig", get_config(client, server)),
        ("an unknown RPC is answered by a typed error", unknown_rpc(client)),
        ("help.getNearestDc in JSON", in_json(client, server)),
        ("echo of 5 bytes", echo(client, b"hello")),
        ("echo of 8 KiB that compress", echo(client, b"compress me " * 683)),
        ("echo of 100 KiB random", echo(client, os.urandom(100 * 1024))),
        ("two requests in a container", container(client)),
        ("a wrong salt", wrong_salt(client)),
        (f"a clock {SKEW_S} s slow", wrong_clock(client, -SKEW_S)),
        (f"a clock {SKEW_S} s fast", wrong_clock(client, SKEW_S)),
        ("a connection cut under a request", cut(client)),
        ("reconnect with the saved key, also with a wrong clock", saved_key(server, transport, client)),
        (f"a key exchange with a clock {SKEW_S} s slow", fresh_key_under(server, transport, -SKEW_S)),
        (f"a key exchange with a clock {SKEW_S} s fast", fresh_key_under(server, transport, SKEW_S)),
    ]
    for name, work in checks:
        await report.check(f"{transport}: {name}", work)
    await client.disconnect()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tcp", required=True, metavar="HOST:PORT")
    parser.add_argument("--key", required=True, metavar="PEM")
    parser.add_argument("--dc", type=int, default=2)
    parser.add_argument("--transport", choices=TRANSPORTS, help="only this one")
    parser.add_argument("--verbose", action="store_true", help="Telethon's own log on stderr")
    options = parser.parse_args()
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.CRITICAL)
    with open(options.key, encoding="ascii") as key:
        rsa.add_key(key.read(), old=False)
    host, port = options.tcp.rsplit(":", 1)
    server = Server(host.strip("[]"), int(port), options.dc)
    report = Report()
    for transport in [options.transport] if options.transport else TRANSPORTS:
        await run(report, server, transport)
    return report.failed


if __name__ == "__main__":
    sys.exit(min(asyncio.run(main()), 100))
