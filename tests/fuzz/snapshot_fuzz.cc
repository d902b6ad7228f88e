// SPDX-License-Identifier: Apache-2.0
// The relay's saved state, as a disk or somebody could have altered it. The input gets the right
// label and checksum, or none would ever come past them; with an odd first byte it is taken as it
// is. What was read survives being saved, and a relay can be started with it.
#include <sodium.h>

#include <cstdlib>
#include <string_view>

#include "controller/core/relay/snapshot.h"

using namespace kernmesh;         // NOLINT
using namespace kernmesh::relay;  // NOLINT

namespace {

constexpr std::string_view kLabel = "kernmesh relay state 1";

Bytes with_checksum(std::span<const std::uint8_t> content) {
  Bytes bytes(kLabel.begin(), kLabel.end());
  put_bytes(bytes, content);
  std::array<std::uint8_t, 32> digest{};
  crypto_generichash(digest.data(), digest.size(), bytes.data(), bytes.size(), nullptr, 0);
  put_bytes(bytes, digest);
  return bytes;
}

X25519SecretKey relay_key() {
  X25519SecretKey key;
  for (auto& byte : key.mutable_bytes()) byte = 7;
  return key;
}

// Serves the networks that the state names, so that all of it is looked at.
void start_with(const std::vector<SavedClient>& clients) {
  SessionSettings settings;
  settings.limits.clients = 64;
  settings.limits.wishes = 256;
  settings.networks = {TicketPublicKey()};
  auto ours = clients;
  for (auto& client : ours) client.ticket.network = network_id(TicketPublicKey());
  SessionTable table(settings, relay_key(), path::Seed());
  const Now now{MonoTime(std::chrono::hours(1)),
                std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};
  (void)table.restore(ours, now);
  if (table.client_count() > clients.size() || table.client_count() > settings.limits.clients ||
      table.wish_count() > settings.limits.wishes)
    std::abort();
  (void)table.expire(now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span content(data + 1, size - 1);
  const auto read =
      data[0] % 2 == 1 ? parse_snapshot(content) : parse_snapshot(with_checksum(content));
  if (!read) return 0;
  const auto again = parse_snapshot(to_bytes(*read));
  if (!again || to_bytes(*again) != to_bytes(*read)) std::abort();
  start_with(*read);
  return 0;
}
