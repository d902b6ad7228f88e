# SPDX-License-Identifier: Apache-2.0
"""A mesh-server of a test's own, and nodes that register with it without an agent. Wants the classes that protoc makes of proto/."""
import ctypes
import hashlib
import os
import re
import ssl
import struct
import subprocess
import time

from http2 import Connection, tls_context, unary
from mesh.v1 import admin_pb2, coordination_pb2

CHALLENGE, REGISTER, REPORT, WATCH = (f"/mesh.v1.Coordination/{name}" for name in ("Challenge", "Register", "Report", "Watch"))
PATIENCE = 180  # seconds for an answer: others may keep the disk busy
sodium = ctypes.CDLL("libsodium.so.23")


class Server:
    """Made anew in an empty directory."""

    def __init__(self, binary: str, state: str):
        self.process = subprocess.Popen([binary, "--listen", "127.0.0.1:0", "--http-listen", "", "--state-dir", state, "--log-level", "error"],
                                        stdout=subprocess.PIPE, text=True)
        # A network without users is told what to do next, with the port.
        line = next(line for line in self.process.stdout if "KERNMESH_SERVER=" in line)
        self.address = ("127.0.0.1", int(re.search(r"localhost:(\d+)", line).group(1)))
        self.authority = f"{state}/ca.crt"
        self.context = tls_context(self.authority)
        with open(f"{state}/admin.token", encoding="ascii") as file:
            self.token = file.read().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def connect(self, **how) -> Connection:
        return Connection(self.address, self.context, **how)

    def ask(self, connection: Connection, stream: int, method: str, request) -> bytes:
        """The administrator's call."""
        answer = unary(connection, stream, f"/mesh.v1.Admin/{method}", self.token, request.SerializeToString())
        assert answer is not None, (method, connection.ended, connection.refusal)
        return answer

    def fingerprint(self) -> bytes:
        with open(self.authority, encoding="ascii") as file:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).digest()

    def memory_mib(self, what: str) -> float:
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(what)) / 1024

    def processor_seconds(self) -> float:
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            spent = file.read().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")

    def wait_until_idle(self, stop) -> None:
        """Until it has worked off what it was sent; at most a minute. The other client takes a twentieth of a processor."""
        deadline, spent = time.monotonic() + 60, -1.0
        while time.monotonic() < deadline and self.processor_seconds() - spent > 0.2:
            spent = self.processor_seconds()
            stop.wait(0.5)


class Node:
    def __init__(self):
        public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        sodium.crypto_sign_keypair(public, secret)
        self.machine, self.secret, self.keys = public.raw, secret, os.urandom(64)
        self.token, self.stream, self.tries = "", None, 0

    def sign(self, text: bytes) -> bytes:
        signature = ctypes.create_string_buffer(64)
        sodium.crypto_sign_detached(signature, None, text, ctypes.c_ulonglong(len(text)), self.secret)
        return signature.raw

    def register(self, connection, stream: int, fingerprint: bytes, key: str, name: str) -> None:
        """Two calls, on this stream and the next."""
        def ask(on: int, path: str, request) -> bytes:
            answer = unary(connection, on, path, "", request.SerializeToString(), PATIENCE)
            assert answer is not None, (path, connection.ended, connection.refusal)
            return answer
        challenge = ask(stream, CHALLENGE, coordination_pb2.ChallengeRequest(machine_key=self.machine))
        nonce = coordination_pb2.ChallengeResponse.FromString(challenge).nonce
        text = b"kernmesh register v1" + fingerprint + struct.pack(">H", len(nonce)) + nonce + self.keys
        request = coordination_pb2.RegisterRequest(
            nonce=nonce, machine_key=self.machine, node_key=self.keys[:32], disco_key=self.keys[32:], signature=self.sign(text),
            join_key=key, hostname=name, protocol_minor=1, agent_version="test")
        self.token = coordination_pb2.RegisterResponse.FromString(ask(stream + 2, REGISTER, request)).session_token


def user_with_key(server: Server, name: str) -> str:
    """A join key of a new user's, for any number of nodes."""
    connection = server.connect()
    server.ask(connection, 1, "CreateUser", admin_pb2.CreateUserRequest(name=name))
    request = admin_pb2.CreateJoinKeyRequest(user_name=name, reusable=True, lifetime_seconds=86400)
    answer = server.ask(connection, 3, "CreateJoinKey", request)
    connection.close()
    return admin_pb2.CreateJoinKeyResponse.FromString(answer).secret
