// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the disco parser twice: as a datagram from the network, and as the sealed body of
// an authentic one, which a hostile peer can make. What parses must survive sealing and opening.
#include <cstdlib>
#include <span>

#include <sodium.h>

#include "controller/core/path/disco.h"

using namespace kernmesh;        // NOLINT
using namespace kernmesh::path;  // NOLINT

namespace {

X25519SecretKey secret_of(std::uint8_t fill) {
  X25519SecretKey secret;
  for (auto& byte : secret.mutable_bytes()) byte = fill;
  return secret;
}

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto ours = secret_of(1);
  static const auto theirs = secret_of(2);
  static const auto key = *shared_key(disco_public_key(theirs), ours);
  const std::span input(data, size);
  const auto outer = parse_envelope(input);
  if (const auto* envelope = std::get_if<Envelope>(&outer)) (void)open(*envelope, key);

  if (size == 0 || size > kMostDatagramBytes - kSealedOverheadBytes) return 0;
  const std::array<std::uint8_t, 24> nonce{};
  Bytes box(size + crypto_box_MACBYTES);
  crypto_box_easy_afternm(box.data(), data, size, nonce.data(), key.bytes().data());
  const auto parsed = open(Envelope{disco_public_key(theirs), nonce, box}, key);
  const auto* message = std::get_if<Message>(&parsed);
  if (message == nullptr) return 0;
  RandomStream random{Seed{}};
  const Bytes again = seal(*message, disco_public_key(theirs), key, random);
  must(again.size() <= kMostDatagramBytes);
  const auto envelope = parse_envelope(again);
  must(std::holds_alternative<Envelope>(envelope));
  const auto reopened = open(std::get<Envelope>(envelope), key);
  must(std::holds_alternative<Message>(reopened));
  must(std::get<Message>(reopened).index() == message->index());
  return 0;
}
