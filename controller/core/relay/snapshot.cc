// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/snapshot.h"

#include <sodium.h>

#include <string_view>

namespace kernmesh::relay {
namespace {

constexpr std::string_view kLabel = "kernmesh relay state 1";
constexpr std::size_t kDigestBytes = 32;
using Digest = std::array<std::uint8_t, kDigestBytes>;

Digest digest_of(std::span<const std::uint8_t> bytes) {
  Digest digest;
  crypto_generichash(digest.data(), digest.size(), bytes.data(), bytes.size(), nullptr, 0);
  return digest;
}

void put_address(Bytes& out, const IpAddress& address) {
  out.push_back(static_cast<std::uint8_t>(address.family()));
  put_bytes(out, address.bytes());
}

IpAddress take_address(ByteReader& reader) {
  const auto family = reader.take_number<1>();
  const auto bytes = reader.take<16>();
  if (family == 6) return IpAddress::from_v6_bytes(bytes);
  return IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]});
}

void put_client(Bytes& out, const SavedClient& client) {
  const Ticket& ticket = client.ticket;
  put_bytes(out, ticket.network);
  put_number(out, ticket.node.value(), 8);
  put_bytes(out, ticket.client.bytes());
  put_number(out, static_cast<std::uint64_t>(ticket.not_after.time_since_epoch().count()), 8);
  put_number(out, ticket.most_pairs, 2);
  put_number(out, client.origin.client.port.value(), 2);
  put_address(out, client.origin.client.address);
  put_address(out, client.origin.local);
  put_number(out, client.sequence, 8);
  put_number(out, client.stamp, 8);
  put_number(out, client.wishes.size(), 4);
  for (const auto& [peer, channel] : client.wishes) {
    put_bytes(out, peer.bytes());
    put_number(out, channel.value(), 4);
  }
}

SavedClient take_client(ByteReader& reader) {
  SavedClient client;
  client.ticket.network = reader.take<16>();
  client.ticket.node = NodeId(reader.take_number<8>());
  client.ticket.client = DiscoPublicKey(reader.take<32>());
  client.ticket.not_after =
      WallTime(std::chrono::seconds(static_cast<std::int64_t>(reader.take_number<8>())));
  client.ticket.most_pairs = static_cast<std::uint16_t>(reader.take_number<2>());
  client.origin.client.port = Port(static_cast<std::uint16_t>(reader.take_number<2>()));
  client.origin.client.address = take_address(reader);
  client.origin.local = take_address(reader);
  client.sequence = reader.take_number<8>();
  client.stamp = reader.take_number<8>();
  const auto wishes = reader.take_number<4>();
  for (std::uint64_t i = 0; i < wishes && !reader.ran_short(); ++i) {
    const DiscoPublicKey peer(reader.take<32>());
    const Channel channel(static_cast<std::uint32_t>(reader.take_number<4>()));
    client.wishes.emplace_back(peer, channel);
  }
  return client;
}

}  // namespace

Bytes to_bytes(const std::vector<SavedClient>& clients) {
  Bytes out(kLabel.begin(), kLabel.end());
  put_number(out, clients.size(), 4);
  for (const auto& client : clients) put_client(out, client);
  put_bytes(out, digest_of(out));
  return out;
}

Result<std::vector<SavedClient>> parse_snapshot(std::span<const std::uint8_t> bytes) {
  const Error corrupt(ErrorCode::kCorrupt,
                      "the relay's saved state is damaged or of another version");
  if (bytes.size() < kLabel.size() + 4 + kDigestBytes) return corrupt;
  const auto content = bytes.first(bytes.size() - kDigestBytes);
  const Digest digest = digest_of(content);
  if (!std::equal(digest.begin(), digest.end(), bytes.end() - kDigestBytes) ||
      !std::equal(kLabel.begin(), kLabel.end(), content.begin())) {
    return corrupt;
  }
  ByteReader reader(content.subspan(kLabel.size()));
  std::vector<SavedClient> clients;
  const auto count = reader.take_number<4>();
  for (std::uint64_t i = 0; i < count && !reader.ran_short(); ++i) {
    clients.push_back(take_client(reader));
  }
  if (reader.ran_short() || !reader.rest().empty()) return corrupt;
  return clients;
}

}  // namespace kernmesh::relay
