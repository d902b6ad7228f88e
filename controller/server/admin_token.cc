// SPDX-License-Identifier: Apache-2.0
#include "controller/server/admin_token.h"

#include <sodium.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "controller/rpc/certificate.h"
#include "controller/server/first_start.h"
#include "controller/store/sqlite_store.h"
#include "controller/store/store.h"

namespace kernmesh::server {
namespace {

// The token on its way to its place.
constexpr const char* kNextToken = "admin.token.next";

// Of the network: of what its nodes trust.
Result<topology::CaFingerprint> authority_of(const StateDir& state, const std::string& tls_cert) {
  const std::string path = tls_cert.empty() ? state.path_of("ca.crt") : tls_cert;
  MESH_TRY_ASSIGN(const auto pem, read_file(path));
  const auto facts = rpc::read_certificates(pem);
  if (!facts) return facts.error().with_context(path);
  return facts->back().fingerprint;
}

Status put_in_store(store::Store& store, const store::Hash& hash, WallTime now) {
  MESH_TRY_ASSIGN(auto contents, store.load());
  if (!contents.meta) return Error(ErrorCode::kNotFound, "the database holds no network");
  contents.meta->admin_token_hash = hash;
  store::Commit commit;
  commit.puts.emplace_back(*contents.meta);
  commit.audit = {{now, "administrator", "token.reset", "administrator token", "", ""}};
  return store.commit(commit);
}

}  // namespace

Result<store::Hash> write_admin_token(const StateDir& state, const std::string& name,
                                      const topology::CaFingerprint& ca) {
  topology::Ticket ticket;
  ticket.kind = topology::TicketKind::kAdminToken;
  ticket.ca = ca;
  const auto secret = ticket.secret.mutable_bytes();
  randombytes_buf(secret.data(), secret.size());
  MESH_TRY(state.write(name, to_string(ticket) + "\n", FileMode::kPrivate));
  return topology::ticket_hash(ticket);
}

Status reset_admin_token(const TokenReset& reset) {
  const std::string database = reset.state_dir + "/" + kStoreFile;
  if (access(database.c_str(), F_OK) != 0) {
    return Error(ErrorCode::kNotFound,
                 "there is no " + database + ": give the server's --state-dir");
  }
  MESH_TRY(check_restored(reset.state_dir));
  MESH_TRY_ASSIGN(const StateDir state, StateDir::open(reset.state_dir));
  MESH_TRY_ASSIGN(const auto ca, authority_of(state, reset.tls_cert));
  const std::string next = state.path_of(kNextToken);
  // The store between the two: what is in the file is good until the other is there to take over.
  MESH_TRY_ASSIGN(const auto hash, write_admin_token(state, kNextToken, ca));
  Status stored;
  {
    const auto store = store::open_sqlite_store(database);
    stored = store ? put_in_store(**store, hash, reset.now) : store.error();
  }
  if (!stored) {
    (void)unlink(next.c_str());
    return stored;
  }
  const std::string place = state.path_of(kTokenFile);
  if (std::rename(next.c_str(), place.c_str()) != 0) {
    return Error::from_errno("move " + next + " to " + place, errno);
  }
  MESH_TRY(give_to_owner_of(reset.state_dir));
  return sync_directory(reset.state_dir);
}

}  // namespace kernmesh::server
