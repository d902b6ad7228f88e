// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/port_mapping.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <string_view>

namespace kernmesh::agent {
namespace {

// So that the key itself serves no other purpose than its own.
path::Seed mapping_secret(const X25519SecretKey& key) {
  constexpr std::string_view kPurpose = "kernmesh port mapping secret";
  path::Seed out;
  crypto_generichash(out.mutable_bytes().data(), out.mutable_bytes().size(),
                     reinterpret_cast<const unsigned char*>(kPurpose.data()), kPurpose.size(),
                     key.bytes().data(), key.bytes().size());
  return out;
}

}  // namespace

PortMapping::PortMapping(host::EventLoop& loop, const X25519SecretKey& secret, Changed on_changed)
    : loop_(loop),
      on_changed_(std::move(on_changed)),
      mapper_(mapping_secret(secret)),
      // The worker has one attempt at a time, and so at most one piece of work waits in the loop.
      worker_([this](std::uint64_t attempt, const Result<portmap::Grant>& outcome) {
        loop_.post([this, attempt, outcome] { on_done(attempt, outcome); });
      }) {
  listen();
}

PortMapping::~PortMapping() {
  if (announcements_) loop_.unwatch(announcements_->fd());
}

// Without it a gateway's restart is found out at the next renewal.
void PortMapping::listen() {
  auto opened = portmap::Announcements::open();
  if (!opened) {
    spdlog::info("announcements of gateways are not heard: {}", opened.error().message());
    return;
  }
  announcements_.emplace(std::move(*opened));
  const Status watched = loop_.watch(announcements_->fd(), [this] {
    announcements_->receive([this](const IpAddress& from, const auto& announcement) {
      mapper_.on_announcement(host::mono_now(), from, announcement);
    });
  });
  if (!watched) announcements_.reset();
}

void PortMapping::set_network(MonoTime now, const std::optional<portmap::Gateway>& gateway,
                              Port port) {
  mapper_.set_network(now, gateway, port);
  run_commands();
}

void PortMapping::give_back() {
  mapper_.release();
  run_commands();
}

std::optional<MonoTime> PortMapping::settle(MonoTime now) {
  mapper_.tick(now);
  run_commands();
  return mapper_.next_deadline();
}

std::optional<Endpoint> PortMapping::external() const {
  return mapping() ? std::optional(mapping()->external) : std::nullopt;
}

void PortMapping::on_done(std::uint64_t attempt, const Result<portmap::Grant>& outcome) {
  if (outcome) {
    spdlog::debug("the gateway grants {}", to_string(outcome->external));
  } else {
    spdlog::debug("no port is mapped: {}", outcome.error().message());
  }
  mapper_.on_done(host::mono_now(), attempt, outcome);
  run_commands();
}

void PortMapping::run_commands() {
  for (const auto& command : mapper_.take_commands()) {
    if (const auto* attempt = std::get_if<portmap::Attempt>(&command)) {
      worker_.start(*attempt);
      continue;
    }
    const auto& changed = std::get<portmap::Changed>(command);
    if (changed.external && mapping()) {
      spdlog::info("the gateway forwards {} to this node ({})", to_string(*changed.external),
                   portmap::to_string(mapping()->protocol));
    } else {
      spdlog::info("the gateway forwards no port to this node any more");
    }
    on_changed_(changed.external);
  }
}

}  // namespace kernmesh::agent
