// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/stun_answers.h"

#include <sodium.h>

#include "controller/core/stun/message.h"

namespace kernmesh::relay {
namespace {

constexpr Rate kRate{20, 40};

std::array<std::uint8_t, 16> fresh_hash_key() {
  std::array<std::uint8_t, 16> key;
  randombytes_buf(key.data(), key.size());
  return key;
}

}  // namespace

StunAnswers::StunAnswers() : quota_(kRate, fresh_hash_key()) {}

std::optional<Bytes> StunAnswers::answer_to(std::span<const std::uint8_t> datagram,
                                            const Endpoint& source, MonoTime now) {
  const auto parsed = stun::parse(datagram);
  const auto* message = std::get_if<stun::Message>(&parsed);
  const auto* request = message != nullptr ? std::get_if<stun::BindingRequest>(message) : nullptr;
  if (request == nullptr || !quota_.take(source.address, now)) return std::nullopt;
  ++count_;
  return stun::to_bytes(stun::BindingSuccess{request->tx, source});
}

}  // namespace kernmesh::relay
