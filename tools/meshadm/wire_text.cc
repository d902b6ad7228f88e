// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/wire_text.h"

#include <chrono>
#include <span>

#include "controller/base/key.h"
#include "controller/base/timestamp.h"
#include "controller/rpc/convert.h"

namespace kernmesh::adm {

std::string address_text(std::string_view wire) {
  const auto address = rpc::address_from_wire(wire);
  return address ? to_string(*address) : "?";
}

std::string addresses_text(const Addresses& addresses) {
  std::string text;
  for (const auto& wire : addresses) text += (text.empty() ? "" : ", ") + address_text(wire);
  return text;
}

std::string endpoint_text(const mesh::v1::Endpoint& endpoint) {
  const auto address = rpc::address_from_wire(endpoint.address());
  if (!address || endpoint.port() > 65'535) return "?";
  return to_string(Endpoint{*address, Port(static_cast<std::uint16_t>(endpoint.port()))});
}

std::string prefix_text(const mesh::v1::Prefix& prefix) {
  return address_text(prefix.address()) + "/" + std::to_string(prefix.length());
}

Json address_json(std::string_view wire) {
  const auto address = rpc::address_from_wire(wire);
  return address ? Json(to_string(*address)) : Json(nullptr);
}

Json addresses_json(const Addresses& addresses) {
  Json list = Json::array();
  for (const auto& wire : addresses) list.push_back(address_json(wire));
  return list;
}

Json endpoints_json(const google::protobuf::RepeatedPtrField<mesh::v1::Endpoint>& endpoints) {
  Json list = Json::array();
  for (const auto& endpoint : endpoints) list.push_back(endpoint_text(endpoint));
  return list;
}

Json key_json(std::string_view wire) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(wire.data());
  const auto key = NodePublicKey::from_bytes(std::span(bytes, wire.size()));
  return key ? Json(to_string(*key)) : Json(nullptr);
}

Json time_json(std::int64_t seconds) {
  if (seconds == 0) return nullptr;
  const auto time = rpc::time_from_wire(seconds);
  return time ? Json(format_rfc3339(*time)) : Json(nullptr);
}

Json text_json(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json version_json(const mesh::v1::MapVersion& version) {
  return {{"epoch", version.epoch()}, {"revision", version.revision()}};
}

}  // namespace kernmesh::adm
