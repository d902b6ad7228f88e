// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/tls_connection.h"

#include <openssl/err.h>

namespace kernmesh::relay {
namespace {

constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kMostDatagram = 9216;
constexpr std::size_t kMostQueued = 256 * 1024;  // 20 ms of 100 Mbit/s
constexpr auto kHandshakeTime = std::chrono::seconds(10);
constexpr auto kSilence = std::chrono::seconds(90);  // as a binding
constexpr int kReadsAtOnce = 64;                     // so that one client cannot starve the loop

// Whether the call may be tried again later; otherwise the connection is over.
bool is_later(SSL* ssl, int result) {
  const int why = SSL_get_error(ssl, result);
  ERR_clear_error();
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

}  // namespace

std::unique_ptr<TlsConnection> TlsConnection::make(SSL_CTX* context, UniqueFd fd,
                                                   const Origin& origin, MonoTime now) {
  SSL* ssl = SSL_new(context);
  if (ssl == nullptr) return nullptr;
  SSL_set_fd(ssl, fd.get());
  SSL_set_accept_state(ssl);
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return std::unique_ptr<TlsConnection>(new TlsConnection(ssl, std::move(fd), origin, now));
}

TlsConnection::State TlsConnection::flush() {
  while (is_established_ && !out_.empty()) {
    const int written = SSL_write(ssl_.get(), out_.data(), static_cast<int>(out_.size()));
    if (written <= 0) return is_later(ssl_.get(), written) ? State::kOpen : State::kClosed;
    out_.erase(out_.begin(), out_.begin() + written);
  }
  return State::kOpen;
}

TlsConnection::State TlsConnection::take_apart(
    const std::function<void(std::span<const std::uint8_t>)>& on_datagram) {
  std::size_t at = 0;
  while (in_.size() - at >= kLengthBytes) {
    const std::size_t length = in_[at] << 8 | in_[at + 1];
    if (length == 0 || length > kMostDatagram) return State::kClosed;
    if (in_.size() - at < kLengthBytes + length) break;
    on_datagram(std::span(in_).subspan(at + kLengthBytes, length));
    at += kLengthBytes + length;
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
  return State::kOpen;
}

TlsConnection::State TlsConnection::proceed(
    const std::function<void(std::span<const std::uint8_t>)>& on_datagram, MonoTime now) {
  if (!is_established_) {
    const int result = SSL_accept(ssl_.get());
    if (result != 1) return is_later(ssl_.get(), result) ? State::kOpen : State::kClosed;
    is_established_ = true;
  }
  for (int i = 0; i < kReadsAtOnce; ++i) {
    std::uint8_t buffer[16384];  // a TLS record (RFC 8446, 5.1)
    const int got = SSL_read(ssl_.get(), buffer, sizeof buffer);
    if (got <= 0) {
      if (!is_later(ssl_.get(), got)) return State::kClosed;
      break;
    }
    heard_at_ = now;
    in_.insert(in_.end(), buffer, buffer + got);
    if (take_apart(on_datagram) == State::kClosed) return State::kClosed;
  }
  return flush();
}

TlsConnection::State TlsConnection::send(std::span<const std::uint8_t> datagram) {
  if (!is_established_ || datagram.size() > kMostDatagram ||
      out_.size() + kLengthBytes + datagram.size() > kMostQueued) {
    return State::kOpen;
  }
  put_number(out_, datagram.size(), kLengthBytes);
  put_bytes(out_, datagram);
  return flush();
}

bool TlsConnection::is_overdue(MonoTime now) const {
  return now - heard_at_ > (is_established_ ? kSilence : kHandshakeTime);
}

}  // namespace kernmesh::relay
