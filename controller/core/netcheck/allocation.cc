// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netcheck/allocation.h"

#include <algorithm>
#include <cstdlib>

namespace kernmesh::netcheck {
namespace {

constexpr int kLeastPort =
    1024;  // NATs keep to the range of ephemeral ports (RFC 4787 section 4.2)
constexpr int kPorts = 65536;

// The smallest step, with its sign; none when there is no common direction or a step is too large.
std::optional<int> step_of(std::span<const Endpoint> mapped) {
  int smallest = 0;
  for (std::size_t i = 1; i < mapped.size(); ++i) {
    const int step = mapped[i].port.value() - mapped[i - 1].port.value();
    if (step == 0 || std::abs(step) > kMostStep) return std::nullopt;
    if (smallest != 0 && (step > 0) != (smallest > 0)) return std::nullopt;
    if (smallest == 0 || std::abs(step) < std::abs(smallest)) smallest = step;
  }
  return smallest == 0 ? std::nullopt : std::optional(smallest);
}

}  // namespace

Mapping mapping_of(std::span<const Endpoint> mapped) {
  if (mapped.size() < 2) return Mapping::kUnknown;
  const bool same = std::all_of(mapped.begin(), mapped.end(),
                                [&](const Endpoint& e) { return e == mapped.front(); });
  if (same) return Mapping::kIndependent;
  // Another address each time is beyond guessing.
  const bool one_address = std::all_of(mapped.begin(), mapped.end(), [&](const Endpoint& e) {
    return e.address == mapped.front().address;
  });
  return one_address && step_of(mapped) ? Mapping::kSequential : Mapping::kRandom;
}

std::vector<Endpoint> guess_ports(std::span<const Endpoint> mapped) {
  if (mapping_of(mapped) != Mapping::kSequential) return {};
  std::vector<Endpoint> guesses;
  const int step = *step_of(mapped);
  const auto go = [&](const Endpoint& from, int by, std::size_t count) {
    int port = from.port.value();
    for (; count > 0; --count) {
      port += by;
      if (port >= kPorts) port = kLeastPort;
      if (port < kLeastPort) port = kPorts - 1;
      guesses.push_back({from.address, Port(static_cast<std::uint16_t>(port))});
    }
  };
  go(mapped.back(), step, kGuessedPorts - kGuessedBefore);
  go(mapped.front(), -step, kGuessedBefore);
  return guesses;
}

}  // namespace kernmesh::netcheck
