// SPDX-License-Identifier: Apache-2.0
// A machine that is put back to a snapshot, or runs twice from one, goes on twice with what its
// processes held. A fork does the same to one process: what the two say then must differ.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>

#include "controller/agent/relay_use.h"
#include "controller/base/unique_fd.h"
#include "controller/host/kernel_random.h"
#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::agent {
namespace {

// What a copy of this process says.
Bytes said_by_copy(const std::function<Bytes()>& say) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t copy = fork();
  if (copy == 0) {
    const Bytes said = say();
    const bool written =
        write(writing.get(), said.data(), said.size()) == static_cast<ssize_t>(said.size());
    _exit(written ? 0 : 1);
  }
  writing.reset();
  Bytes said(4096);
  const ssize_t got = read(reading.get(), said.data(), said.size());
  int status = -1;
  EXPECT_EQ(waitpid(copy, &status, 0), copy);
  EXPECT_EQ(status, 0);
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return said;
}

constexpr std::size_t kNonceAt = 37, kNonceBytes = 24;  // core/path/disco.h

TEST(CopiedProcess, seals_no_disco_message_under_the_same_nonce) {
  const MonoTime now{std::chrono::hours(1)};
  const auto peer = path::sample_identity(2);
  path::Engine engine(path::sample_identity(1).local, host::kernel_random());
  const auto nonce = [&] {
    auto info = peer.info;
    info.endpoints = {Endpoint::parse("192.0.2.7:41641").value()};
    engine.set_peers(now, {info});
    engine.tick(now);
    for (auto& command : engine.take_commands()) {
      const auto* out = std::get_if<path::SendDatagram>(&command);
      if (out != nullptr && out->bytes.size() > kNonceAt + kNonceBytes)
        return Bytes(out->bytes.begin() + kNonceAt, out->bytes.begin() + kNonceAt + kNonceBytes);
    }
    return Bytes();
  };
  const auto theirs = said_by_copy(nonce), ours = nonce();
  EXPECT_EQ(theirs.size(), kNonceBytes);
  EXPECT_EQ(ours.size(), kNonceBytes);
  EXPECT_NE(theirs, ours);
}

TEST(CopiedProcess, asks_relays_with_other_numbers) {
  const MonoTime now{std::chrono::hours(1)};
  Bytes sent;
  RelayUse::Events events;
  events.send = [&](const Endpoint&, std::span<const std::uint8_t> bytes) {
    sent.assign(bytes.begin(), bytes.end());
  };
  events.on_ways = [](const auto&) {};
  events.on_home = [](auto) {};
  events.on_network = [] {};
  events.on_streams = [](const auto&) {};
  RelayUse relays(path::sample_identity(1).local.disco_secret, std::move(events));
  netmap::Netmap map;
  netmap::Relay relay;
  relay.id = RelayId(1);
  relay.endpoints = {Endpoint::parse("192.0.2.1:3478").value()};
  map.relays.known[relay.id] = relay;
  const auto question = [&] {
    relays.apply(now, map);
    relays.settle(now);
    return sent;
  };
  const auto theirs = said_by_copy(question), ours = question();
  EXPECT_EQ(theirs.size(), ours.size());
  EXPECT_FALSE(ours.empty());
  EXPECT_NE(theirs, ours);
}

}  // namespace
}  // namespace kernmesh::agent
