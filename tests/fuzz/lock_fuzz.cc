// SPDX-License-Identifier: Apache-2.0
// Statements and endorsements of a network lock as a server hands them on, and what a node
// remembers of them.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "controller/core/lock/endorsement.h"
#include "controller/core/lock/memory.h"

using namespace kernmesh;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  // What was read is written as it was.
  const auto same = [&](const Bytes& written) {
    return std::equal(written.begin(), written.end(), bytes.begin(), bytes.end());
  };
  if (const auto statement = lock::parse_statement(bytes)) {
    if (!same(lock::encode(*statement))) std::abort();
    static_cast<void>(lock::begin_chain(*statement));
    lock::Chain chain;
    static_cast<void>(lock::advance(chain, *statement));
  }
  if (const auto endorsement = lock::parse_endorsement(bytes)) {
    if (!same(lock::encode(*endorsement))) std::abort();
    const lock::Claim claim{endorsement->machine_key, endorsement->node_key,
                            endorsement->addresses};
    if (lock::check_endorsement(lock::Chain{}, *endorsement, claim, 0)) std::abort();
  }
  if (const auto memory = lock::parse_memory(bytes)) {
    if (!same(lock::encode(*memory))) std::abort();
  }
  return 0;
}
