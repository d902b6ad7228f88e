// SPDX-License-Identifier: Apache-2.0
// What the signers of a network lock say, one statement after the other, and its bytes (L1, pure;
// docs/adr/0012). A signer is named by an Ed25519 key, as a rule the machine key of a node.
//
// Big-endian:  version 1 (1) · kind (1) · number 8 · digest of the statement before 32 ·
//   kInit: quorum (1), count (1) and signers 32 each, count (1) and digests of secrets 32 each
//   kTrust, kDistrust: signer 32
//   kDisable: secret 32
//   count (1) and signatures: signer 32, Ed25519 signature 64
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/key.h"
#include "controller/base/result.h"

namespace kernmesh::lock {

using Signer = MachinePublicKey;
using Digest = std::array<std::uint8_t, 32>;  // BLAKE2b
// Whoever shows one ends the lock. It is no key: 32 random bytes on paper.
using DisableSecret = SecretBytes<32>;

inline constexpr std::size_t kMostSigners = 32;
inline constexpr std::size_t kMostSecrets = 16;
// More than any statement within these bounds has.
inline constexpr std::size_t kMostStatementBytes = 8192;

enum class StatementKind : std::uint8_t {
  kInit = 1,      // begins a lock: who signs, how many of them change it, what ends it
  kTrust = 2,     // one more signer
  kDistrust = 3,  // one signer less: what it signed counts no more
  kDisable = 4,   // the lock's end
};

struct SignedBy {
  Signer signer;
  Signature signature;
  bool operator==(const SignedBy&) const = default;
};

struct Statement {
  StatementKind kind = StatementKind::kInit;
  std::uint64_t number = 0;     // counts from 0, which is kInit
  Digest previous{};            // zero for kInit
  std::uint8_t quorum = 0;      // kInit: how many signers a change needs
  std::vector<Signer> signers;  // kInit: all of them; kTrust, kDistrust: the one
  std::vector<Digest> secrets;  // kInit
  DisableSecret secret;         // kDisable
  std::vector<SignedBy> signatures;
  bool operator==(const Statement&) const = default;
};

// Names the statement whoever has signed it.
Digest digest_of(const Statement& statement);
Digest digest_of(const DisableSecret& secret);

// Signs what the statement says; a signer signs once.
void add_signature(Statement& statement, const Ed25519SecretKey& signer);

Bytes encode(const Statement& statement);
// kCorrupt unless the bytes are exactly what encode() makes of a statement within the bounds.
Result<Statement> parse_statement(std::span<const std::uint8_t> bytes);

}  // namespace kernmesh::lock
