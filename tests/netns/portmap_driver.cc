// SPDX-License-Identifier: Apache-2.0
// Port mapping from a shell, as the agent uses it:
//   portmap-driver try pcp|nat-pmp|upnp GATEWAY LOCAL PORT     one attempt
//   portmap-driver keep SECRET PORT                           until SIGTERM; then gives it back
// Prints "mapped ADDRESS:PORT" and the lifetime in seconds (try) or the protocol (keep); "none".
#include <sodium.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "controller/agent/host_view.h"
#include "controller/agent/port_mapping.h"
#include "controller/netlink/monitor.h"
#include "controller/portmap/upnp_process.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::portmap;

IpAddress address_of(const char* text) {
  const auto address = IpAddress::parse(text);
  if (!address) {
    std::fprintf(stderr, "portmap-driver: %s\n", address.error().message().c_str());
    std::exit(64);
  }
  return *address;
}

int try_once(const std::string& protocol, const Gateway& gateway, Port internal) {
  Attempt attempt;
  attempt.protocol = protocol == "pcp"       ? Protocol::kPcp
                     : protocol == "nat-pmp" ? Protocol::kNatPmp
                                             : Protocol::kUpnp;
  attempt.gateway = gateway;
  attempt.internal = internal;
  randombytes_buf(attempt.nonce.data(), attempt.nonce.size());
  attempt.lifetime = kLifetime;
  const auto grant = carry_out(attempt);
  if (!grant) {
    std::fprintf(stderr, "portmap-driver: %s\n", grant.error().message().c_str());
    return 1;
  }
  std::printf("mapped %s %lld\n", to_string(grant->external).c_str(),
              static_cast<long long>(grant->lifetime.count()));
  return 0;
}

void print(const std::optional<Mapping>& mapping) {
  if (mapping) {
    std::printf("mapped %s %s\n", to_string(mapping->external).c_str(),
                std::string(to_string(mapping->protocol)).c_str());
  } else {
    std::puts("none");
  }
  std::fflush(stdout);
}

X25519SecretKey secret_of(const char* word) {
  X25519SecretKey secret;
  crypto_generichash(secret.mutable_bytes().data(), secret.mutable_bytes().size(),
                     reinterpret_cast<const unsigned char*>(word), std::strlen(word), nullptr, 0);
  return secret;
}

// What MeshNode does when the host's network has changed.
std::optional<Gateway> gateway_now(const netlink::RouteSocket& socket) {
  const auto interfaces = agent::read_interfaces(socket);
  if (!interfaces) return std::nullopt;
  return agent::read_gateway(socket, reconcile::choose_uplinks(*interfaces, IfIndex(), IfIndex()));
}

Status keep(const X25519SecretKey& secret, Port internal) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const UniqueFd ended(signalfd(-1, &signals, SFD_CLOEXEC));
  MESH_TRY_ASSIGN(auto loop, host::EventLoop::open());
  MESH_TRY_ASSIGN(const auto routes, netlink::RouteSocket::open());
  MESH_TRY_ASSIGN(auto monitor, netlink::Monitor::open());
  std::optional<agent::PortMapping> mapping;
  mapping.emplace(loop, secret, [&](const auto&) { print(mapping->mapping()); });
  const auto follow = [&] {
    mapping->set_network(host::mono_now(), gateway_now(routes), internal);
  };
  MESH_TRY(loop.watch(ended.get(), [&] { loop.stop(); }));
  MESH_TRY(loop.watch(monitor.fd(), [&] {
    if (monitor.drain().any()) follow();
  }));
  follow();
  MESH_TRY(loop.run([&] { return mapping->settle(host::mono_now()); }));
  mapping->give_back();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto ended = upnp_process(argc, argv)) return *ended;
  if (argc < 4 || sodium_init() < 0) return 64;
  const Port internal(static_cast<std::uint16_t>(std::atoi(argv[argc - 1])));
  if (argc == 6 && std::strcmp(argv[1], "try") == 0)
    return try_once(argv[2], {address_of(argv[3]), address_of(argv[4])}, internal);
  if (argc != 4 || std::strcmp(argv[1], "keep") != 0) return 64;
  spdlog::set_level(spdlog::level::debug);
  const Status kept = keep(secret_of(argv[2]), internal);
  if (!kept) std::fprintf(stderr, "portmap-driver: %s\n", kept.error().message().c_str());
  return kept ? 0 : 1;
}
