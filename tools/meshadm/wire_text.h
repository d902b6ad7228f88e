// SPDX-License-Identifier: Apache-2.0
// Fields of messages as text and JSON (pure). What is malformed is shown as "?" or null: a display
// is no place to refuse it.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "mesh/v1/types.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

using Addresses = google::protobuf::RepeatedPtrField<std::string>;

std::string address_text(std::string_view wire);
// "100.64.0.1, fd7a::1"
std::string addresses_text(const Addresses& addresses);
std::string endpoint_text(const mesh::v1::Endpoint& endpoint);
std::string prefix_text(const mesh::v1::Prefix& prefix);

Json address_json(std::string_view wire);
Json addresses_json(const Addresses& addresses);
Json endpoints_json(const google::protobuf::RepeatedPtrField<mesh::v1::Endpoint>& endpoints);
// Base64 as `wg` prints it.
Json key_json(std::string_view wire);
// RFC 3339; null for 0, which means never.
Json time_json(std::int64_t seconds);
// null when empty.
Json text_json(const std::string& text);
Json version_json(const mesh::v1::MapVersion& version);

}  // namespace kernmesh::adm
