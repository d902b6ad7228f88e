// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/certificate.h"

#include "controller/rpc/certificate.h"

namespace kernmesh::relay {
namespace {

constexpr const char* kChainFile = "tls.crt";
constexpr const char* kKeyFile = "tls.key";
constexpr std::size_t kMostBytes = 1 << 20;

Result<std::string> read_text_file(const std::string& path) {
  MESH_TRY_ASSIGN(const auto bytes, read_file(path, kMostBytes));
  return std::string(bytes.begin(), bytes.end());
}

// For as long as it is left alone: nothing renews it, and nobody asks when it ends.
Status make_own(const StateDir& files, WallTime now) {
  if (files.read_text(kChainFile) && files.read_text(kKeyFile)) return {};
  MESH_TRY_ASSIGN(const auto made, rpc::make_authority(now));
  MESH_TRY(files.write_text(kKeyFile, made.key_pem));
  return files.write_text(kChainFile, made.certificate_pem);
}

}  // namespace

Result<Certificate> open_certificate(const std::string& chain_path, const std::string& key_path,
                                     const StateDir& files, WallTime now) {
  if (chain_path.empty() != key_path.empty())
    return Error(ErrorCode::kInvalid, "--tls-cert and --tls-key are given together");
  Certificate certificate{chain_path, key_path, {}};
  if (chain_path.empty()) {
    MESH_TRY(make_own(files, now));
    certificate.chain_path = files.path_of(kChainFile);
    certificate.key_path = files.path_of(kKeyFile);
  }
  MESH_TRY_ASSIGN(const auto chain, read_text_file(certificate.chain_path));
  MESH_TRY_ASSIGN(const auto key, read_text_file(certificate.key_path));
  const auto facts = rpc::read_certificates(chain);
  if (!facts) return facts.error().with_context(certificate.chain_path);
  if (const auto belongs = rpc::check_key_belongs(chain, key); !belongs)
    return belongs.error().with_context(certificate.key_path);
  certificate.fingerprint = facts->front().fingerprint;
  return certificate;
}

}  // namespace kernmesh::relay
