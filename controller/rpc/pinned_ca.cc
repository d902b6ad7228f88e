// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/pinned_ca.h"

#include <fcntl.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "controller/base/unique_fd.h"
#include "controller/rpc/certificate.h"
#include "controller/rpc/openssl.h"

namespace kernmesh::rpc {
namespace {

using Clock = std::chrono::steady_clock;

struct HostPort {
  std::string host;
  std::string port;
};

Result<HostPort> split(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) {
    return Error(ErrorCode::kInvalid, "\"" + text.substr(0, 80) + "\" is not HOST:PORT");
  }
  HostPort result{text.substr(0, colon), text.substr(colon + 1)};
  if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']') {
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  return result;
}

Status wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return Error(ErrorCode::kUnavailable, "no answer in time");
    pollfd entry{fd, events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return Error::from_errno("poll", errno);
  }
}

Result<UniqueFd> connect_one(const addrinfo& candidate, Clock::time_point deadline) {
  UniqueFd fd(socket(candidate.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno("socket", errno);
  if (connect(fd.get(), candidate.ai_addr, candidate.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) {
    return Error(ErrorCode::kUnavailable, Error::from_errno("connect", errno).message());
  }
  MESH_TRY(wait_for(fd.get(), POLLOUT, deadline));
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    return Error(ErrorCode::kUnavailable, Error::from_errno("connect", error).message());
  }
  return fd;
}

Result<UniqueFd> connect_to(const HostPort& server, Clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (const int code = getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &raw)) {
    return Error(ErrorCode::kUnavailable, std::string("resolve: ") + gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, OpensslFree<freeaddrinfo>> found(raw);
  Result<UniqueFd> last = Error(ErrorCode::kUnavailable, "resolve: no address");
  for (const addrinfo* candidate = raw; candidate != nullptr; candidate = candidate->ai_next) {
    last = connect_one(*candidate, deadline);
    if (last) break;
  }
  return last;
}

Status shake_hands(SSL* ssl, int fd, Clock::time_point deadline) {
  for (;;) {
    const int done = SSL_connect(ssl);
    if (done == 1) return {};
    switch (SSL_get_error(ssl, done)) {
      case SSL_ERROR_WANT_READ:
        MESH_TRY(wait_for(fd, POLLIN, deadline));
        break;
      case SSL_ERROR_WANT_WRITE:
        MESH_TRY(wait_for(fd, POLLOUT, deadline));
        break;
      default:
        return Error(ErrorCode::kUnavailable,
                     openssl_error("TLS handshake (is this a kernmesh server?)").message());
    }
  }
}

// The chain as presented to who asks for `name`. Nothing is verified here: find_pinned_ca() and
// find_trusted_ca() do that.
Result<std::string> presented_chain(const HostPort& server, const std::string& name,
                                    Duration timeout) {
  const auto deadline = Clock::now() + timeout;
  MESH_TRY_ASSIGN(auto fd, connect_to(server, deadline));
  UniqueSslCtx context(SSL_CTX_new(TLS_client_method()));
  if (!context) return openssl_error("set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  UniqueSsl ssl(SSL_new(context.get()));
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};  // gRPC servers insist on it (RFC 7301 form)
  if (!ssl || SSL_set_fd(ssl.get(), fd.get()) != 1 ||
      SSL_set_alpn_protos(ssl.get(), kHttp2, sizeof kHttp2) != 0 ||
      SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1) {
    return openssl_error("set up TLS");
  }
  MESH_TRY(shake_hands(ssl.get(), fd.get(), deadline));
  UniqueBio bio(BIO_new(BIO_s_mem()));
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    PEM_write_bio_X509(bio.get(), sk_X509_value(chain, i));
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(std::max(size, 0L)));
}

Error not_valid_now(const CertificateFacts& facts, WallTime now) {
  const bool early = now < facts.not_before;
  return {ErrorCode::kExpired, std::string("the server's certificate ") +
                                   (early ? "is not valid before " : "has expired on ") +
                                   format_time(early ? facts.not_before : facts.not_after) +
                                   ", and here it is " + format_time(now) +
                                   ": check the clock of both machines"};
}

Error verify_error(int code) {
  return {ErrorCode::kUnauthenticated,
          std::string("the server's certificate does not verify against its authority: ") +
              X509_verify_cert_error_string(code)};
}

UniqueX509Stack stack_of(const std::string& pem) {
  UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  UniqueX509Stack stack(sk_X509_new_null());
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(stack.get(), certificate);
  }
  ERR_clear_error();
  return stack;
}

// Verifies the first certificate of `chain` with nothing trusted but what is in `store`.
Status verify_with(X509_STORE* store, STACK_OF(X509) * chain, WallTime now) {
  UniqueX509StoreCtx context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store, sk_X509_value(chain, 0), chain) != 1) {
    return openssl_error("set up certificate verification");
  }
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_time(context.get(), 0, now.time_since_epoch().count());
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  if (X509_verify_cert(context.get()) == 1) return {};
  const int code = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  return verify_error(code);
}

// An anchor that is not self-signed is good enough: its fingerprint was given, or a root vouches
// for it.
Status verify_chain(STACK_OF(X509) * chain, X509* anchor, WallTime now) {
  UniqueX509Store store(X509_STORE_new());
  if (!store || X509_STORE_add_cert(store.get(), anchor) != 1) {
    return openssl_error("set up certificate verification");
  }
  return verify_with(store.get(), chain, now);
}

Status verify_by_system(STACK_OF(X509) * chain, WallTime now) {
  UniqueX509Store store(X509_STORE_new());
  if (!store || X509_STORE_set_default_paths(store.get()) != 1) {
    return openssl_error("read the system's roots");
  }
  const Status verified = verify_with(store.get(), chain, now);
  if (verified || verified.error().code() != ErrorCode::kUnauthenticated) return verified;
  return Error(ErrorCode::kUnauthenticated,
               "this machine's roots do not vouch for the server's certificate (" +
                   verified.error().message() +
                   "): give --ca-fingerprint with the fingerprint that the server's administrator "
                   "knows, or a join key");
}

std::string to_pem(X509* certificate) {
  UniqueBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

}  // namespace

Result<std::string> find_pinned_ca(const std::string& chain_pem,
                                   const topology::CaFingerprint& fingerprint, WallTime now) {
  MESH_TRY_ASSIGN(auto facts, read_certificates(chain_pem));
  const auto found = std::find_if(facts.begin(), facts.end(), [&](const CertificateFacts& one) {
    return one.fingerprint == fingerprint;
  });
  if (found == facts.end()) {
    return Error(ErrorCode::kUnauthenticated,
                 "this is another server, or somebody is in between: its authority has the "
                 "fingerprint " +
                     to_hex(facts.back().fingerprint) + ", expected was " + to_hex(fingerprint));
  }
  for (const auto* one : {&facts.front(), &*found}) {
    if (now < one->not_before || now > one->not_after) return not_valid_now(*one, now);
  }
  const UniqueX509Stack chain = stack_of(chain_pem);
  X509* anchor = sk_X509_value(chain.get(), static_cast<int>(found - facts.begin()));
  MESH_TRY(verify_chain(chain.get(), anchor, now));
  return to_pem(anchor);
}

Result<std::string> find_trusted_ca(const std::string& chain_pem, const std::string& host,
                                    WallTime now) {
  MESH_TRY_ASSIGN(const auto facts, read_certificates(chain_pem));
  for (const auto* one : {&facts.front(), &facts.back()}) {
    if (now < one->not_before || now > one->not_after) return not_valid_now(*one, now);
  }
  const UniqueX509Stack chain = stack_of(chain_pem);
  X509* last = sk_X509_value(chain.get(), sk_X509_num(chain.get()) - 1);
  MESH_TRY(verify_by_system(chain.get(), now));
  MESH_TRY(verify_chain(chain.get(), last, now));
  MESH_TRY(check_host(chain_pem, host));
  return to_pem(last);
}

Result<std::string> fetch_trusted_ca_pem(const std::string& host_port, Duration timeout) {
  MESH_TRY_ASSIGN(const auto server, split(host_port));
  // An address is no name for a server to choose by (RFC 6066 section 3).
  const bool is_address = static_cast<bool>(IpAddress::parse(server.host));
  const auto chain =
      presented_chain(server, is_address ? std::string(kServerName) : server.host, timeout);
  if (!chain) return chain.error().with_context("connect to " + host_port);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto pem = find_trusted_ca(*chain, server.host, now);
  if (!pem) return pem.error().with_context("connect to " + host_port);
  return pem;
}

Result<std::string> fetch_ca_pem(const std::string& host_port,
                                 const topology::CaFingerprint& fingerprint, Duration timeout) {
  MESH_TRY_ASSIGN(const auto server, split(host_port));
  const auto chain = presented_chain(server, std::string(kServerName), timeout);
  if (!chain) return chain.error().with_context("connect to " + host_port);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto pem = find_pinned_ca(*chain, fingerprint, now);
  if (!pem) return pem.error().with_context("connect to " + host_port);
  if (is_own_authority(*pem)) return pem;
  if (const auto named = check_host(*chain, server.host); !named) {
    return named.error().with_context("connect to " + host_port);
  }
  return pem;
}

}  // namespace kernmesh::rpc
