// SPDX-License-Identifier: Apache-2.0
#include "controller/server/first_start.h"

#include <sodium.h>
#include <sys/stat.h>

#include "controller/server/admin_token.h"
#include "controller/server/stored_policy.h"

namespace kernmesh::server {
namespace {

Result<topology::OverlayRange> choose_overlay(const WantedOverlay& wanted) {
  std::array<std::uint8_t, 5> random{};
  randombytes_buf(random.data(), random.size());
  topology::OverlayRange range{topology::default_overlay_v4(),
                               topology::unique_local_prefix(random)};
  if (!wanted.v4.empty()) {
    MESH_TRY_ASSIGN(range.v4, Prefix::parse(wanted.v4));
  }
  if (!wanted.v6.empty()) {
    MESH_TRY_ASSIGN(range.v6, Prefix::parse(wanted.v6));
  }
  MESH_TRY(topology::check_overlay(range));
  return range;
}

}  // namespace

Status initialise(store::Store& store, const StateDir& state, const WantedOverlay& wanted,
                  const topology::CaFingerprint& ca, WallTime now) {
  store::MetaRecord meta;
  meta.epoch = Epoch(1);
  MESH_TRY_ASSIGN(meta.overlay, choose_overlay(wanted));
  const auto secret = meta.token_secret.mutable_bytes();
  randombytes_buf(secret.data(), secret.size());
  // The file first: a crash in between leaves a file that the next start replaces, never a store
  // whose token nobody has.
  MESH_TRY_ASSIGN(meta.admin_token_hash, write_admin_token(state, kTokenFile, ca));
  store::Commit commit;
  commit.puts.emplace_back(std::move(meta));
  commit.puts.emplace_back(starter_policy(now));
  return store.commit(commit);
}

Status check_restored(const std::string& state_dir) {
  const std::string marker = state_dir + "/" + kRestoringFile;
  struct stat file {};
  if (::stat(marker.c_str(), &file) != 0) return {};
  return Error(ErrorCode::kConflict, "a restore was interrupted, " + marker +
                                         " tells of it: run mesh-server restore again");
}

Status check_not_lost(const StateDir& state) {
  MESH_TRY(check_restored(state.path()));
  struct stat file {};
  const std::string store = state.path_of(kStoreFile);
  const std::string token = state.path_of(kTokenFile);
  if (::stat(store.c_str(), &file) == 0 && file.st_size > 0) return {};
  if (::stat(token.c_str(), &file) != 0) return {};
  return Error(ErrorCode::kCorrupt,
               "the database " + store + " is missing or empty, yet " + token +
                   " belongs to a network: restore the database from a backup, or remove the "
                   "token to begin a new network");
}

Status check_wanted(const topology::OverlayRange& stored, const WantedOverlay& wanted) {
  struct Pair {
    const std::string& text;
    const Prefix& have;
  };
  for (const auto& [text, have] : {Pair{wanted.v4, stored.v4}, Pair{wanted.v6, stored.v6}}) {
    if (text.empty()) continue;
    MESH_TRY_ASSIGN(const auto prefix, Prefix::parse(text));
    if (prefix == have) continue;
    return Error(ErrorCode::kConflict,
                 "the overlay range " + text + " is asked for, but this network was made with " +
                     to_string(have) + ", and addresses are for ever: leave the option out");
  }
  return {};
}

}  // namespace kernmesh::server
