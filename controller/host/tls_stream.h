// SPDX-License-Identifier: Apache-2.0
// A TLS 1.3 connection that carries datagrams, each behind its length (2, big-endian): a relay's
// client or the relay (L2). Never blocks. What the far end does not take in time is lost, as it
// would be on UDP.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/unique_fd.h"
#include "controller/core/relay/stream_frames.h"

namespace kernmesh::host {

struct FreeTlsContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTlsContext>;

// SHA-256 of a certificate (DER).
using CertificateFingerprint = std::array<std::uint8_t, 32>;

// From PEM files. kInvalid with OpenSSL's words when they cannot be used.
Result<TlsContext> make_tls_server_context(const std::string& chain_path,
                                           const std::string& key_path);
// Takes any certificate: who connects compares TlsStream::fingerprint() with the one that it knows.
Result<TlsContext> make_tls_client_context();

class TlsStream {
 public:
  enum class Role { kServer, kClient };
  // Over a non-blocking TCP socket, which may still be connecting. Null when OpenSSL has no memory.
  static std::unique_ptr<TlsStream> make(SSL_CTX* context, UniqueFd fd, Role role, MonoTime now);

  enum class State { kOpen, kClosed };
  // Goes on with the handshake, reads what there is, writes what waits.
  State proceed(const std::function<void(std::span<const std::uint8_t>)>& on_datagram,
                MonoTime now);
  // Queues a datagram for flush(); it is lost before the handshake is over, and when the queue is
  // full. Many of them share a TLS record.
  void queue(std::span<const std::uint8_t> datagram);
  State flush();
  State send(std::span<const std::uint8_t> datagram) {
    queue(datagram);
    return flush();
  }

  bool is_established() const { return is_established_; }
  // Of the far end's certificate; none before the handshake is over, or when it has none.
  std::optional<CertificateFingerprint> fingerprint() const;
  // Whether proceed() should be called when the socket takes more.
  bool wants_write() const { return !out_.empty() || handshake_wants_write_; }
  // The handshake takes too long, or nothing has come for as long as a binding lives.
  bool is_overdue(MonoTime now) const;
  int fd() const { return fd_.get(); }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TlsStream(SSL* ssl, UniqueFd fd, MonoTime now) : ssl_(ssl), fd_(std::move(fd)), heard_at_(now) {}
  State shake_hands();

  std::unique_ptr<SSL, Free> ssl_;
  UniqueFd fd_;
  MonoTime heard_at_;
  bool is_established_ = false;
  bool handshake_wants_write_ = false;
  relay::FrameReader in_;
  Bytes out_;
};

}  // namespace kernmesh::host
