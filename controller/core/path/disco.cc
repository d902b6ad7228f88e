// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/disco.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace kernmesh::path {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{0xd4, 0x60, 0x0d, 0x15};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSenderAt = 5;
constexpr std::size_t kNonceAt = 37;
constexpr std::size_t kBoxAt = 61;
constexpr std::size_t kTagBytes = crypto_box_MACBYTES;
constexpr std::string_view kLabel = "kernmesh disco v1";
constexpr std::uint32_t kNever = 0xffffffff;

enum Type : std::uint8_t { kPing = 1, kPong = 2, kCallMeMaybe = 3 };

static_assert(crypto_box_NONCEBYTES == 24 && kTagBytes == 16 && crypto_box_BEFORENMBYTES == 32);

void put_endpoint(Bytes& out, const Endpoint& endpoint) {
  out.push_back(static_cast<std::uint8_t>(endpoint.address.family()));
  put_number(out, endpoint.port.value(), 2);
  put_bytes(out, endpoint.address.bytes());
}

class Cursor : public ByteReader {
 public:
  using ByteReader::ByteReader;
  bool bad_endpoint() const { return bad_endpoint_; }

  Endpoint take_endpoint() {
    const auto family = take_number<1>();
    const Port port(static_cast<std::uint16_t>(take_number<2>()));
    const auto bytes = take<16>();
    if (family == 6) return {IpAddress::from_v6_bytes(bytes), port};
    if (family != 4) bad_endpoint_ = true;
    return {IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]}), port};
  }
  std::size_t left() const { return rest().size(); }

 private:
  bool bad_endpoint_ = false;
};

Bytes attested_bytes(const DiscoPublicKey& disco_key, const NodePublicKey& node_key,
                     WallTime issued_at) {
  Bytes out(kLabel.begin(), kLabel.end());
  put_bytes(out, disco_key.bytes());
  put_bytes(out, node_key.bytes());
  put_number(out, static_cast<std::uint64_t>(issued_at.time_since_epoch().count()), 8);
  return out;
}

Ping take_ping(Cursor& body) {
  Ping ping;
  ping.tx = body.take<12>();
  ping.node_key = NodePublicKey(body.take<32>());
  ping.attestation.issued_at =
      WallTime(std::chrono::seconds(static_cast<std::int64_t>(body.take_number<8>())));
  ping.attestation.signature = body.take<64>();
  ping.padding_bytes = body.left();
  return ping;
}

Pong take_pong(Cursor& body) {
  Pong pong;
  pong.tx = body.take<12>();
  pong.observed = body.take_endpoint();
  const auto age = body.take_number<4>();
  if (age != kNever) pong.data_age = std::chrono::milliseconds(age);
  return pong;
}

Parsed<Message> parse_body(std::span<const std::uint8_t> bytes) {
  Cursor body(bytes);
  Message message;
  switch (body.take_number<1>()) {
    case kPing:
      message = take_ping(body);
      break;
    case kPong:
      message = take_pong(body);
      break;
    case kCallMeMaybe: {
      const auto count = body.take_number<1>();
      if (count > kMostOfferedEndpoints) return Defect::kTooManyOffered;
      CallMeMaybe call;
      for (std::size_t i = 0; i < count && !body.ran_short(); ++i)
        call.endpoints.push_back(body.take_endpoint());
      message = std::move(call);
      break;
    }
    default:
      return body.ran_short() ? Defect::kTruncated : Defect::kUnknownType;
  }
  if (body.ran_short()) return Defect::kTruncated;
  if (body.bad_endpoint()) return Defect::kBadEndpoint;
  return message;
}

struct BodyWriter {
  Bytes& out;
  void operator()(const Ping& ping) const {
    out.push_back(kPing);
    put_bytes(out, ping.tx);
    put_bytes(out, ping.node_key.bytes());
    put_number(
        out, static_cast<std::uint64_t>(ping.attestation.issued_at.time_since_epoch().count()), 8);
    put_bytes(out, ping.attestation.signature);
    out.resize(out.size() + std::min(ping.padding_bytes, kMostDatagramBytes - kPingBytes));
  }
  void operator()(const Pong& pong) const {
    out.push_back(kPong);
    put_bytes(out, pong.tx);
    put_endpoint(out, pong.observed);
    const auto age = pong.data_age ? std::clamp<std::int64_t>(pong.data_age->count(), 0, kNever - 1)
                                   : std::int64_t{kNever};
    put_number(out, static_cast<std::uint64_t>(age), 4);
  }
  void operator()(const CallMeMaybe& call) const {
    assert(call.endpoints.size() <= kMostOfferedEndpoints);
    out.push_back(kCallMeMaybe);
    out.push_back(static_cast<std::uint8_t>(call.endpoints.size()));
    for (const auto& endpoint : call.endpoints) put_endpoint(out, endpoint);
  }
};

}  // namespace

Attestation attest(const Ed25519SecretKey& machine_secret, const DiscoPublicKey& disco_key,
                   const NodePublicKey& node_key, WallTime issued_at) {
  return {issued_at, sign(machine_secret, attested_bytes(disco_key, node_key, issued_at))};
}

bool attested(const MachinePublicKey& machine_key, const DiscoPublicKey& disco_key,
              const NodePublicKey& node_key, const Attestation& attestation) {
  return verify(machine_key, attested_bytes(disco_key, node_key, attestation.issued_at),
                attestation.signature);
}

std::string_view to_string(Defect defect) {
  switch (defect) {
    case Defect::kTooShort:
      return "too short";
    case Defect::kTooLong:
      return "too long";
    case Defect::kNotDisco:
      return "not a disco message";
    case Defect::kVersion:
      return "unknown version";
    case Defect::kNotAuthentic:
      return "not authentic";
    case Defect::kUnknownType:
      return "unknown type";
    case Defect::kTruncated:
      return "truncated";
    case Defect::kBadEndpoint:
      return "bad endpoint";
    case Defect::kTooManyOffered:
      return "too many endpoints";
  }
  return "unknown";
}

Parsed<Envelope> parse_envelope(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < kMagic.size()) return Defect::kTooShort;
  if (!std::equal(kMagic.begin(), kMagic.end(), datagram.begin())) return Defect::kNotDisco;
  if (datagram.size() < kBoxAt + kTagBytes + 1) return Defect::kTooShort;
  if (datagram.size() > kMostDatagramBytes) return Defect::kTooLong;
  if (datagram[4] != kVersion) return Defect::kVersion;
  std::array<std::uint8_t, 32> sender;
  std::copy_n(datagram.begin() + kSenderAt, sender.size(), sender.begin());
  return Envelope{DiscoPublicKey(sender), datagram.subspan<kNonceAt, 24>(),
                  datagram.subspan(kBoxAt)};
}

std::optional<SharedKey> shared_key(const DiscoPublicKey& theirs, const X25519SecretKey& ours) {
  SharedKey key;
  if (crypto_box_beforenm(key.mutable_bytes().data(), theirs.bytes().data(), ours.bytes().data()) !=
      0)
    return std::nullopt;
  return key;
}

Parsed<Message> open(const Envelope& envelope, const SharedKey& key) {
  std::array<std::uint8_t, kMostDatagramBytes> body;
  if (envelope.box.size() <= kTagBytes) return Defect::kTooShort;
  if (envelope.box.size() > body.size()) return Defect::kTooLong;
  if (crypto_box_open_easy_afternm(body.data(), envelope.box.data(), envelope.box.size(),
                                   envelope.nonce.data(), key.bytes().data()) != 0)
    return Defect::kNotAuthentic;
  return parse_body(std::span(body).first(envelope.box.size() - kTagBytes));
}

Bytes seal(const Message& message, const DiscoPublicKey& sender, const SharedKey& key,
           RandomStream& random) {
  Bytes body;
  body.reserve(kPingBytes);
  std::visit(BodyWriter{body}, message);
  const auto nonce = random.bytes<24>();
  Bytes out(kMagic.begin(), kMagic.end());
  out.reserve(kBoxAt + kTagBytes + body.size());
  out.push_back(kVersion);
  put_bytes(out, sender.bytes());
  put_bytes(out, nonce);
  out.resize(kBoxAt + kTagBytes + body.size());
  crypto_box_easy_afternm(out.data() + kBoxAt, body.data(), body.size(), nonce.data(),
                          key.bytes().data());
  return out;
}

}  // namespace kernmesh::path
