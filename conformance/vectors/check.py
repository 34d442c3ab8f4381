"""Checks the vectors without the library: hashlib, zlib, integers of Python, and AES from pyaes.

    python conformance/vectors/check.py

One line a check; exit 1 if one failed. docs/vectors.md explains the files and their members.
"""

import binascii
import copy
import json
import os
import re
import struct
import sys
import zlib
from hashlib import sha1, sha256

import pyaes

HERE = os.path.dirname(os.path.abspath(__file__))
PADDING_LEN = range(12, 1025)


def load(name):
    with open(os.path.join(HERE, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def h(text):
    return bytes.fromhex(text)


def same(found, expected):
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


# --- formulas ------------------------------------------------------------------------------


def ige(key, iv, data, encrypt):
    if len(data) % 16:
        raise ValueError("not whole blocks")
    aes = pyaes.AES(key)
    cipher = aes.encrypt if encrypt else aes.decrypt
    out, before_out, before_in = b"", *((iv[:16], iv[16:]) if encrypt else (iv[16:], iv[:16]))
    for at in range(0, len(data), 16):
        block = data[at : at + 16]
        result = xor(bytes(cipher(list(xor(block, before_out)))), before_in)
        before_out, before_in = result, block
        out += result
    return out


def x_of(side):
    return {"client": 0, "server": 8}[side]


def key_id(auth_key):
    return sha1(auth_key).digest()[12:20]


def msg_key_large(auth_key, x, inner):
    return sha256(auth_key[88 + x : 120 + x] + inner).digest()


def kdf2(auth_key, x, msg_key):
    a = sha256(msg_key + auth_key[x : x + 36]).digest()
    b = sha256(auth_key[40 + x : 76 + x] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]


def kdf1(auth_key, x, msg_key):
    a = sha1(msg_key + auth_key[x : x + 32]).digest()
    b = sha1(auth_key[32 + x : 48 + x] + msg_key + auth_key[48 + x : 64 + x]).digest()
    c = sha1(auth_key[64 + x : 96 + x] + msg_key).digest()
    d = sha1(msg_key + auth_key[96 + x : 128 + x]).digest()
    return a[:8] + b[8:] + c[4:16], a[8:] + b[:8] + c[16:] + d[:8]


def tmp_aes(new_nonce, server_nonce):
    a = sha1(new_nonce + server_nonce).digest()
    b = sha1(server_nonce + new_nonce).digest()
    c = sha1(new_nonce + new_nonce).digest()
    return a + b[:12], b[12:] + c + new_nonce[:4]


def nonce_hash(new_nonce, number, aux_hash):
    return sha1(new_nonce + bytes([number]) + aux_hash).digest()[4:]


def token(large):
    return int.from_bytes(large[:4], "little") | 1 << 31


def tl_bytes(data):
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes(-len(head + data) % 4)


def fingerprint(n, e):
    exponent = e.to_bytes((e.bit_length() + 7) // 8, "big")
    return sha1(tl_bytes(n) + tl_bytes(exponent)).digest()[12:20]


def rsa_pad_number(padded, temp_key):
    hashed = padded[::-1] + sha256(temp_key + padded).digest()
    encrypted = ige(temp_key, bytes(32), hashed, True)
    return int.from_bytes(xor(temp_key, sha256(encrypted).digest()) + encrypted, "big")


def rsa_open(key, block):
    """The 192 padded bytes, or None."""
    n = int(key["n"], 16)
    number = int.from_bytes(block, "big")
    if len(block) != 256 or number >= n:
        return None
    plain = pow(number, int(key["d"], 16), n).to_bytes(256, "big")
    temp_key = xor(plain[:32], sha256(plain[32:]).digest())
    hashed = ige(temp_key, bytes(32), plain[32:], False)
    padded = hashed[:192][::-1]
    return padded if sha256(temp_key + padded).digest() == hashed[192:] else None


class Reader:
    """TL, as much as is needed here."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        part = self.data[self.at : self.at + length]
        same(len(part), length)
        self.at += length
        return part

    def u32(self):
        return int.from_bytes(self.take(4), "little")

    def i32(self):
        return int.from_bytes(self.take(4), "little", signed=True)

    def i64(self):
        return int.from_bytes(self.take(8), "little", signed=True)

    def bytes(self):
        length = self.take(1)[0]
        if length == 254:
            length = int.from_bytes(self.take(3), "little")
        data = self.take(length)
        self.take(-self.at % 4)
        return data

    def rest(self):
        return self.take(len(self.data) - self.at)


# --- files ---------------------------------------------------------------------------------


def check_kdf(v):
    auth_key = h(v["auth_key"])
    same(key_id(auth_key).hex(), v["auth_key_id"])
    same(sha1(auth_key).digest()[:8].hex(), v["aux_hash"])
    for case in v["message_keys"]["cases"]:
        kdf = {1: kdf1, 2: kdf2}[case["version"]]
        key, iv = kdf(auth_key, x_of(case["from"]), h(v["message_keys"]["msg_key"]))
        same((key.hex(), iv.hex()), (case["aes_key"], case["aes_iv"]))
    for case in v["message_key"]["cases"]:
        large = msg_key_large(auth_key, x_of(case["from"]), h(v["message_key"]["plaintext"]))
        same(large[8:24].hex(), case["msg_key"])
        same(token(large), int(case["quick_ack_token_u32"], 16))
    exchange = v["key_exchange"]
    new_nonce = h(exchange["new_nonce"])
    key, iv = tmp_aes(new_nonce, h(exchange["server_nonce"]))
    same((key.hex(), iv.hex()), (exchange["tmp_aes_key"], exchange["tmp_aes_iv"]))
    hashes = [nonce_hash(new_nonce, number, h(v["aux_hash"])).hex() for number in (1, 2, 3)]
    same(hashes, exchange["new_nonce_hash"])
    same(sha1(new_nonce).digest()[4:].hex(), exchange["params_fail_hash"])
    salt = v["first_server_salt"]
    same(xor(h(salt["new_nonce"])[:8], h(salt["server_nonce"])[:8]).hex(), salt["server_salt"])
    check_ige({"cases": [v["ige"]]})


def check_ige(v):
    for case in v["cases"]:
        key, iv, data = h(case["key"]), h(case["iv"]), h(case["input"])
        same(ige(key, iv, data, True).hex(), case["encrypted"])
        same(ige(key, iv, data, False).hex(), case["decrypted"])


def check_msg_key(v):
    for case in v["cases"]:
        large = msg_key_large(h(v["auth_key"]), x_of(case["from"]), h(case["plaintext"]))
        same((large[8:24].hex(), token(large)), (case["msg_key"], case["quick_ack_token"]))
        same(sha1(h(case["plaintext"])).digest()[4:].hex(), case["msg_key_v1"])


def check_key(key):
    n, e, d = int(key["n"], 16), key["e"], int(key["d"], 16)
    same(pow(pow(7, e, n), d, n), 7)
    same(int.from_bytes(fingerprint(h(key["n"]), e), "little", signed=True), int(key["fingerprint"]))


def check_rsa_pad(v):
    check_key(v["key"])
    n, e = int(v["key"]["n"], 16), v["key"]["e"]
    for case in v["seal"]:
        padded = h(case["data"]) + h(case["padding"])
        numbers = [rsa_pad_number(padded, h(temp_key)) for temp_key in case["temp_keys"]]
        same([number < n for number in numbers], [False] * (len(numbers) - 1) + [True])
        same(pow(numbers[-1], e, n).to_bytes(256, "big").hex(), case["encrypted_data"])
    for case in v["open"]:
        padded = rsa_open(v["key"], h(case["encrypted_data"]))
        same(padded and padded.hex(), case["padded"])


def check_key_fingerprints(v):
    for case in v["cases"]:
        found = fingerprint(h(case["n"]), case["e"])
        same(found.hex(), case["fingerprint_bytes"])
        same(int.from_bytes(found, "little", signed=True), int(case["fingerprint"]))


def open_envelope(auth_key, side, packet):
    """salt, session_id, msg_id, seq_no, data, padding, token; or None."""
    if len(packet) < 72 or (len(packet) - 24) % 16 or packet[:8] != key_id(auth_key):
        return None
    msg_key = packet[8:24]
    inner = ige(*kdf2(auth_key, x_of(side), msg_key), packet[24:], False)
    large = msg_key_large(auth_key, x_of(side), inner)
    if large[8:24] != msg_key:
        return None
    salt, session_id, msg_id, seq_no, length = struct.unpack("<qqqii", inner[:32])
    if length < 0 or length % 4 or len(inner) - 32 - length not in PADDING_LEN:
        return None
    data, padding = inner[32 : 32 + length], inner[32 + length :]
    return salt, session_id, msg_id, seq_no, data, padding, token(large)


def seal_envelope(auth_key, side, inner):
    msg_key = msg_key_large(auth_key, x_of(side), inner)[8:24]
    return key_id(auth_key) + msg_key + ige(*kdf2(auth_key, x_of(side), msg_key), inner, True)


def check_envelopes(v):
    auth_key = h(v["auth_key"])
    same(key_id(auth_key).hex(), v["auth_key_id"])
    for case in v["good"]:
        header = [int(case[name]) for name in ("salt", "session_id", "msg_id", "seq_no")]
        data, padding = h(case["data"]), h(case["padding"])
        found = open_envelope(auth_key, case["from"], h(case["packet"]))
        same(found, (*header, data, padding, case["quick_ack_token"]))
        inner = struct.pack("<qqqii", *header, len(data)) + data + padding
        same(seal_envelope(auth_key, case["from"], inner).hex(), case["packet"])
    for case in v["bad"]:
        same((case["name"], open_envelope(auth_key, case["from"], h(case["packet"]))), (case["name"], None))


def read_plain(packet):
    """msg_id and body, or None."""
    if len(packet) < 20 or packet[:8] != bytes(8):
        return None
    msg_id, length = struct.unpack("<qi", packet[8:20])
    if length <= 0 or length % 4 or len(packet) - 20 - length not in range(16):
        return None
    return msg_id, packet[20 : 20 + length]


def check_plain_messages(v):
    for case in v["cases"]:
        found, message = read_plain(h(case["packet"])), case["message"]
        expected = message and (int(message["msg_id"]), h(message["body"]))
        same((case["name"], found), (case["name"], expected))


# --- the key exchange ----------------------------------------------------------------------

IDS = {
    0xBE7E8EF1: "req_pq_multi",
    0x05162463: "resPQ",
    0xD712E4BE: "req_DH_params",
    0xD0E8075C: "server_DH_params_ok",
    0x79CB045D: "server_DH_params_fail",
    0xF5045F1F: "set_client_DH_params",
    0x3BCBF734: "dh_gen_ok",
    0x46DC1FB9: "dh_gen_retry",
    0xA69DAE02: "dh_gen_fail",
}


def check_handshake(v):
    check_key(v["server_key"])
    for exchange in v["exchanges"]:
        Exchange(v, exchange).check()


class Exchange:
    def __init__(self, file, exchange):
        self.key, self.exchange, self.secrets = file["server_key"], exchange, exchange["secrets"]
        self.g, self.prime = file["group"]["g"], int(file["group"]["dh_prime"], 16)
        secrets = self.secrets
        self.nonces = h(secrets["nonce"]) + h(secrets["server_nonce"])
        self.new_nonce = h(secrets["new_nonce"])
        self.aes = tmp_aes(self.new_nonce, h(secrets["server_nonce"]))
        same([part.hex() for part in self.aes], [secrets["tmp_aes_key"], secrets["tmp_aes_iv"]])
        self.round, self.retry_id, self.established = 0, bytes(8), False

    def check(self):
        previous = {"client": 0, "server": 0}
        for packet in self.exchange["packets"]:
            msg_id, body = read_plain(h(packet["packet"]))
            same(msg_id % 4, {"client": 0, "server": 1}[packet["from"]])
            same(msg_id > previous[packet["from"]], True)
            previous[packet["from"]] = msg_id
            reader = Reader(body)
            name = IDS[reader.u32()]
            same(name, packet["name"])
            getattr(self, name)(reader, packet)
            same(reader.rest(), b"")
        outcome = self.exchange["outcome"]
        same(self.established, outcome["established"])
        if self.established:
            salt = xor(self.new_nonce[:8], self.nonces[16:24])
            same(int.from_bytes(salt, "little", signed=True), int(outcome["server_salt"]))
            same(self.exchange["keys"][-1]["auth_key_id"], outcome["auth_key_id"])

    def req_pq_multi(self, reader, _):
        same(reader.take(16), self.nonces[:16])

    def resPQ(self, reader, _):
        same(reader.take(32), self.nonces)
        pq, p, q = (int(self.secrets[name], 16) for name in ("pq", "p", "q"))
        same(int.from_bytes(reader.bytes(), "big"), pq)
        same((p * q, p < q, pow(2, p - 1, p), pow(2, q - 1, q)), (pq, True, 1, 1))
        same((reader.u32(), reader.i32()), (0x1CB5C415, 1))
        same(reader.take(8), fingerprint(h(self.key["n"]), self.key["e"]))

    def req_DH_params(self, reader, packet):
        secrets, client = self.secrets, self.exchange["client"]
        p, q = h(secrets["p"]), h(secrets["q"])
        same(reader.take(32), self.nonces)
        same((reader.bytes(), reader.bytes()), (p, q))
        same(reader.take(8), fingerprint(h(self.key["n"]), self.key["e"]))
        temporary = client["expires_in"] is not None
        inner = struct.pack("<I", 0x56FDDF88 if temporary else 0xA9F55F95)
        inner += tl_bytes(h(secrets["pq"])) + tl_bytes(p) + tl_bytes(q)
        inner += self.nonces + self.new_nonce + struct.pack("<i", client["dc"])
        inner += struct.pack("<i", client["expires_in"]) if temporary else b""
        padded = inner + h(secrets["rsa_padding"])
        same(padded.hex(), packet["decrypted"])
        block = reader.bytes()
        same(rsa_open(self.key, block), padded)
        number = rsa_pad_number(padded, h(secrets["rsa_temp_keys"][-1]))
        same(pow(number, self.key["e"], int(self.key["n"], 16)), int.from_bytes(block, "big"))

    def opened(self, reader, packet):
        """What stands behind the SHA1, which must fit with exactly one padding."""
        plain = ige(*self.aes, reader.bytes(), False)
        same(plain.hex(), packet["decrypted"])
        fits = [n for n in range(16) if sha1(plain[20 : len(plain) - n]).digest() == plain[:20]]
        same(len(fits), 1)
        return Reader(plain[20 : len(plain) - fits[0]])

    def in_range(self, power):
        same(2**1984 <= power <= self.prime - 2**1984, True)

    def server_DH_params_ok(self, reader, packet):
        same(reader.take(32), self.nonces)
        inner = self.opened(reader, packet)
        same((inner.u32(), inner.take(32), inner.i32()), (0xB5890DBA, self.nonces, self.g))
        same(int.from_bytes(inner.bytes(), "big"), self.prime)
        g_a = int.from_bytes(inner.bytes(), "big")
        same(g_a, pow(self.g, int(self.secrets["a"], 16), self.prime))
        self.in_range(g_a)
        server_time, client = inner.i32(), self.exchange["client"]
        server_us = int(self.exchange["server"]["unix_time_us"])
        same(server_time, server_us // 1000000)
        outcome, expires_in = self.exchange["outcome"], client["expires_in"]
        if outcome["established"]:
            same(outcome["expires_at"], expires_in and server_time + expires_in)
            offset = server_time * 1000000 - int(client["unix_time_us"])
            same(int(outcome["time_offset_us"]), offset)
        same(inner.rest(), b"")

    def server_DH_params_fail(self, reader, _):
        same(reader.take(32), self.nonces)
        same(reader.take(16), sha1(self.new_nonce).digest()[4:])

    def set_client_DH_params(self, reader, packet):
        same(reader.take(32), self.nonces)
        inner = self.opened(reader, packet)
        same((inner.u32(), inner.take(32)), (0x6643B654, self.nonces))
        same(inner.take(8), self.retry_id)
        g_b = int.from_bytes(inner.bytes(), "big")
        same(g_b, pow(self.g, int(self.secrets["b"][self.round], 16), self.prime))
        self.in_range(g_b)
        same(inner.rest(), b"")
        auth_key = pow(g_b, int(self.secrets["a"], 16), self.prime).to_bytes(256, "big")
        key = self.exchange["keys"][self.round]
        same(auth_key.hex(), key["auth_key"])
        same(key_id(auth_key).hex(), key["auth_key_id"])
        same(sha1(auth_key).digest()[:8].hex(), key["aux_hash"])
        self.retry_id = h(key["aux_hash"])

    def answer(self, reader, number, stored):
        same(reader.take(32), self.nonces)
        same(reader.take(16), nonce_hash(self.new_nonce, number, self.retry_id))
        same(self.exchange["keys"][self.round]["stored"], stored)
        self.round += 1

    def dh_gen_ok(self, reader, _):
        self.answer(reader, 1, True)
        self.established = True

    def dh_gen_retry(self, reader, _):
        self.answer(reader, 2, False)

    def dh_gen_fail(self, reader, _):
        self.answer(reader, 3, False)


# --- streams -------------------------------------------------------------------------------

TAGS = {"abridged": b"\xef", "intermediate": b"\xee" * 4, "padded": b"\xdd" * 4, "full": b""}


def write_frame(framing, side, frame, sequence):
    if "quick_ack_token" in frame:
        return frame["quick_ack_token"].to_bytes(4, "big" if framing == "abridged" else "little")
    body = h(frame["packet"]) if "packet" in frame else struct.pack("<i", frame["error"])
    flag = 1 if frame.get("quick_ack") else 0
    if framing == "abridged":
        words = len(body) // 4
        if words < 127:
            return bytes([words | flag << 7]) + body
        return bytes([127 | flag << 7]) + words.to_bytes(3, "little") + body
    if framing == "full":
        covered = struct.pack("<II", len(body) + 12, sequence) + body
        return covered + struct.pack("<I", binascii.crc32(covered))
    body += h(frame.get("padding", ""))
    return struct.pack("<I", len(body) | flag << 31) + body


def check_framings(v):
    for case in v["cases"]:
        framing = case["framing"]
        stream = TAGS[framing] if case["from"] == "client" else b""
        for sequence, frame in enumerate(case["frames"]):
            stream += write_frame(framing, case["from"], frame, sequence)
        same(stream.hex(), case["stream"])


def ctr(key, data):
    counter = pyaes.Counter(initial_value=int(key["iv"], 16))
    return pyaes.AESModeOfOperationCTR(h(key["key"]), counter=counter).encrypt(data)


def stream_key(opening, secret):
    key = opening[8:40]
    return {"key": (sha256(key + h(secret)).hexdigest() if secret else key.hex()), "iv": opening[40:56].hex()}


def check_frames(framing, stream, packets):
    for packet in map(h, packets):
        head = write_frame(framing, "", {"packet": packet.hex()}, 0)[: -len(packet)]
        if framing == "padded":
            length = int.from_bytes(stream[:4], "little")
            same(length - len(packet) in range(16), True)
            head = stream[:4]
            end = 4 + length
        else:
            end = len(head) + len(packet)
        same(stream[: len(head) + len(packet)], head + packet)
        stream = stream[end:]
    same(stream, b"")


def check_obfuscation(v):
    for case in v["cases"]:
        opening = h(case["opening"])
        keys = {
            "to_server": stream_key(opening, case["secret"]),
            "to_client": stream_key(opening[::-1], case["secret"]),
        }
        same(keys, case["keys"])
        plain = ctr(keys["to_server"], opening + h(case["client"]["stream"]))
        same(plain[56:60], TAGS[case["framing"]][:1] * 4)
        same(int.from_bytes(plain[60:62], "little", signed=True), case["dc"])
        check_frames(case["framing"], plain[64:], case["client"]["packets"])
        plain = ctr(keys["to_client"], h(case["server"]["stream"]))
        check_frames(case["framing"], plain, case["server"]["packets"])
    for case in v["bad"]:
        for secret in case["secrets"] or [None]:
            stream = h(case["stream"])
            tag = ctr(stream_key(stream[:64], secret), stream[:64])[56:60]
            is_plain = stream.startswith(TAGS["intermediate"])
            same(is_plain or tag not in [tag[:1] * 4 for tag in TAGS.values() if tag], True)


# --- sessions ------------------------------------------------------------------------------

CONTAINER, GZIP, ECHO = 0x73F1F8DC, 0x3072CFA1, 0x983BF800


def read_container(msg_id, body):
    """(msg_id, seq_no, body) of each message, or None."""
    try:
        reader, messages = Reader(body), []
        same(reader.u32(), CONTAINER)
        count = reader.i32()
        same(count in range(1021), True)
        for _ in range(count):
            message_id, seq_no, length = reader.i64(), reader.i32(), reader.i32()
            same((message_id < msg_id, length >= 4, length % 4), (True, True, 0))
            messages.append((message_id, seq_no, reader.take(length)))
            same(messages[-1][2][:4] == struct.pack("<I", CONTAINER), False)
        same(reader.rest(), b"")
    except AssertionError:
        return None
    return messages


class Server:
    """The checks of a server, in their order: window, salt, container, repeats, order."""

    def __init__(self, session, ids_max=1024):
        self.now, self.salt, self.ids_max = session["unix_time"], int(session["server_salt"]), ids_max
        self.ids, self.forgotten, self.order, self.runs, self.notices = set(), 0, {}, [], []
        self.accepted, self.announced = [], False

    def window(self, msg_id):
        seconds = msg_id / 2**32
        if msg_id % 4 or not msg_id % 2**32:
            return 18
        if msg_id not in self.ids:
            if seconds < self.now - 300:
                return 16
            # The low half is finer than the clock: whole microseconds count.
            if seconds * 1000000 >= (self.now + 30) * 1000000 + 1:
                return 17
            if self.forgotten >= msg_id or (len(self.ids) >= self.ids_max and msg_id < min(self.ids)):
                return 20
        return None

    def record(self, msg_id):
        self.ids.add(msg_id)
        if len(self.ids) > self.ids_max:
            self.forgotten = max(self.forgotten, min(self.ids))
            self.ids.remove(min(self.ids))

    def receive(self, salt, msg_id, seq_no, body):
        code = self.window(msg_id) or (48 if salt != self.salt else None)
        if not code and body[:4] == struct.pack("<I", CONTAINER):
            code = self.container(msg_id, seq_no, body)
        elif not code:
            code = self.message(msg_id, seq_no, body)
        if code:
            self.notices.append((msg_id, seq_no, code))
        if self.accepted and not self.announced:
            # new_session_created says that nothing before its first_msg_id will run.
            self.announced, self.forgotten = True, max(self.forgotten, self.accepted[0])

    def container(self, msg_id, seq_no, body):
        if seq_no % 2:
            return 34
        messages = read_container(msg_id, body)
        if messages is None:
            return 64
        if msg_id in self.order:
            return 19
        self.record(msg_id)
        for inner in sorted(messages):
            code = self.window(inner[0]) or self.message(*inner)
            if code:
                self.notices.append((*inner[:2], code))
        return None

    def message(self, msg_id, seq_no, body):
        if msg_id in self.ids:
            return None
        if int.from_bytes(body[:4], "little") != ECHO:
            self.accepted.append(msg_id)
            return self.record(msg_id)
        if seq_no % 2 == 0:
            return 35
        earlier = [number for id, number in self.order.items() if id < msg_id]
        later = [number for id, number in self.order.items() if id > msg_id]
        if earlier and max(earlier) >= seq_no:
            return 32
        if later and min(later) <= seq_no:
            return 33
        self.order[msg_id] = seq_no
        self.accepted.append(msg_id)
        self.runs.append((msg_id, body))
        return self.record(msg_id)


def check_containers(v):
    for case in v["cases"]:
        server = Server(v["session"])
        server.receive(server.salt, int(case["msg_id"]), case["seq_no"], h(case["body"]))
        same(server.runs, [(int(call["msg_id"]), h(call["body"])) for call in case["calls"]])
        notices = [(int(notice["bad_msg_id"]), notice["code"]) for notice in case["notices"]]
        same([(id, code) for id, _, code in server.notices], notices)


def inflate(data, limit):
    """The plain bytes, or None."""
    if data[:2] != b"\x1f\x8b" and data[:1] != b"\x78":
        return None
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = stream.decompress(data, limit + 1)
    except zlib.error:
        return None
    return plain if stream.eof and len(plain) <= limit else None


def check_gzip(v):
    for case in v["cases"]:
        reader = Reader(h(case["body"]))
        same(reader.u32(), GZIP)
        plain = inflate(reader.bytes(), v["inflate_bytes_max"])
        if plain and int.from_bytes(plain[:4], "little") in (GZIP, CONTAINER):
            plain = None
        same((case["name"], plain and plain.hex()), (case["name"], case["plain"]))


def check_bad_msg(v):
    for case in v["cases"]:
        server = Server(v["session"], case["received_ids_max"])
        for message in case["before"]:
            server.receive(server.salt, int(message["msg_id"]), message["seq_no"], h(message["body"]))
        same(server.notices, [])
        server.runs = []
        message = case["message"]
        server.receive(
            int(case["salt"]), int(message["msg_id"]), message["seq_no"], h(message["body"])
        )
        same((case["name"], bool(server.runs)), (case["name"], case["runs"]))
        notice = case["notice"]
        expected = [(int(notice["bad_msg_id"]), notice["bad_msg_seqno"], notice["error_code"])] if notice else []
        same((case["name"], server.notices), (case["name"], expected))
        if notice:
            kind = 0xEDAB447B if notice["error_code"] == 48 else 0xA7EFF811
            same(struct.pack("<Iqii", kind, *expected[0]).hex(), notice["starts_with"])


# --- the binding of temporary keys ---------------------------------------------------------


def read_binding(perm_key, request, carrier, now):
    """The name of the first fault, or None."""
    reader = Reader(request)
    same(reader.u32(), 0xCDD42A05)
    perm_id, nonce, expires_at = reader.take(8), reader.take(8), reader.take(4)
    sealed = reader.bytes()
    if len(sealed) != 104:
        return "Length"
    if not sealed[:8] == perm_id == key_id(perm_key):
        return "PermanentKey"
    plain = ige(*kdf1(perm_key, 0, sealed[8:24]), sealed[24:], False)
    if sha1(plain[:72]).digest()[4:] != sealed[8:24]:
        return "MsgKey"
    msg_id, seq_no, length, kind = struct.unpack("<qiiI", plain[16:36])
    inner = plain[36:72]
    session = struct.pack("<q", int(carrier["temp_session_id"]))
    rules = [
        (msg_id == int(carrier["msg_id"]), "MsgId"),
        (seq_no == 0, "SeqNo"),
        (length == 40 and kind == 0x75A3F765, "Malformed"),
        (inner[:8] == nonce, "Nonce"),
        (inner[8:16] == h(carrier["temp_auth_key_id"]), "TemporaryKey"),
        (inner[16:24] == perm_id, "PermanentKey"),
        (inner[24:32] == session, "Session"),
        (inner[32:] == expires_at, "Expiry"),
        (int.from_bytes(expires_at, "little") > now, "Expired"),
    ]
    return next((fault for holds, fault in rules if not holds), None)


def check_binding(v):
    perm_key, seal = h(v["perm_auth_key"]), v["seal"]
    same(key_id(perm_key).hex(), v["perm_auth_key_id"])
    nonce, expires_at = struct.pack("<q", int(seal["nonce"])), struct.pack("<i", seal["expires_at"])
    carrier = seal["carrier"]
    plain = h(seal["random"]) + struct.pack("<qiiI", int(carrier["msg_id"]), 0, 40, 0x75A3F765)
    plain += nonce + h(carrier["temp_auth_key_id"]) + key_id(perm_key)
    plain += struct.pack("<q", int(carrier["temp_session_id"])) + expires_at
    msg_key = sha1(plain).digest()[4:]
    encrypted = ige(*kdf1(perm_key, 0, msg_key), plain + h(seal["padding"]), True)
    request = struct.pack("<I", 0xCDD42A05) + key_id(perm_key) + nonce + expires_at
    request += tl_bytes(key_id(perm_key) + msg_key + encrypted)
    same(request.hex(), seal["request"])
    for case in v["cases"]:
        fault = read_binding(perm_key, h(case["request"]), case["carrier"], case["server_time"])
        same((case["name"], fault), (case["name"], case["fault"]))


# --- the program ---------------------------------------------------------------------------


def check_the_example():
    """The Python example of docs/vectors.md runs and says nothing."""
    page = os.path.join(HERE, "..", "..", "docs", "vectors.md")
    with open(page, encoding="utf-8") as file:
        examples = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
    same(len(examples), 1)
    os.chdir(HERE)
    exec(compile(examples[0], page, "exec"), {})


# Each check, and a member that makes it fail when its last digit is another one.
CHECKS = {
    "kdf": (check_kdf, ["message_keys", "cases", 2, "aes_iv"]),
    "ige": (check_ige, ["cases", 1, "decrypted"]),
    "msg_key": (check_msg_key, ["cases", 3, "msg_key"]),
    "rsa_pad": (check_rsa_pad, ["seal", 2, "encrypted_data"]),
    "key_fingerprints": (check_key_fingerprints, ["cases", 4, "fingerprint_bytes"]),
    "handshake": (check_handshake, ["exchanges", 2, "packets", 7, "packet"]),
    "envelopes": (check_envelopes, ["good", 7, "packet"]),
    "plain_messages": (check_plain_messages, ["cases", 2, "message", "body"]),
    "framings": (check_framings, ["cases", 6, "stream"]),
    "obfuscation": (check_obfuscation, ["cases", 3, "server", "stream"]),
    "containers": (check_containers, ["cases", 0, "calls", 1, "body"]),
    "gzip": (check_gzip, ["cases", 2, "plain"]),
    "binding": (check_binding, ["seal", "request"]),
    "bad_msg": (check_bad_msg, ["cases", 2, "notice", "starts_with"]),
}


def changed(value, path):
    value = copy.deepcopy(value)
    *way, last = path
    inner = value
    for step in way:
        inner = inner[step]
    inner[last] = inner[last][:-1] + ("0" if inner[last][-1] != "0" else "1")
    return value


def run(name, check, *arguments):
    try:
        check(*arguments)
    except Exception as error:  # whatever a check raises, it failed
        print(f"FAIL {name}: {type(error).__name__}: {str(error)[:500]}", flush=True)
        return False
    print(f"ok   {name}", flush=True)
    return True


def notices_a_change(check, value):
    try:
        check(value)
    except Exception:
        return
    raise AssertionError("a changed digit was not noticed")


def main():
    passed = True
    for name, (check, path) in CHECKS.items():
        value = load(name)
        passed &= run(f"vectors: {name}", check, value)
        passed &= run(f"vectors: {name}, one digit changed", notices_a_change, check, changed(value, path))
    passed &= run("vectors: the example of docs/vectors.md", check_the_example)
    sys.exit(not passed)


if __name__ == "__main__":
    main()
