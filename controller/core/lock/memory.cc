// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/memory.h"

namespace kernmesh::lock {
namespace {

constexpr std::uint8_t kMemoryVersion = 1;

Error bad_memory(const char* what) {
  return {ErrorCode::kCorrupt, std::string("what is remembered of the network lock: ") + what};
}

void put_sized(Bytes& out, const Bytes& bytes) {
  put_number(out, bytes.size(), 4);
  put_bytes(out, bytes);
}

Result<Bytes> take_sized(ByteReader& reader, std::size_t most) {
  const auto size = reader.take_number<4>();
  if (reader.ran_short() || size > most || size > reader.rest().size())
    return bad_memory("cut short");
  const auto rest = reader.rest();
  Bytes bytes(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
  reader = ByteReader(rest.subspan(size));
  return bytes;
}

}  // namespace

Bytes encode(const Memory& memory) {
  Bytes out;
  put_number(out, kMemoryVersion, 1);
  put_number(out, memory.history.statements.size(), 4);
  for (const auto& statement : memory.history.statements) put_sized(out, statement);
  put_number(out, memory.rotations.size(), 4);
  for (const auto& [machine, number] : memory.rotations) {
    put_bytes(out, machine.bytes());
    put_number(out, number, 8);
  }
  put_sized(out, memory.own);
  return out;
}

Result<Memory> parse_memory(std::span<const std::uint8_t> bytes) {
  ByteReader reader(bytes);
  if (reader.take_number<1>() != kMemoryVersion) return bad_memory("of another version");
  Memory memory;
  const auto statements = reader.take_number<4>();
  if (statements > kMostStatements) return bad_memory("too many statements");
  for (std::uint64_t i = 0; i < statements; ++i) {
    MESH_TRY_ASSIGN(const auto statement, take_sized(reader, kMostStatementBytes));
    MESH_TRY(append(memory.history, statement));
  }
  const auto machines = reader.take_number<4>();
  if (machines > kMostMachines) return bad_memory("too many machines");
  for (std::uint64_t i = 0; i < machines && !reader.ran_short(); ++i) {
    const MachinePublicKey machine(reader.take<32>());
    const auto number = reader.take_number<8>();
    const bool ascends = memory.rotations.empty() || memory.rotations.rbegin()->first < machine;
    if (!ascends || number == 0) return bad_memory("machines out of order");
    memory.rotations.emplace_hint(memory.rotations.end(), machine, number);
  }
  MESH_TRY_ASSIGN(memory.own, take_sized(reader, kMostEndorsementBytes));
  if (reader.ran_short()) return bad_memory("cut short");
  if (!reader.rest().empty()) return bad_memory("something stands behind it");
  return memory;
}

}  // namespace kernmesh::lock
