// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/relay_streams.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cerrno>

#include "controller/host/socket_address.h"

namespace kernmesh::agent {
namespace {

// A hello, and what a session begins with.
constexpr std::size_t kMostWaiting = 8;
// What nobody has acknowledged for so long ends the connection: another one may get through.
constexpr unsigned kMostUnheardMs = 8000;
// A relay that refuses is not asked more often than somebody would type.
constexpr auto kPause = std::chrono::seconds(1);

std::string attempt_to(const Endpoint& relay) {
  return "connect to the relay at " + to_string(relay);
}

int error_of(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// Begins to connect; whether that succeeded, error_of() tells once it can be written to.
Result<UniqueFd> begin_to_connect(const Endpoint& to) {
  const std::string attempt = attempt_to(to);
  const int family = to.address.is_v4() ? AF_INET : AF_INET6;
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno(attempt, errno);
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kMostUnheardMs, sizeof kMostUnheardMs);
  const auto address = host::to_sockaddr(to);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) !=
          0 &&
      errno != EINPROGRESS) {
    return Error::from_errno(attempt, errno);
  }
  return fd;
}

}  // namespace

RelayStreams::RelayStreams(host::EventLoop& loop, Events events, host::TlsContext context)
    : loop_(loop), events_(std::move(events)), context_(std::move(context)) {}

Result<std::unique_ptr<RelayStreams>> RelayStreams::make(host::EventLoop& loop, Events events) {
  MESH_TRY_ASSIGN(auto context, host::make_tls_client_context());
  return std::unique_ptr<RelayStreams>(
      new RelayStreams(loop, std::move(events), std::move(context)));
}

RelayStreams::~RelayStreams() {
  for (const auto& [relay, connection] : connections_) loop_.unwatch(connection.tls->fd());
}

void RelayStreams::set_relays(Relays relays) {
  std::vector<Endpoint> gone;
  for (const auto& [relay, connection] : connections_) {
    const auto kept = relays.find(relay);
    if (kept == relays.end() || kept->second != relays_.at(relay)) gone.push_back(relay);
  }
  bool is_lost = false;
  for (const auto& relay : gone) {
    is_lost = is_lost || (is_connected(relay) && relays.contains(relay));
    drop(relay);
  }
  relays_ = std::move(relays);
  std::erase_if(problems_, [&](const auto& entry) { return !relays_.contains(entry.first); });
  std::erase_if(tried_at_, [&](const auto& entry) { return !relays_.contains(entry.first); });
  if (is_lost) events_.on_closed();
}

void RelayStreams::on_moved() {
  for (const auto& [relay, connection] : connections_) loop_.unwatch(connection.tls->fd());
  connections_.clear();
  tried_at_.clear();
}

bool RelayStreams::is_connected(const Endpoint& relay) const {
  const auto found = connections_.find(relay);
  return found != connections_.end() && found->second.is_checked;
}

Status RelayStreams::begin(const Endpoint& relay, MonoTime now) {
  MESH_TRY_ASSIGN(auto fd, begin_to_connect(relay));
  const int number = fd.get();
  auto tls =
      host::TlsStream::make(context_.get(), std::move(fd), host::TlsStream::Role::kClient, now);
  if (!tls) return Error(ErrorCode::kExhausted, "no memory for TLS");
  MESH_TRY(loop_.watch(number, [this, relay] { proceed(relay); }));
  // Until it is connected there is nothing to read.
  loop_.set_interest(number, host::EventLoop::Interest::kReadAndWrite);
  connections_[relay].tls = std::move(tls);
  return {};
}

RelayStreams::Connection* RelayStreams::connect(const Endpoint& relay) {
  if (const auto found = connections_.find(relay); found != connections_.end())
    return &found->second;
  const MonoTime now = host::mono_now();
  const auto tried = tried_at_.find(relay);
  if (!has(relay) || (tried != tried_at_.end() && now < tried->second + kPause)) return nullptr;
  tried_at_[relay] = now;
  if (const Status begun = begin(relay, now); !begun) {
    problems_.insert_or_assign(relay, begun.error());
    return nullptr;
  }
  return &connections_.at(relay);
}

void RelayStreams::send(const Endpoint& relay, std::span<const std::uint8_t> datagram) {
  Connection* connection = connect(relay);
  if (connection == nullptr) return;
  if (connection->is_checked) {
    connection->tls->queue(datagram);
    connection->is_dirty = true;
  } else if (connection->waiting.size() < kMostWaiting) {
    connection->waiting.emplace_back(datagram.begin(), datagram.end());
  }
}

void RelayStreams::flush() {
  std::vector<Endpoint> dirty;
  for (auto& [relay, connection] : connections_)
    if (std::exchange(connection.is_dirty, false)) dirty.push_back(relay);
  for (const auto& relay : dirty) settle(relay, connections_.at(relay).tls->flush());
}

void RelayStreams::proceed(const Endpoint& relay) {
  const auto found = connections_.find(relay);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if (!connection.is_reached) {
    if (const int error = error_of(connection.tls->fd()); error != 0)
      return give_up(relay, Error::from_errno(attempt_to(relay), error));
    connection.is_reached = true;
  }
  // Nothing is taken from a relay before it has shown who it is.
  Status checked;
  const auto on_datagram = [&](std::span<const std::uint8_t> datagram) {
    if (checked) checked = check(relay, connection);
    if (checked) events_.on_datagram(datagram, relay);
  };
  const auto state = connection.tls->proceed(on_datagram, host::mono_now());
  if (checked && connection.tls->is_established()) checked = check(relay, connection);
  if (!checked) return give_up(relay, checked.error());
  settle(relay, state);
  flush();  // what waited for the handshake
  events_.on_read();
}

Status RelayStreams::check(const Endpoint& relay, Connection& connection) {
  if (connection.is_checked) return {};
  if (connection.tls->fingerprint() != relays_.at(relay)) {
    return Error(ErrorCode::kUnauthenticated,
                 "the relay at " + to_string(relay) +
                     " presents another certificate than the server names: it got a new one a "
                     "moment ago, or somebody is in between");
  }
  connection.is_checked = true;
  problems_.erase(relay);
  spdlog::info("connected to the relay at {} over TLS", to_string(relay));
  for (const auto& datagram : std::exchange(connection.waiting, {})) {
    connection.tls->queue(datagram);
    connection.is_dirty = true;
  }
  return {};
}

void RelayStreams::settle(const Endpoint& relay, host::TlsStream::State state) {
  const auto& connection = connections_.at(relay);
  if (state == host::TlsStream::State::kClosed) {
    return give_up(relay, Error(ErrorCode::kUnavailable,
                                (connection.is_checked ? "lost the connection to the relay at "
                                                       : "no TLS with the relay at ") +
                                    to_string(relay)));
  }
  loop_.set_interest(connection.tls->fd(), connection.tls->wants_write()
                                               ? host::EventLoop::Interest::kReadAndWrite
                                               : host::EventLoop::Interest::kRead);
}

void RelayStreams::give_up(const Endpoint& relay, const Error& why) {
  const bool was_checked = is_connected(relay);
  problems_.insert_or_assign(relay, why);
  drop(relay);
  if (was_checked) events_.on_closed();
}

void RelayStreams::drop(const Endpoint& relay) {
  const auto found = connections_.find(relay);
  loop_.unwatch(found->second.tls->fd());
  connections_.erase(found);
}

void RelayStreams::expire(MonoTime now) {
  std::vector<Endpoint> over;
  for (const auto& [relay, connection] : connections_)
    if (connection.tls->is_overdue(now)) over.push_back(relay);
  for (const auto& relay : over)
    give_up(relay,
            Error(ErrorCode::kUnavailable, "no answer from the relay at " + to_string(relay)));
}

}  // namespace kernmesh::agent
