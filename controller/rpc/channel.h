// SPDX-License-Identifier: Apache-2.0
// gRPC channels as every client of ours opens them (L2; a channel may be used from any thread and
// connects by itself when it is first used).
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>

namespace kernmesh::rpc {

// The largest message a client accepts and a server may send: a snapshot of 10,000 peers with eight
// endpoints each is about 4 MiB, and the largest policy has 16 MiB of text.
inline constexpr int kMaxMessageBytes = 16 * 1024 * 1024 + 64 * 1024;

// How often a session's connection is probed when nothing is read. A server has to permit it
// (GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS), or it hangs up with "too_many_pings".
inline constexpr std::chrono::milliseconds kKeepaliveInterval{20'000};
inline constexpr std::chrono::milliseconds kKeepaliveTimeout{10'000};

enum class ChannelUse {
  kCalls,    // a few calls and gone; no keepalive
  kSession,  // held open for streams: dead connections are noticed (session_channel.h)
};

// TLS to "HOST:PORT" ("[ADDRESS]:PORT" for IPv6) with `ca_pem` as the only trust anchor. Under an
// authority of our own the name that is checked is kServerName, not HOST: it signs for one server
// only, and trust comes from its fingerprint. Under any other authority HOST is checked. A proxy
// named by the environment is not used. Nothing is connected yet, so nothing fails here.
// shared_ptr because a gRPC channel is shared with every stub made from it.
std::shared_ptr<grpc::Channel> secure_channel(const std::string& host_port,
                                              const std::string& ca_pem, ChannelUse use);

// Plain, to a unix socket; who may open the socket may talk.
std::shared_ptr<grpc::Channel> unix_channel(const std::string& path);

}  // namespace kernmesh::rpc
