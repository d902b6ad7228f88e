// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/lock_signer.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "controller/base/unique_fd.h"
#include "controller/core/lock/signer.h"
#include "controller/rpc/convert.h"

namespace kernmesh::adm {
namespace {

constexpr std::string_view kSigningKeyPrefix = "ls-";
constexpr std::string_view kSecretPrefix = "ld-";

// 32 bytes behind a prefix; white space at the end is a file's.
bool decode_words(std::string_view text, std::string_view prefix, SecretBytes<32>& out) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  std::size_t size = 0;
  const char* end = nullptr;
  auto bytes = out.mutable_bytes();
  return sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size,
                        &end) == 0 &&
         size == bytes.size() && end == text.data() + text.size();
}

Ed25519SecretKey key_from_seed(const SecretBytes<32>& seed) {
  Ed25519SecretKey key;
  std::array<std::uint8_t, 32> public_key{};
  crypto_sign_seed_keypair(public_key.data(), key.mutable_bytes().data(), seed.bytes().data());
  return key;
}

}  // namespace

std::string secret_text(const lock::DisableSecret& secret) {
  return std::string(kSecretPrefix) + to_hex(secret.bytes());
}

Result<lock::DisableSecret> parse_secret(const std::string& text) {
  lock::DisableSecret secret;
  if (decode_words(text, kSecretPrefix, secret)) return secret;
  return Error(ErrorCode::kInvalid,
               "a secret that ends the lock is \"ld-\" and 64 hexadecimal digits, as `meshadm lock "
               "init` has printed it");
}

Result<Ed25519SecretKey> read_signing_key(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return Error::from_errno("read " + path, errno);
  SecretBytes<32> seed;
  const bool read = decode_words(line, kSigningKeyPrefix, seed);
  sodium_memzero(line.data(), line.size());
  if (read) return key_from_seed(seed);
  return Error(ErrorCode::kInvalid, path + " is no signing key of `meshadm lock keygen`");
}

Result<lock::Signer> make_signing_key(const std::string& path) {
  SecretBytes<32> seed;
  randombytes_buf(seed.mutable_bytes().data(), seed.bytes().size());
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return Error::from_errno("make " + path, errno);
  std::string text = std::string(kSigningKeyPrefix) + to_hex(seed.bytes()) + "\n";
  const bool written =
      write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(file.get()) == 0;
  const int code = errno;
  sodium_memzero(text.data(), text.size());
  if (!written) {
    unlink(path.c_str());
    return Error::from_errno("write " + path, code);
  }
  return machine_public_key(key_from_seed(seed));
}

Result<LockSigner> LockSigner::open(Session& session, const std::string& key_file,
                                    const LockNetwork& network) {
  LockSigner signer;
  if (!key_file.empty()) {
    MESH_TRY_ASSIGN(signer.secret_, read_signing_key(key_file));
    signer.key_ = machine_public_key(*signer.secret_);
    signer.held_ = network.history;
    return signer;
  }
  MESH_TRY_ASSIGN(signer.agent_, session.agent());
  MESH_TRY_ASSIGN(const auto shown, signer.agent_->lock_show());
  MESH_TRY_ASSIGN(signer.key_, rpc::machine_key_from_wire(shown.machine_key()));
  MESH_TRY_ASSIGN(signer.held_, history_from(shown.statements()));
  return signer;
}

Result<lock::Statement> LockSigner::sign(const lock::Statement& statement) {
  if (secret_) return sign_statement(held_, statement, *secret_);
  mesh::v1::LockSignRequest request;
  request.set_statement(rpc::to_wire(encode(statement)));
  MESH_TRY_ASSIGN(const auto answer, agent_->lock_sign(request));
  return lock::parse_statement(rpc::bytes_from_wire(answer.statement()));
}

Result<std::vector<std::string>> LockSigner::endorse_by_agent(
    const std::vector<const LockNode*>& nodes, const std::optional<lock::Statement>& init) {
  std::vector<std::string> endorsements;
  for (std::size_t at = 0; at < nodes.size(); at += kNodesAtOnce) {
    mesh::v1::LockSignRequest request;
    if (init) request.set_init(rpc::to_wire(encode(*init)));
    for (std::size_t i = at; i < std::min(at + kNodesAtOnce, nodes.size()); ++i) {
      auto* claim = request.add_claims();
      claim->set_machine_key(rpc::to_wire(nodes[i]->machine_key));
      claim->set_node_key(rpc::to_wire(nodes[i]->node_key));
      for (const auto& address : nodes[i]->addresses) claim->add_addresses(rpc::to_wire(address));
      claim->set_endorsement(rpc::to_wire(nodes[i]->endorsement));
    }
    MESH_TRY_ASSIGN(const auto answer, agent_->lock_sign(request));
    endorsements.insert(endorsements.end(), answer.endorsements().begin(),
                        answer.endorsements().end());
  }
  return endorsements;
}

Result<std::vector<std::string>> LockSigner::endorse(const std::vector<const LockNode*>& nodes,
                                                     const std::optional<lock::Statement>& init) {
  if (!secret_) return endorse_by_agent(nodes, init);
  MESH_TRY_ASSIGN(const auto chain, chain_to_endorse(held_, init, key_));
  std::vector<std::string> endorsements;
  endorsements.reserve(nodes.size());
  for (const auto* node : nodes) {
    endorsements.push_back(
        rpc::to_wire(encode(endorse_next(chain, node->claim(), node->endorsement, 0, *secret_))));
  }
  return endorsements;
}

}  // namespace kernmesh::adm
