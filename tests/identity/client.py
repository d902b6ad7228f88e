#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Admin API from Python: a user, a join key for his machines, and the events that tell of them.

usage: client.py HOST:PORT TOKEN_FILE CA_FILE USER KEY_FILE

KEY_FILE is made, for the join key. CA_FILE is ca.crt of the server's state directory, or a copy: the token says whether it is the right one. Wants Debian's
python3-grpcio and python3-protobuf, and the messages and stubs that protoc makes of proto/ (tests/identity/api.sh).
"""
import base64
import hashlib
import os
import ssl
import sys
import uuid

import grpc

from google.rpc import error_details_pb2, status_pb2
from mesh.v1 import admin_pb2 as v1
from mesh.v1 import admin_pb2_grpc


def read_authority(path: str, token: str) -> bytes:
    """The certificate in the file, which the token must name by its SHA-256."""
    with open(path, encoding="ascii") as file:
        pem = file.read()
    body = token.removeprefix("ma-")
    wanted = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))[:32]
    if hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest() != wanted:
        sys.exit(f"{path} is not the authority of this token's server")
    return pem.encode()


class Bearer(grpc.AuthMetadataPlugin):
    """Puts the token into every call."""

    def __init__(self, token: str):
        self.header = (("authorization", f"Bearer {token}"),)

    def __call__(self, context, callback):
        callback(self.header, None)


def connect(server: str, token: str, authority: bytes) -> grpc.Channel:
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(root_certificates=authority), grpc.metadata_call_credentials(Bearer(token)))
    # The network's own authority signs for one server under one name, wherever it runs.
    return grpc.secure_channel(server, credentials, [("grpc.ssl_target_name_override", "kernmesh")])


def detail_of(error: grpc.RpcError, kind: type):
    """What the error's details say of that kind, ErrorInfo or BadRequest; an empty one when they say nothing."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    for detail in status_pb2.Status.FromString(details).details:
        message = kind()
        if detail.Unpack(message):
            return message
    return kind()


def all_users(admin: admin_pb2_grpc.AdminStub):
    request = v1.ListUsersRequest(page_size=2)
    while True:
        page = admin.ListUsers(request, timeout=10)
        yield from page.users
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def main() -> None:
    server, token_file, ca_file, name, key_file = sys.argv[1:6]
    with open(token_file, encoding="ascii") as file:
        token = file.read().strip()
    channel = connect(server, token, read_authority(ca_file, token))
    admin = admin_pb2_grpc.AdminStub(channel)
    caller = admin.GetCaller(v1.GetCallerRequest(), timeout=10)
    print(f"caller: {caller.name}, role {caller.role}")

    # The newest event of before: the watch goes on behind it.
    newest = admin.ListAuditEvents(v1.ListAuditEventsRequest(page_size=1), timeout=10).events[0].id

    # With an id the request can be sent again when its answer is lost, and makes nothing twice.
    user_request = v1.CreateUserRequest(name=name, request_id=str(uuid.uuid4()))
    user = admin.CreateUser(user_request, timeout=10)
    assert admin.CreateUser(user_request, timeout=10).id == user.id
    key_request = v1.CreateJoinKeyRequest(user_name=name, lifetime_seconds=3600, request_id=str(uuid.uuid4()))
    key = admin.CreateJoinKey(key_request, timeout=10)
    assert admin.CreateJoinKey(key_request, timeout=10).secret == key.secret
    # The server keeps a hash of it alone.
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(key.secret + "\n")
    print(f"user: {user.name}, {'key made' if key.secret.startswith('mk-') else 'no key'}")

    seen = []
    for event in admin.WatchEvents(v1.WatchEventsRequest(after_id=newest), timeout=10):
        seen.append(f"{event.action} {event.subject}")
        if event.action == "key.create":
            break
    print("events: " + "; ".join(seen))

    try:
        admin.GetNode(v1.GetNodeRequest(node="no-such-node"), timeout=10)
    except grpc.RpcError as error:
        info = detail_of(error, error_details_pb2.ErrorInfo)
        print(f"error: {error.code().name}, {info.domain} {info.reason} of {info.metadata[0].value}")
    try:
        admin.CreateUser(v1.CreateUserRequest(name="two words"), timeout=10)
    except grpc.RpcError as error:
        for violation in detail_of(error, error_details_pb2.BadRequest).field_violations:
            print(f"error: {error.code().name}, field {violation.field}")
    print("listed: " + ("yes" if name in [user.name for user in all_users(admin)] else "no"))
    channel.close()


if __name__ == "__main__":
    main()
