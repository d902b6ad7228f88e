// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/tls_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "controller/core/relay/stranger_time.h"
#include "controller/host/tls_stream.h"

namespace kernmesh::relay {
namespace {

constexpr int kAcceptsAtOnce = 64;

// One socket for both families.
Result<UniqueFd> listen_on(Port port) {
  const std::string attempt = "listen on TCP port " + to_string(port);
  UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno(attempt, errno);
  const int on = 1, off = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(port.value());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
      listen(fd.get(), 128) != 0) {
    return Error::from_errno(attempt, errno);
  }
  return fd;
}

Endpoint endpoint_of(const sockaddr_in6& from) {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &from.sin6_addr, bytes.size());
  IpAddress address = IpAddress::from_v6_bytes(bytes);
  if (address.is_v4_mapped()) {
    address = IpAddress::from_v4_bytes({bytes[12], bytes[13], bytes[14], bytes[15]});
  }
  return {address, Port(ntohs(from.sin6_port))};
}

}  // namespace

struct TlsListener::State {
  State(host::EventLoop& on, Events to_tell, const TlsOptions& with)
      : loop(on), events(std::move(to_tell)), quota(with.limits) {}

  void accept_all() {
    for (int i = 0; i < kAcceptsAtOnce; ++i) {
      sockaddr_in6 from{}, to{};
      socklen_t size = sizeof from;
      UniqueFd fd(accept4(socket.get(), reinterpret_cast<sockaddr*>(&from), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) return;
      size = sizeof to;
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&to), &size);
      take(std::move(fd), endpoint_of(from), endpoint_of(to).address);
    }
  }

  void take(UniqueFd fd, const Endpoint& client, const IpAddress& local) {
    if (!quota.take(client.address)) return;
    const int on = 1, number = fd.get();
    setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const StreamId stream(++last_stream);
    auto tls = host::TlsStream::make(context.get(), std::move(fd), host::TlsStream::Role::kServer,
                                     host::mono_now());
    if (!tls || !loop.watch(number, [this, stream] { proceed(stream); })) {
      quota.give_back(client.address, StreamQuota::Standing::kUnbound);
      return;
    }
    Connection& connection = connections[stream];
    connection.tls = std::move(tls);
    connection.origin = {client, local, stream};
  }

  void proceed(StreamId stream) {
    const auto found = connections.find(stream);
    if (found == connections.end()) return;
    const Connection& connection = found->second;
    const auto on_datagram = [&](std::span<const std::uint8_t> datagram) {
      events.on_datagram(connection.origin, datagram);
    };
    settle(stream, connection.tls->proceed(on_datagram, host::mono_now()));
  }

  void settle(StreamId stream, host::TlsStream::State state) {
    const auto found = connections.find(stream);
    if (found == connections.end()) return;
    if (state == host::TlsStream::State::kOpen) {
      using Interest = host::EventLoop::Interest;
      const auto& tls = *found->second.tls;
      loop.set_interest(tls.fd(), tls.wants_write() ? Interest::kReadAndWrite : Interest::kRead);
      return;
    }
    close(stream);
  }

  void close(StreamId stream) {
    const auto found = connections.find(stream);
    if (found == connections.end()) return;
    loop.unwatch(found->second.tls->fd());
    quota.give_back(found->second.origin.client.address, found->second.standing);
    connections.erase(found);
    events.on_closed(stream);
  }

  host::EventLoop& loop;
  Events events;
  StreamQuota quota;
  struct Connection {
    std::unique_ptr<host::TlsStream> tls;
    Origin origin;
    StreamQuota::Standing standing = StreamQuota::Standing::kUnbound;
    StrangerTime stranger_time;  // begins with the first expire() after the handshake
  };
  host::TlsContext context;
  UniqueFd socket;
  std::map<StreamId, Connection> connections;
  std::vector<StreamId> broken;  // a send found them so; closed by expire()
  std::uint64_t last_stream = 0;
};

TlsListener::TlsListener(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsListener::~TlsListener() = default;

Result<std::unique_ptr<TlsListener>> TlsListener::open(const TlsOptions& options,
                                                       host::EventLoop& loop, Events events) {
  auto state = std::make_unique<State>(loop, std::move(events), options);
  MESH_TRY_ASSIGN(state->context, host::make_tls_server_context(options.certificate, options.key));
  MESH_TRY_ASSIGN(state->socket, listen_on(options.port));
  State* s = state.get();
  MESH_TRY(loop.watch(s->socket.get(), [s] { s->accept_all(); }));
  return std::unique_ptr<TlsListener>(new TlsListener(std::move(state)));
}

void TlsListener::send(StreamId stream, std::span<const std::uint8_t> datagram) {
  const auto found = state_->connections.find(stream);
  if (found == state_->connections.end()) return;
  const auto result = found->second.tls->send(datagram);
  // A send may come from the very connection's on_datagram(), which must not lose it underway.
  if (result == host::TlsStream::State::kClosed) {
    state_->broken.push_back(stream);
  } else {
    state_->settle(stream, result);
  }
}

void TlsListener::set_bound(StreamId stream, MonoTime now) {
  const auto found = state_->connections.find(stream);
  if (found == state_->connections.end()) return;
  found->second.stranger_time.end(now);
  if (std::exchange(found->second.standing, StreamQuota::Standing::kBound) ==
      StreamQuota::Standing::kUnbound) {
    state_->quota.bind_one();
  }
}

void TlsListener::set_unbound(StreamId stream, MonoTime now) {
  const auto found = state_->connections.find(stream);
  if (found == state_->connections.end()) return;
  found->second.stranger_time.begin(now);
  if (std::exchange(found->second.standing, StreamQuota::Standing::kUnbound) ==
      StreamQuota::Standing::kBound) {
    state_->quota.unbind_one();
  }
}

void TlsListener::expire(MonoTime now) {
  std::vector<StreamId> over = std::exchange(state_->broken, {});
  for (auto& [stream, connection] : state_->connections) {
    const bool is_unbound = connection.standing == StreamQuota::Standing::kUnbound;
    if (is_unbound && connection.tls->is_established()) connection.stranger_time.begin(now);
    const bool is_over = is_unbound && connection.stranger_time.is_used_up(now);
    if (is_over || connection.tls->is_overdue(now)) over.push_back(stream);
  }
  for (const StreamId stream : over) state_->close(stream);
}

std::size_t TlsListener::connection_count() const { return state_->connections.size(); }

}  // namespace kernmesh::relay
