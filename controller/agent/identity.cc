// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/identity.h"

#include <sodium.h>

#include <algorithm>

#include "controller/agent/file.h"

namespace kernmesh::agent {
namespace {

constexpr const char* kMachineFile = "/machine.key";
constexpr const char* kNodeFile = "/node.key";
constexpr const char* kDiscoFile = "/disco.key";

void make(Ed25519SecretKey& key) {
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> unused{};
  crypto_sign_keypair(unused.data(), key.mutable_bytes().data());
}

// Clamped as RFC 7748 section 5 says, which is how the driver shows a key back.
void make(X25519SecretKey& key) {
  auto bytes = key.mutable_bytes();
  randombytes_buf(bytes.data(), bytes.size());
  bytes[0] &= 248;
  bytes[31] = static_cast<std::uint8_t>((bytes[31] & 127) | 64);
}

// Raw bytes in the file: nothing to parse, nothing to get wrong.
template <std::size_t N>
Status load_or_make(const std::string& path, SecretBytes<N>& key) {
  MESH_TRY_ASSIGN(auto stored, read_file(path, 4096));
  if (!stored) {
    make(key);
    return replace_file(path,
                        std::string_view(reinterpret_cast<const char*>(key.bytes().data()), N));
  }
  if (stored->size() != N) {
    return Error(ErrorCode::kCorrupt, path + " has " + std::to_string(stored->size()) +
                                          " bytes, not " + std::to_string(N) +
                                          ": restore it from a backup, or remove it "
                                          "and join again as a new node");
  }
  std::copy(stored->begin(), stored->end(), key.mutable_bytes().begin());
  sodium_memzero(stored->data(), stored->size());
  return {};
}

}  // namespace

netmap::OwnKeys own_keys(const Identity& identity) {
  return {machine_public_key(identity.machine), node_public_key(identity.node),
          disco_public_key(identity.disco)};
}

Result<Identity> load_or_create_identity(const std::string& state_dir) {
  Identity identity;
  MESH_TRY(load_or_make(state_dir + kMachineFile, identity.machine));
  MESH_TRY(load_or_make(state_dir + kNodeFile, identity.node));
  MESH_TRY(load_or_make(state_dir + kDiscoFile, identity.disco));
  return identity;
}

X25519SecretKey make_node_key() {
  X25519SecretKey key;
  make(key);
  return key;
}

Status store_node_key(const std::string& state_dir, const X25519SecretKey& key) {
  return replace_file(
      state_dir + kNodeFile,
      std::string_view(reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()));
}

Status forget_identity(const std::string& state_dir) {
  for (const char* file : {kMachineFile, kNodeFile, kDiscoFile})
    MESH_TRY(remove_file(state_dir + file));
  return {};
}

}  // namespace kernmesh::agent
