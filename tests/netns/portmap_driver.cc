// SPDX-License-Identifier: Apache-2.0
// Port mapping from a shell, as the agent uses it:
//   portmap-driver try pcp|nat-pmp|upnp GATEWAY LOCAL PORT     one attempt
//   portmap-driver keep SECRET GATEWAY LOCAL PORT              until a signal, then takes it away
// Prints "mapped ADDRESS:PORT" and the lifetime in seconds (try) or the protocol (keep); "none".
#include <sodium.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "controller/host/event_loop.h"
#include "controller/portmap/worker.h"

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

path::Seed secret_of(const char* word) {
  path::Seed secret;
  crypto_generichash(secret.mutable_bytes().data(), secret.mutable_bytes().size(),
                     reinterpret_cast<const unsigned char*>(word), std::strlen(word), nullptr, 0);
  return secret;
}

int keep(const path::Seed& secret, const Gateway& gateway, Port internal) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const UniqueFd ended(signalfd(-1, &signals, SFD_CLOEXEC));
  auto loop = host::EventLoop::open();
  Mapper mapper(secret);
  Worker worker([&](std::uint64_t attempt, const Result<Grant>& outcome) {
    loop->post([&, attempt, outcome] {
      if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().message().c_str());
      mapper.on_done(host::mono_now(), attempt, outcome);
    });
  });
  const auto run_commands = [&] {
    for (const auto& command : mapper.take_commands()) {
      if (const auto* attempt = std::get_if<Attempt>(&command)) worker.start(*attempt);
      if (std::holds_alternative<Changed>(command)) print(mapper.mapping());
    }
  };
  if (!loop->watch(ended.get(), [&] { loop->stop(); })) return 1;
  mapper.set_network(host::mono_now(), gateway, internal);
  const Status ran = loop->run([&] {
    mapper.tick(host::mono_now());
    run_commands();
    return mapper.next_deadline();
  });
  mapper.release();
  run_commands();
  return ran ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || sodium_init() < 0) return 64;
  const Gateway gateway{address_of(argv[3]), address_of(argv[4])};
  const Port internal(static_cast<std::uint16_t>(std::atoi(argv[5])));
  const bool once = std::strcmp(argv[1], "try") == 0;
  return once ? try_once(argv[2], gateway, internal) : keep(secret_of(argv[2]), gateway, internal);
}
