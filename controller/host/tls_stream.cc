// SPDX-License-Identifier: Apache-2.0
#include "controller/host/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509.h>

namespace kernmesh::host {
namespace {

constexpr std::size_t kMostQueued = 256 * 1024;  // 20 ms of 100 Mbit/s
constexpr auto kHandshakeTime = std::chrono::seconds(10);
constexpr auto kSilence = std::chrono::seconds(90);  // as a relay's binding
constexpr int kReadsAtOnce = 64;                     // so that one stream cannot starve the loop

Error tls_error(const std::string& attempt) {
  char reason[256] = "no reason given";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return {ErrorCode::kInvalid, attempt + ": " + reason};
}

// What a call waits for before it may be tried again; otherwise the stream is over.
enum class Wait { kRead, kWrite, kOver };
Wait wait_of(SSL* ssl, int result) {
  const int why = SSL_get_error(ssl, result);
  ERR_clear_error();
  if (why == SSL_ERROR_WANT_READ) return Wait::kRead;
  return why == SSL_ERROR_WANT_WRITE ? Wait::kWrite : Wait::kOver;
}

Result<TlsContext> make_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method));
  if (!context) return tls_error("start TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  return context;
}

}  // namespace

Result<TlsContext> make_tls_server_context(const std::string& chain_path,
                                           const std::string& key_path) {
  MESH_TRY_ASSIGN(auto context, make_context(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(context.get(), chain_path.c_str()) != 1)
    return tls_error("read the certificate " + chain_path);
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return tls_error("read the private key " + key_path);
  }
  return context;
}

Result<TlsContext> make_tls_client_context() {
  MESH_TRY_ASSIGN(auto context, make_context(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  return context;
}

std::unique_ptr<TlsStream> TlsStream::make(SSL_CTX* context, UniqueFd fd, Role role, MonoTime now) {
  SSL* ssl = SSL_new(context);
  if (ssl == nullptr) return nullptr;
  SSL_set_fd(ssl, fd.get());
  if (role == Role::kServer) {
    SSL_set_accept_state(ssl);
  } else {
    SSL_set_connect_state(ssl);
  }
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return std::unique_ptr<TlsStream>(new TlsStream(ssl, std::move(fd), now));
}

TlsStream::State TlsStream::shake_hands() {
  const int result = SSL_do_handshake(ssl_.get());
  is_established_ = result == 1;
  const Wait wait = is_established_ ? Wait::kRead : wait_of(ssl_.get(), result);
  handshake_wants_write_ = wait == Wait::kWrite;
  return wait == Wait::kOver ? State::kClosed : State::kOpen;
}

TlsStream::State TlsStream::flush() {
  while (is_established_ && !out_.empty()) {
    const int written = SSL_write(ssl_.get(), out_.data(), static_cast<int>(out_.size()));
    if (written <= 0)
      return wait_of(ssl_.get(), written) == Wait::kOver ? State::kClosed : State::kOpen;
    out_.erase(out_.begin(), out_.begin() + written);
  }
  return State::kOpen;
}

TlsStream::State TlsStream::proceed(
    const std::function<void(std::span<const std::uint8_t>)>& on_datagram, MonoTime now) {
  if (!is_established_) {
    if (shake_hands() == State::kClosed) return State::kClosed;
    if (!is_established_) return State::kOpen;
    heard_at_ = now;
  }
  for (int i = 0; i < kReadsAtOnce; ++i) {
    std::uint8_t buffer[16384];  // a TLS record (RFC 8446, 5.1)
    const int got = SSL_read(ssl_.get(), buffer, sizeof buffer);
    if (got <= 0) {
      if (wait_of(ssl_.get(), got) == Wait::kOver) return State::kClosed;
      break;
    }
    heard_at_ = now;
    const std::span<const std::uint8_t> bytes(buffer, static_cast<std::size_t>(got));
    if (in_.take(bytes, on_datagram) == relay::FrameReader::Verdict::kHostile)
      return State::kClosed;
  }
  return flush();
}

void TlsStream::queue(std::span<const std::uint8_t> datagram) {
  if (is_established_ && out_.size() + relay::kFrameLengthBytes + datagram.size() <= kMostQueued)
    relay::put_frame(out_, datagram);
}

std::optional<CertificateFingerprint> TlsStream::fingerprint() const {
  if (!is_established_) return std::nullopt;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(ssl_.get()), &X509_free);
  CertificateFingerprint digest{};
  unsigned size = 0;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1 ||
      size != digest.size()) {
    return std::nullopt;
  }
  return digest;
}

bool TlsStream::is_overdue(MonoTime now) const {
  return now - heard_at_ > (is_established_ ? kSilence : kHandshakeTime);
}

}  // namespace kernmesh::host
