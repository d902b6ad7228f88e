// SPDX-License-Identifier: Apache-2.0
// One client's TLS connection: bytes to datagrams and back (L3). Never blocks.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <span>

#include "controller/base/byte_order.h"
#include "controller/base/clock.h"
#include "controller/base/unique_fd.h"
#include "controller/core/relay/origin.h"

namespace kernmesh::relay {

class TlsConnection {
 public:
  // Null when OpenSSL has no memory.
  static std::unique_ptr<TlsConnection> make(SSL_CTX* context, UniqueFd fd, const Origin& origin,
                                             MonoTime now);

  enum class State { kOpen, kClosed };
  // Goes on with the handshake, reads what there is, writes what waits.
  State proceed(const std::function<void(std::span<const std::uint8_t>)>& on_datagram,
                MonoTime now);
  // Queues a datagram; it is lost when the queue is full.
  State send(std::span<const std::uint8_t> datagram);

  bool wants_write() const { return !out_.empty(); }
  bool is_overdue(MonoTime now) const;
  int fd() const { return fd_.get(); }
  const Origin& origin() const { return origin_; }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TlsConnection(SSL* ssl, UniqueFd fd, const Origin& origin, MonoTime now)
      : ssl_(ssl), fd_(std::move(fd)), origin_(origin), heard_at_(now) {}
  State flush();
  State take_apart(const std::function<void(std::span<const std::uint8_t>)>& on_datagram);

  std::unique_ptr<SSL, Free> ssl_;
  UniqueFd fd_;
  Origin origin_;
  MonoTime heard_at_;
  bool is_established_ = false;
  Bytes in_, out_;
};

}  // namespace kernmesh::relay
