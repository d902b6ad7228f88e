// SPDX-License-Identifier: Apache-2.0
#include "tests/netns/relay_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kernmesh::relay::test {
namespace {

using std::chrono::milliseconds;
constexpr int kTries = 20;

X25519SecretKey secret_of(std::uint8_t node) {
  X25519SecretKey secret;
  for (auto& byte : secret.mutable_bytes()) byte = node;
  return secret;
}

std::uint64_t microseconds_now() {
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::microseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

Result<UniqueFd> connect_socket(int kind, const Endpoint& to) {
  const bool v4 = to.address.is_v4();
  UniqueFd fd(socket(v4 ? AF_INET : AF_INET6, kind | SOCK_CLOEXEC, 0));
  sockaddr_in6 v6_address{};
  sockaddr_in v4_address{};
  v6_address.sin6_family = AF_INET6;
  v6_address.sin6_port = v4_address.sin_port = htons(to.port.value());
  std::memcpy(&v6_address.sin6_addr, to.address.bytes().data(), 16);
  v4_address.sin_family = AF_INET;
  if (v4) v4_address.sin_addr.s_addr = htonl(to.address.to_v4_number());
  const auto* address = v4 ? reinterpret_cast<const sockaddr*>(&v4_address)
                           : reinterpret_cast<const sockaddr*>(&v6_address);
  const int buffer = 8 << 20;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (!fd || ::connect(fd.get(), address, v4 ? sizeof v4_address : sizeof v6_address) != 0) {
    return Error::from_errno("connect to " + to_string(to), errno);
  }
  return fd;
}

bool is_readable(int fd, milliseconds within) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, static_cast<int>(within.count())) > 0;
}

}  // namespace

void enter_namespace(const std::string& name) {
  const UniqueFd fd(::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || setns(fd.get(), CLONE_NEWNET) != 0) {
    std::perror(("enter namespace " + name).c_str());
    std::exit(1);
  }
}

Result<UniqueFd> connect_udp(const Endpoint& to) { return connect_socket(SOCK_DGRAM, to); }

Ed25519SecretKey ticket_server_key() {
  Ed25519SecretKey secret;
  const std::array<std::uint8_t, 32> seed{7};
  std::array<std::uint8_t, 32> unused;
  crypto_sign_seed_keypair(unused.data(), secret.mutable_bytes().data(), seed.data());
  return secret;
}

DiscoPublicKey RelayClient::key_of(std::uint8_t node) { return disco_public_key(secret_of(node)); }

bool RelayClient::start_tls() {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd_.get());
  return SSL_connect(ssl_.get()) == 1;
}

Result<RelayClient> RelayClient::connect(const std::string& netns, Carrier carrier,
                                         const Endpoint& to, const RelayPublicKey& relay,
                                         std::uint8_t node) {
  enter_namespace(netns);
  RelayClient client;
  MESH_TRY_ASSIGN(client.fd_,
                  connect_socket(carrier == Carrier::kUdp ? SOCK_DGRAM : SOCK_STREAM, to));
  if (carrier == Carrier::kTls && !client.start_tls()) {
    return Error(ErrorCode::kUnavailable, "no TLS with " + to_string(to));
  }
  client.node_ = NodeId(node);
  client.secret_ = secret_of(node);
  client.key_ = key_of(node);
  client.shared_ = *shared_key(relay, client.secret_);
  client.sequence_ = microseconds_now();
  path::Seed seed;
  randombytes_buf(seed.mutable_bytes().data(), 32);
  client.random_ = std::make_shared<path::RandomStream>(seed);
  return client;
}

void RelayClient::send_open(const DiscoPublicKey& peer) {
  send(seal(Request{Sequence(++sequence_), Open{peer}}, key_, cookie_, shared_, *random_));
}

void RelayClient::send(std::span<const std::uint8_t> datagram) {
  if (!ssl_) {
    [[maybe_unused]] const auto sent = ::send(fd_.get(), datagram.data(), datagram.size(), 0);
    return;
  }
  Bytes framed;
  put_number(framed, datagram.size(), 2);
  put_bytes(framed, datagram);
  SSL_write(ssl_.get(), framed.data(), static_cast<int>(framed.size()));
}

Bytes RelayClient::receive(milliseconds within) {
  Bytes buffer(65536);
  if (!ssl_) {
    if (!is_readable(fd_.get(), within)) return {};
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    buffer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return buffer;
  }
  for (;;) {
    const std::size_t length = stream_.size() >= 2 ? stream_[0] << 8 | stream_[1] : 0;
    if (length != 0 && stream_.size() >= 2 + length) {
      Bytes datagram(stream_.begin() + 2, stream_.begin() + 2 + static_cast<long>(length));
      stream_.erase(stream_.begin(), stream_.begin() + 2 + static_cast<long>(length));
      return datagram;
    }
    if (SSL_pending(ssl_.get()) == 0 && !is_readable(fd_.get(), within)) return {};
    const int got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) return {};
    stream_.insert(stream_.end(), buffer.begin(), buffer.begin() + got);
  }
}

Result<Answer> RelayClient::ask(const std::variant<Bind, Open, Close, Refresh>& wish) {
  for (int i = 0; i < kTries; ++i) {
    const Sequence sequence(++sequence_);
    send(seal(Request{sequence, wish}, key_, cookie_, shared_, *random_));
    for (Bytes bytes = receive(milliseconds(300)); !bytes.empty();
         bytes = receive(milliseconds(300))) {
      const auto parsed = parse_datagram(bytes);
      const auto* datagram = std::get_if<Datagram>(&parsed);
      if (datagram == nullptr) continue;
      if (const auto* challenge = std::get_if<Challenge>(datagram)) {
        cookie_ = challenge->cookie;
        break;  // ask again with it
      }
      const auto* sealed = std::get_if<SealedAnswer>(datagram);
      if (sealed == nullptr) continue;
      const auto answer = relay::open(*sealed, shared_);
      if (const auto* read = std::get_if<Answer>(&answer); read && read->sequence == sequence) {
        return *read;
      }
    }
  }
  return Error(ErrorCode::kUnavailable, "the relay does not answer");
}

Result<Bound> RelayClient::bind(const Ed25519SecretKey& server) {
  const auto ends = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
                    std::chrono::hours(1);
  const Ticket ticket{network_id(ticket_public_key(server)), node_, key_, ends, 64};
  MESH_TRY_ASSIGN(const Answer answer, ask(Bind{sign_ticket(ticket, server)}));
  if (const auto* bound = std::get_if<Bound>(&answer.word)) return *bound;
  return Error(ErrorCode::kPermissionDenied, "the relay refuses to bind");
}

Result<Channel> RelayClient::open(const DiscoPublicKey& peer) {
  for (int i = 0; i < kTries; ++i) {
    MESH_TRY_ASSIGN(const Answer answer, ask(Open{peer}));
    const auto* opened = std::get_if<Opened>(&answer.word);
    if (opened != nullptr && opened->state == PairState::kPaired) return opened->channel;
    if (opened != nullptr && i > 0) return opened->channel;  // waits; the other opens next
  }
  return Error(ErrorCode::kUnavailable, "the pair does not come about");
}

}  // namespace kernmesh::relay::test
