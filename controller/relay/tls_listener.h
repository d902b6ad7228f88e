// SPDX-License-Identifier: Apache-2.0
// Clients whose network blocks UDP (L3): TLS 1.3 over TCP, carrying the relay's datagrams, each
// behind its length (2, big-endian). On the loop's thread, never blocking. What a slow reader does
// not take in time is lost, as it would be on UDP.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/core/relay/origin.h"
#include "controller/core/relay/stream_quota.h"
#include "controller/host/event_loop.h"

namespace kernmesh::relay {

struct TlsOptions {
  Port port;
  std::string certificate;     // PEM chain
  std::string key;             // PEM
  StreamQuota::Limits limits;  // above them a connection is closed at once
};

class TlsListener {
 public:
  struct Events {
    std::function<void(const Origin&, std::span<const std::uint8_t>)> on_datagram;
    std::function<void(StreamId)> on_closed;
  };
  // Listens on both families. The loop outlives the listener.
  static Result<std::unique_ptr<TlsListener>> open(const TlsOptions& options, host::EventLoop& loop,
                                                   Events events);
  ~TlsListener();
  TlsListener(const TlsListener&) = delete;
  TlsListener& operator=(const TlsListener&) = delete;

  // Nothing happens when the connection is gone or its queue is full.
  void send(StreamId stream, std::span<const std::uint8_t> datagram);
  // Its client has shown a ticket: it does not count as a stranger's any more. Nothing happens when
  // the connection is gone.
  void set_bound(StreamId stream, MonoTime now);
  // Its client has gone or come by another way: it is a stranger's again.
  void set_unbound(StreamId stream, MonoTime now);
  // Ends connections that have not finished their handshake in 10 s, after it have been a
  // stranger's for 15 s in all, or have said nothing for 90 s. Once a second.
  void expire(MonoTime now);
  std::size_t connection_count() const;

 private:
  struct State;
  explicit TlsListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kernmesh::relay
