// SPDX-License-Identifier: Apache-2.0
#include "controller/server/tls_identity.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "controller/server/admin_token.h"
#include "controller/server/first_start.h"

namespace kernmesh::server {
namespace {

constexpr std::array kAfterTheAuthority = {"server.key", "server.crt", kStoreFile, kTokenFile,
                                           "ticket.key"};

bool is_absent(const Result<std::string>& file) {
  return !file && file.error().code() == ErrorCode::kNotFound;
}

// Whether the authority's key is all that a first start came to: nobody has seen anything that is
// signed with it. The key is written first, everything else after the certificate.
bool is_cut_short(const StateDir& state) {
  return std::all_of(kAfterTheAuthority.begin(), kAfterTheAuthority.end(), [&](const char* name) {
    return access(state.path_of(name).c_str(), F_OK) != 0;
  });
}

Result<rpc::KeyAndCertificate> make_authority(const StateDir& state, WallTime now) {
  MESH_TRY_ASSIGN(auto authority, rpc::make_authority(now));
  MESH_TRY(state.write("ca.key", authority.key_pem, FileMode::kPrivate));
  MESH_TRY(state.write("ca.crt", authority.certificate_pem, FileMode::kPublic));
  return authority;
}

Result<rpc::KeyAndCertificate> open_authority(const StateDir& state, WallTime now) {
  const auto key = state.read("ca.key");
  const auto certificate = state.read("ca.crt");
  if (is_absent(certificate) && (is_absent(key) || is_cut_short(state))) {
    return make_authority(state, now);
  }
  if (is_absent(key) || is_absent(certificate)) {
    return Error(ErrorCode::kCorrupt, "only one of " + state.path_of("ca.key") +
                                          " and ca.crt is there: restore the other from a backup");
  }
  if (!key) return key.error();
  if (!certificate) return certificate.error();
  const auto belongs = rpc::check_key_belongs(*certificate, *key);
  if (!belongs) return belongs.error().with_context(state.path_of("ca.crt"));
  return rpc::KeyAndCertificate{*key, *certificate};
}

// The stored server certificate if it can go on being used.
bool is_usable(const rpc::KeyAndCertificate& server, const rpc::ServerNames& names, WallTime now) {
  const auto facts = rpc::read_certificates(server.certificate_pem);
  if (!facts || !rpc::check_key_belongs(server.certificate_pem, server.key_pem)) return false;
  const auto& have = facts->front().names;
  const auto has = [&](const std::string& name) {
    return std::binary_search(have.begin(), have.end(), name);
  };
  return now >= facts->front().not_before && now + kRenewBefore < facts->front().not_after &&
         std::all_of(names.dns.begin(), names.dns.end(), has) &&
         std::all_of(names.addresses.begin(), names.addresses.end(),
                     [&](const IpAddress& address) { return has(to_string(address)); });
}

Result<rpc::KeyAndCertificate> open_server(const StateDir& state,
                                           const rpc::KeyAndCertificate& authority,
                                           const rpc::ServerNames& names, WallTime now) {
  const auto key = state.read("server.key");
  const auto certificate = state.read("server.crt");
  if (key && certificate && is_usable({*key, *certificate}, names, now)) {
    return rpc::KeyAndCertificate{*key, *certificate};
  }
  MESH_TRY_ASSIGN(auto server, rpc::issue_server_certificate(authority, names, now));
  MESH_TRY(state.write("server.key", server.key_pem, FileMode::kPrivate));
  MESH_TRY(state.write("server.crt", server.certificate_pem, FileMode::kPublic));
  return server;
}

}  // namespace

Result<TlsIdentity> open_own_identity(const StateDir& state, const rpc::ServerNames& names,
                                      WallTime now) {
  MESH_TRY_ASSIGN(const auto authority, open_authority(state, now));
  MESH_TRY_ASSIGN(const auto server, open_server(state, authority, names, now));
  TlsIdentity identity;
  identity.chain_pem = server.certificate_pem + authority.certificate_pem;
  identity.key_pem = server.key_pem;
  MESH_TRY_ASSIGN(const auto facts, rpc::read_certificates(identity.chain_pem));
  identity.fingerprint = facts.back().fingerprint;
  identity.expires_at = facts.front().not_after;
  return identity;
}

Result<TlsIdentity> open_given_identity(const std::string& chain_path, const std::string& key_path,
                                        WallTime now) {
  TlsIdentity identity;
  MESH_TRY_ASSIGN(identity.chain_pem, read_file(chain_path));
  MESH_TRY_ASSIGN(identity.key_pem, read_file(key_path));
  const auto facts = rpc::read_certificates(identity.chain_pem);
  if (!facts) return facts.error().with_context(chain_path);
  const auto belongs = rpc::check_key_belongs(identity.chain_pem, identity.key_pem);
  if (!belongs) return belongs.error().with_context(key_path);
  identity.fingerprint = facts->back().fingerprint;
  identity.expires_at = facts->front().not_after;
  if (now < facts->front().not_before || now >= identity.expires_at) {
    return Error(ErrorCode::kExpired, chain_path + " is valid from " +
                                          rpc::format_time(facts->front().not_before) + " until " +
                                          rpc::format_time(identity.expires_at) +
                                          ", and it is now " + rpc::format_time(now));
  }
  return identity;
}

}  // namespace kernmesh::server
