// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/statement.h"

#include <sodium.h>

#include <algorithm>

#include "controller/core/lock/signing.h"

namespace kernmesh::lock {
namespace {

constexpr std::uint8_t kStatementVersion = 1;
constexpr std::string_view kStatementLabel = "kernmesh lock statement v1";
constexpr std::string_view kSecretLabel = "kernmesh lock secret v1";

// What is signed.
Bytes content_of(const Statement& statement) {
  Bytes out;
  put_number(out, kStatementVersion, 1);
  put_number(out, static_cast<std::uint8_t>(statement.kind), 1);
  put_number(out, statement.number, 8);
  put_bytes(out, statement.previous);
  switch (statement.kind) {
    case StatementKind::kInit:
      put_number(out, statement.quorum, 1);
      put_number(out, statement.signers.size(), 1);
      for (const auto& signer : statement.signers) put_bytes(out, signer.bytes());
      put_number(out, statement.secrets.size(), 1);
      for (const auto& secret : statement.secrets) put_bytes(out, secret);
      break;
    case StatementKind::kTrust:
    case StatementKind::kDistrust:
      for (const auto& signer : statement.signers) put_bytes(out, signer.bytes());
      break;
    case StatementKind::kDisable:
      put_bytes(out, statement.secret.bytes());
      break;
  }
  return out;
}

Error malformed(const char* what) {
  return {ErrorCode::kCorrupt, std::string("statement of the network lock: ") + what};
}

Status read_init(ByteReader& reader, Statement& out) {
  out.quorum = static_cast<std::uint8_t>(reader.take_number<1>());
  const auto signers = reader.take_number<1>();
  if (signers > kMostSigners) return malformed("too many signers");
  for (std::uint64_t i = 0; i < signers; ++i) out.signers.emplace_back(reader.take<32>());
  const auto secrets = reader.take_number<1>();
  if (secrets > kMostSecrets) return malformed("too many secrets");
  for (std::uint64_t i = 0; i < secrets; ++i) out.secrets.push_back(reader.take<32>());
  return {};
}

Status read_content(ByteReader& reader, Statement& out) {
  if (reader.take_number<1>() != kStatementVersion) return malformed("of another version");
  out.kind = static_cast<StatementKind>(reader.take_number<1>());
  out.number = reader.take_number<8>();
  out.previous = reader.take<32>();
  switch (out.kind) {
    case StatementKind::kInit:
      return read_init(reader, out);
    case StatementKind::kTrust:
    case StatementKind::kDistrust:
      out.signers.emplace_back(reader.take<32>());
      return {};
    case StatementKind::kDisable:
      out.secret = DisableSecret(reader.take<32>());
      return {};
  }
  return malformed("of no known kind");
}

}  // namespace

Digest digest_of(const Statement& statement) {
  return digest_of(labelled(kStatementLabel, content_of(statement)));
}

Digest digest_of(const DisableSecret& secret) {
  return digest_of(labelled(kSecretLabel, secret.bytes()));
}

void add_signature(Statement& statement, const Ed25519SecretKey& signer) {
  const Signer key = machine_public_key(signer);
  std::erase_if(statement.signatures, [&](const SignedBy& made) { return made.signer == key; });
  statement.signatures.push_back({key, sign(signer, digest_of(statement))});
}

Bytes encode(const Statement& statement) {
  Bytes out = content_of(statement);
  put_number(out, statement.signatures.size(), 1);
  for (const auto& made : statement.signatures) {
    put_bytes(out, made.signer.bytes());
    put_bytes(out, made.signature);
  }
  return out;
}

Result<Statement> parse_statement(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kMostStatementBytes) return malformed("too long");
  ByteReader reader(bytes);
  Statement statement;
  MESH_TRY(read_content(reader, statement));
  const auto signatures = reader.take_number<1>();
  if (signatures > kMostSigners) return malformed("too many signatures");
  for (std::uint64_t i = 0; i < signatures; ++i) {
    const Signer signer(reader.take<32>());
    statement.signatures.push_back({signer, reader.take<64>()});
  }
  if (reader.ran_short()) return malformed("cut short");
  if (!reader.rest().empty()) return malformed("something stands behind it");
  return statement;
}

}  // namespace kernmesh::lock
