// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/saved_state.h"

#include <sodium.h>

#include <nlohmann/json.hpp>

#include "controller/agent/file.h"
#include "controller/rpc/convert.h"

namespace kernmesh::agent {
namespace {

using nlohmann::json;

constexpr const char* kSettingsFile = "/settings.json";
constexpr std::string_view kNetmapMagic = "KERNMESH-NETMAP1";
constexpr std::size_t kMaxSettingsBytes = 1 << 20;
constexpr std::size_t kMaxNetmapBytes = std::size_t{1} << 28;  // 100,000 peers with every list full

std::string sha256(std::string_view bytes) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return hash;
}

std::string_view bytes_of(const topology::CaFingerprint& ca) {
  return {reinterpret_cast<const char*>(ca.data()), ca.size()};
}

}  // namespace

Result<Settings> load_settings(const std::string& state_dir) {
  const std::string path = state_dir + kSettingsFile;
  MESH_TRY_ASSIGN(const auto text, read_file(path, kMaxSettingsBytes));
  Settings settings;
  if (!text) return settings;
  const json document = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return Error(ErrorCode::kCorrupt,
                 path + " is not JSON: restore it, or remove it and run `meshadm up` again");
  }
  const auto text_of = [&](const char* key) {
    const auto found = document.find(key);
    return found != document.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
  };
  settings.server = text_of("server");
  settings.ca_pem = text_of("ca_pem");
  settings.hostname = text_of("hostname");
  settings.wanted = text_of("wanted") == "up" ? Wanted::kUp : Wanted::kDown;
  const auto port = document.find("public_port");
  if (port != document.end() && port->is_number_unsigned() && port->get<std::uint64_t>() <= 65535) {
    settings.public_port = Port(port->get<std::uint16_t>());
  }
  return settings;
}

Status save_settings(const std::string& state_dir, const Settings& settings) {
  const json document = {{"server", settings.server},
                         {"ca_pem", settings.ca_pem},
                         {"hostname", settings.hostname},
                         {"wanted", settings.wanted == Wanted::kUp ? "up" : "down"},
                         {"public_port", settings.public_port.value()}};
  return replace_file(state_dir + kSettingsFile,
                      document.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

Result<std::optional<netmap::Netmap>> load_netmap(const std::string& state_dir,
                                                  const topology::CaFingerprint& ca) {
  const std::string path = state_dir + kNetmapFile;
  MESH_TRY_ASSIGN(const auto file, read_file(path, kMaxNetmapBytes));
  if (!file) return std::optional<netmap::Netmap>();
  const auto corrupt = [&](std::string_view what) {
    return Error(ErrorCode::kCorrupt,
                 path + ": " + std::string(what) + "; the server will be asked for all of it");
  };
  std::string_view rest = *file;
  if (rest.size() < kNetmapMagic.size() + ca.size() + crypto_hash_sha256_BYTES ||
      !rest.starts_with(kNetmapMagic)) {
    return corrupt("not a netmap of this version");
  }
  rest.remove_prefix(kNetmapMagic.size());
  if (rest.substr(0, ca.size()) != bytes_of(ca)) return std::optional<netmap::Netmap>();
  rest.remove_prefix(ca.size());
  const std::string_view body = rest.substr(crypto_hash_sha256_BYTES);
  if (sha256(body) != rest.substr(0, crypto_hash_sha256_BYTES)) return corrupt("checksum differs");
  mesh::v1::NetmapUpdate message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return corrupt("does not parse");
  MESH_TRY_ASSIGN(auto map, rpc::netmap_from_proto(message));
  return std::optional<netmap::Netmap>(std::move(map));
}

Status save_netmap(const std::string& state_dir, const topology::CaFingerprint& ca,
                   const netmap::Netmap& map) {
  std::string body;
  if (!rpc::to_proto(map).SerializeToString(&body)) {
    return Error(ErrorCode::kExhausted, "the netmap is too large to store");
  }
  std::string file(kNetmapMagic);
  file += bytes_of(ca);
  file += sha256(body);
  file += body;
  return replace_file(state_dir + kNetmapFile, file);
}

Status forget_netmap(const std::string& state_dir) { return remove_file(state_dir + kNetmapFile); }

Status forget_saved_state(const std::string& state_dir) {
  MESH_TRY(forget_netmap(state_dir));
  MESH_TRY(remove_file(state_dir + kHeardFile));
  return remove_file(state_dir + kSettingsFile);
}

}  // namespace kernmesh::agent
