// SPDX-License-Identifier: Apache-2.0
// Relays as messages and back (the rest of convert.h).
#include <algorithm>

#include "controller/rpc/convert.h"

namespace kernmesh::rpc {
namespace {

Error invalid_relay(const std::string& what) { return {ErrorCode::kInvalid, what}; }

// A port without a fingerprint is none: nobody could be sure of who answers there. Nor is one that
// UDP uses as well, since a way through a relay is named by address and port. UDP is as good as
// ever.
void take_tls(const mesh::v1::RelayPlace& message, netmap::Relay& relay) {
  const auto fingerprint = tls_fingerprint_from_wire(message.tls_fingerprint());
  const Port port(static_cast<std::uint16_t>(message.tls_port()));
  const bool is_taken = std::any_of(relay.endpoints.begin(), relay.endpoints.end(),
                                    [&](const Endpoint& e) { return e.port == port; });
  if (!fingerprint || port == Port() || is_taken) return;
  relay.tls_port = port;
  relay.tls_fingerprint = *fingerprint;
}

}  // namespace

Result<netmap::CertificateFingerprint> tls_fingerprint_from_wire(std::string_view bytes) {
  netmap::CertificateFingerprint fingerprint{};
  if (bytes.size() != fingerprint.size())
    return invalid_relay("the fingerprint of a relay's certificate has " +
                         std::to_string(bytes.size()) + " bytes, not 32");
  std::copy(bytes.begin(), bytes.end(), fingerprint.begin());
  return fingerprint;
}

mesh::v1::RelayPlace to_proto(const netmap::Relay& relay) {
  mesh::v1::RelayPlace message;
  message.set_id(relay.id.value());
  message.set_name(relay.name);
  message.set_region(relay.region);
  for (const auto& endpoint : relay.endpoints) *message.add_endpoints() = to_proto(endpoint);
  message.set_tls_port(relay.tls_port.value());
  if (relay.tls_port != Port())
    message.set_tls_fingerprint(relay.tls_fingerprint.data(), relay.tls_fingerprint.size());
  message.set_relay_key(to_wire(relay.key));
  message.set_draining(relay.draining);
  message.set_online(relay.online);
  return message;
}

mesh::v1::RelayMap to_proto(const netmap::Relays& relays) {
  mesh::v1::RelayMap message;
  for (const auto& [id, relay] : relays.known) *message.add_relays() = to_proto(relay);
  if (relays.ticket) message.set_ticket(relays.ticket->data(), relays.ticket->size());
  return message;
}

Result<netmap::Relay> from_proto(const mesh::v1::RelayPlace& message) {
  if (message.id() == 0) return invalid_relay("a relay has no id");
  if (message.tls_port() > 65535) return invalid_relay("a relay's TLS port is none");
  if (message.endpoints_size() > static_cast<int>(kMaxRelayEndpoints)) {
    return invalid_relay("relay " + std::to_string(message.id()) + " has too many endpoints");
  }
  netmap::Relay relay;
  relay.id = netmap::RelayId(message.id());
  relay.name = message.name();
  relay.region = message.region();
  relay.draining = message.draining();
  relay.online = message.online();
  MESH_TRY_ASSIGN(relay.key, relay_key_from_wire(message.relay_key()));
  for (const auto& endpoint_message : message.endpoints()) {
    MESH_TRY_ASSIGN(const auto endpoint, from_proto(endpoint_message));
    relay.endpoints.push_back(endpoint);
  }
  take_tls(message, relay);
  return relay;
}

Result<netmap::Relays> from_proto(const mesh::v1::RelayMap& message) {
  if (message.relays_size() > static_cast<int>(kMaxRelays)) {
    return invalid_relay(std::to_string(message.relays_size()) + " relays, at most " +
                         std::to_string(kMaxRelays) + " are allowed");
  }
  netmap::Relays relays;
  for (const auto& relay_message : message.relays()) {
    MESH_TRY_ASSIGN(auto relay, from_proto(relay_message));
    const auto id = relay.id;
    if (!relays.known.emplace(id, std::move(relay)).second) {
      return invalid_relay("relay " + to_string(id) + " appears twice");
    }
  }
  relay::TicketBytes ticket{};
  if (message.ticket().size() == ticket.size()) {
    std::copy(message.ticket().begin(), message.ticket().end(), ticket.begin());
    relays.ticket = ticket;
  }
  return relays;
}

}  // namespace kernmesh::rpc
