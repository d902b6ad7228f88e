// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the relay's parsers: as a datagram from the network, as a ticket, and as the
// sealed body of an authentic answer and request, which a hostile other side can make. What parses
// must survive sealing and opening, and a request never outgrows its bounds.
#include <sodium.h>

#include <cstdlib>
#include <span>

#include "controller/core/relay/message.h"

using namespace kernmesh;         // NOLINT
using namespace kernmesh::relay;  // NOLINT

namespace {

X25519SecretKey secret_of(std::uint8_t fill) {
  X25519SecretKey secret;
  for (auto& byte : secret.mutable_bytes()) byte = fill;
  return secret;
}

void must(bool holds) {
  if (!holds) std::abort();
}

const X25519SecretKey kClientSecret = secret_of(1);
const DiscoPublicKey kClient = disco_public_key(kClientSecret);
const SharedKey kKey = *shared_key(kClient, secret_of(2));
const std::array<std::uint8_t, 24> kNonce{};
const Cookie kCookie{};

Bytes boxed(std::span<const std::uint8_t> body, const std::uint8_t* nonce) {
  Bytes box(body.size() + crypto_box_MACBYTES);
  crypto_box_easy_afternm(box.data(), body.data(), body.size(), nonce, kKey.bytes().data());
  return box;
}

void try_answer(std::span<const std::uint8_t> body) {
  const auto parsed = open(SealedAnswer{kClient, kNonce, boxed(body, kNonce.data())}, kKey);
  const auto* answer = std::get_if<Answer>(&parsed);
  if (answer == nullptr) return;
  RandomStream random{path::Seed{}};
  const Bytes again = seal(*answer, kClient, kKey, random);
  const auto outer = parse_datagram(again);
  const auto reopened = open(std::get<SealedAnswer>(std::get<Datagram>(outer)), kKey);
  must(std::get<Answer>(reopened).word.index() == answer->word.index());
  must(std::get<Answer>(reopened).stamp == answer->stamp);
}

void try_request(std::span<const std::uint8_t> body) {
  const std::array<std::uint8_t, 48> both{};
  std::array<std::uint8_t, 24> nonce;
  crypto_generichash(nonce.data(), nonce.size(), both.data(), both.size(), nullptr, 0);
  const auto box = boxed(body, nonce.data());
  const auto parsed = open(SealedRequest{kClient, kCookie, kNonce, box}, kKey);
  const auto* request = std::get_if<Request>(&parsed);
  if (request == nullptr) return;
  RandomStream random{path::Seed{}};
  const Bytes again = seal(*request, kClient, kCookie, kKey, random);
  must(again.size() >= kLeastRequestBytes && again.size() <= kMostControlBytes);
  const auto outer = parse_datagram(again);
  const auto reopened = open(std::get<SealedRequest>(std::get<Datagram>(outer)), kKey);
  must(type_of(std::get<Request>(reopened)) == type_of(*request));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span input(data, size);
  const auto outer = parse_datagram(input);
  if (const auto* datagram = std::get_if<Datagram>(&outer)) {
    if (const auto* request = std::get_if<SealedRequest>(datagram)) (void)open(*request, kKey);
    if (const auto* answer = std::get_if<SealedAnswer>(datagram)) (void)open(*answer, kKey);
  }
  if (const auto carried = parse_data(input)) {
    must(carried->message.size() + kDataHeaderBytes == size);
  }
  if (size >= kTicketBytes) {
    const TicketPublicKey server;
    (void)check_ticket(input.first<kTicketBytes>(), server, WallTime{});
  }
  if (size > kMostControlBytes - 128) return 0;
  try_answer(input);
  try_request(input);
  return 0;
}
