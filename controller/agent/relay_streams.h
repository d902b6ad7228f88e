// SPDX-License-Identifier: Apache-2.0
// Relays over TLS, for networks that block UDP (L3): one connection for each that is in use, made
// when something is sent there. On the loop's thread, never blocking.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "controller/core/netmap/relay.h"
#include "controller/host/event_loop.h"
#include "controller/host/tls_stream.h"

namespace kernmesh::agent {

class RelayStreams {
 public:
  struct Events {
    // While bytes are taken apart: nothing of this object may be called.
    std::function<void(std::span<const std::uint8_t>, const Endpoint& relay)> on_datagram;
    std::function<void()> on_read;    // all that has come for now was handed over
    std::function<void()> on_closed;  // a relay that had been reached is not any more
  };
  // TCP endpoints, each with the certificate that it has to present.
  using Relays = std::map<Endpoint, netmap::CertificateFingerprint>;

  static Result<std::unique_ptr<RelayStreams>> make(host::EventLoop& loop, Events events);
  ~RelayStreams();
  RelayStreams(const RelayStreams&) = delete;
  RelayStreams& operator=(const RelayStreams&) = delete;

  // Connections to others, and those with another certificate, are closed.
  void set_relays(Relays relays);
  bool has(const Endpoint& relay) const { return relays_.contains(relay); }
  // Connects first where there is no connection; a few datagrams wait for that, more are lost.
  void send(const Endpoint& relay, std::span<const std::uint8_t> datagram);
  // After many send()s: hands to the kernel what they queued.
  void flush();
  // This host has other addresses: connections from those of before are worth nothing.
  void on_moved();
  // Ends connections that have been silent for too long. Once a second.
  void expire(MonoTime now);
  bool is_connected(const Endpoint& relay) const;
  // Why a relay could not be used, of the last try to each; empty: all is well.
  const std::map<Endpoint, Error>& problems() const { return problems_; }
  const Relays& relays() const { return relays_; }

 private:
  struct Connection {
    std::unique_ptr<host::TlsStream> tls;
    std::vector<Bytes> waiting;  // for the handshake
    bool is_reached = false;     // TCP's handshake is over
    bool is_checked = false;     // presented the right certificate
    bool is_dirty = false;       // has something to flush
  };
  RelayStreams(host::EventLoop& loop, Events events, host::TlsContext context);
  Connection* connect(const Endpoint& relay);
  Status begin(const Endpoint& relay, MonoTime now);
  void proceed(const Endpoint& relay);
  Status check(const Endpoint& relay, Connection& connection);
  void settle(const Endpoint& relay, host::TlsStream::State state);
  // Who is to blame for it is told.
  void give_up(const Endpoint& relay, const Error& why);
  void drop(const Endpoint& relay);

  host::EventLoop& loop_;
  const Events events_;
  const host::TlsContext context_;
  Relays relays_;
  std::map<Endpoint, Connection> connections_;
  std::map<Endpoint, MonoTime> tried_at_;
  std::map<Endpoint, Error> problems_;
};

}  // namespace kernmesh::agent
