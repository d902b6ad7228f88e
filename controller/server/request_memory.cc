// SPDX-License-Identifier: Apache-2.0
#include "controller/server/request_memory.h"

#include <sodium.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "controller/rpc/field_violation.h"

namespace kernmesh::server {
namespace {

// Shorter ones could be guessed; longer ones are no ids.
constexpr std::size_t kLeastId = 16;
constexpr std::size_t kMostId = 64;

// BLAKE2b of the parts, each behind its length, keyed or not.
store::Hash hash_of(std::span<const std::uint8_t> key,
                    std::initializer_list<std::string_view> parts) {
  store::Hash hash{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.empty() ? nullptr : key.data(), key.size(), hash.size());
  for (const auto part : parts) {
    const std::uint64_t length = part.size();
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&length),
                              sizeof length);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                              part.size());
  }
  crypto_generichash_final(&state, hash.data(), hash.size());
  return hash;
}

std::string_view text_of(const store::Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

Result<store::RequestRecord> RequestMemory::asked_by(const rpc::Caller& caller,
                                                     const std::string& id,
                                                     const std::string& request) const {
  const bool printable =
      std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || id.size() < kLeastId || id.size() > kMostId) {
    return rpc::in_field(
        "request_id",
        Error(ErrorCode::kInvalid,
              "a request_id has 16 to 64 printable characters, such as a random UUID"));
  }
  store::RequestRecord record;
  record.key = hash_of({}, {"kernmesh request v1", to_string(caller.person.user), id});
  record.digest = hash_of({}, {"kernmesh request body v1", request});
  randombytes_buf(record.salt.data(), record.salt.size());
  record.created_at = clock_();
  return record;
}

Result<RequestMemory::Record> RequestMemory::find(const store::RequestRecord& asked) const {
  MESH_TRY_ASSIGN(const auto found, store_.find_request(asked.key, clock_()));
  if (found && found->digest != asked.digest) {
    return Error(ErrorCode::kAlreadyExists, "this request_id was used for another request");
  }
  return found;
}

void RequestMemory::fill_secret(topology::Ticket& ticket, const std::string& request_id,
                                const Record& record) const {
  const auto secret = ticket.secret.mutable_bytes();
  if (!record) {
    randombytes_buf(secret.data(), secret.size());
    return;
  }
  auto hash = directory_.read([&](const View& view) {
    return hash_of(view.meta.token_secret.bytes(),
                   {"kernmesh request secret v1", request_id, text_of(record->salt)});
  });
  std::copy(hash.begin(), hash.end(), secret.begin());
  sodium_memzero(hash.data(), hash.size());
}

}  // namespace kernmesh::server
