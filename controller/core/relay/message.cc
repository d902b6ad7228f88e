// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/message.h"

#include <sodium.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace kernmesh::relay {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{0xd4, 0x60, 0x0d, 0x16};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeadBytes = 6 + 32;
constexpr std::size_t kNonceBytes = crypto_box_NONCEBYTES;
constexpr std::size_t kTagBytes = crypto_box_MACBYTES;
constexpr std::size_t kRequestBoxAt = kHeadBytes + 24 + kNonceBytes;
constexpr std::size_t kAnswerBoxAt = kHeadBytes + kNonceBytes;
constexpr std::size_t kLeastBodyBytes = kLeastRequestBytes - kRequestBoxAt - kTagBytes;

enum Kind : std::uint8_t { kHello = 1, kChallenge = 2, kRequest = 3, kAnswer = 4 };
enum AnswerType : std::uint8_t {
  kBound = 129,
  kOpened = 130,
  kAsked = 131,
  kRefused = 132,
  kDraining = 133,
  kClosed = 134,
};

static_assert(kNonceBytes == 24 && kTagBytes == 16);

Bytes head(Kind kind, const DiscoPublicKey& client) {
  Bytes out(kMagic.begin(), kMagic.end());
  out.reserve(256);
  out.push_back(kVersion);
  out.push_back(kind);
  put_bytes(out, client.bytes());
  return out;
}

using Nonce = std::array<std::uint8_t, kNonceBytes>;

Nonce request_nonce(const Cookie& cookie, std::span<const std::uint8_t, 24> nonce) {
  std::array<std::uint8_t, 48> both;
  std::copy(cookie.begin(), cookie.end(), both.begin());
  std::copy(nonce.begin(), nonce.end(), both.begin() + 24);
  Nonce out;
  crypto_generichash(out.data(), out.size(), both.data(), both.size(), nullptr, 0);
  return out;
}

void append_box(Bytes& out, const Bytes& body, const Nonce& nonce, const SharedKey& key) {
  const std::size_t at = out.size();
  out.resize(at + kTagBytes + body.size());
  crypto_box_easy_afternm(out.data() + at, body.data(), body.size(), nonce.data(),
                          key.bytes().data());
}

// Opens into `body` and gives the part that was filled.
std::optional<std::span<const std::uint8_t>> open_box(
    std::span<const std::uint8_t> box, std::span<const std::uint8_t, 24> nonce,
    const SharedKey& key, std::array<std::uint8_t, kMostControlBytes>& body) {
  if (box.size() < kTagBytes || box.size() > body.size()) return std::nullopt;
  if (crypto_box_open_easy_afternm(body.data(), box.data(), box.size(), nonce.data(),
                                   key.bytes().data()) != 0) {
    return std::nullopt;
  }
  return std::span<const std::uint8_t>(body).first(box.size() - kTagBytes);
}

std::uint64_t sixteen_bits(std::chrono::seconds time) {
  return static_cast<std::uint64_t>(
      std::clamp<std::int64_t>(time.count(), 0, std::numeric_limits<std::uint16_t>::max()));
}

struct RequestWriter {
  Bytes& out;
  void operator()(const Bind& bind) const { put_bytes(out, bind.ticket); }
  void operator()(const Open& open) const { put_bytes(out, open.peer.bytes()); }
  void operator()(const Close& close) const { put_bytes(out, close.peer.bytes()); }
  void operator()(const Refresh&) const {}
};

struct AnswerWriter {
  Bytes& out;
  void operator()(const Bound& bound) const {
    put_number(out, sixteen_bits(bound.lifetime), 2);
    out.push_back(static_cast<std::uint8_t>(bound.observed.address.family()));
    put_number(out, bound.observed.port.value(), 2);
    put_bytes(out, bound.observed.address.bytes());
  }
  void operator()(const Opened& opened) const {
    put_bytes(out, opened.peer.bytes());
    put_number(out, opened.channel.value(), 4);
    out.push_back(static_cast<std::uint8_t>(opened.state));
  }
  void operator()(const Asked& asked) const { put_bytes(out, asked.peer.bytes()); }
  void operator()(const Refused& refused) const {
    out.push_back(static_cast<std::uint8_t>(refused.reason));
    out.push_back(static_cast<std::uint8_t>(refused.refused));
  }
  void operator()(const Draining& draining) const {
    put_number(out, sixteen_bits(draining.left), 2);
  }
  void operator()(const Closed& closed) const { put_bytes(out, closed.peer.bytes()); }
};

struct AnswerTypeOf {
  AnswerType operator()(const Bound&) const { return kBound; }
  AnswerType operator()(const Opened&) const { return kOpened; }
  AnswerType operator()(const Asked&) const { return kAsked; }
  AnswerType operator()(const Refused&) const { return kRefused; }
  AnswerType operator()(const Draining&) const { return kDraining; }
  AnswerType operator()(const Closed&) const { return kClosed; }
};

Parsed<Request> read_request(std::span<const std::uint8_t> bytes) {
  ByteReader body(bytes);
  Request request;
  const auto type = body.take_number<1>();
  request.sequence = Sequence(body.take_number<8>());
  switch (static_cast<RequestType>(type)) {
    case RequestType::kBind:
      request.wish = Bind{body.take<kTicketBytes>()};
      break;
    case RequestType::kOpen:
      request.wish = Open{DiscoPublicKey(body.take<32>())};
      break;
    case RequestType::kClose:
      request.wish = Close{DiscoPublicKey(body.take<32>())};
      break;
    case RequestType::kRefresh:
      request.wish = Refresh{};
      break;
    default:
      return body.ran_short() ? Defect::kTruncated : Defect::kUnknownType;
  }
  if (body.ran_short()) return Defect::kTruncated;
  return request;
}

std::optional<Endpoint> read_endpoint(ByteReader& body) {
  const auto family = body.take_number<1>();
  const Port port(static_cast<std::uint16_t>(body.take_number<2>()));
  const auto bytes = body.take<16>();
  if (family == 6) return Endpoint{IpAddress::from_v6_bytes(bytes), port};
  if (family != 4) return std::nullopt;
  return Endpoint{IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]}), port};
}

// The word after type, stamp and sequence; nothing when a value in it does not exist.
std::optional<decltype(Answer::word)> read_word(std::uint64_t type, ByteReader& body) {
  if (type == kBound) {
    const std::chrono::seconds lifetime(body.take_number<2>());
    const auto observed = read_endpoint(body);
    if (!observed) return std::nullopt;
    return Bound{lifetime, *observed};
  }
  if (type == kOpened) {
    Opened opened{DiscoPublicKey(body.take<32>()), {}, {}};
    opened.channel = Channel(static_cast<std::uint32_t>(body.take_number<4>()));
    opened.state = static_cast<PairState>(body.take_number<1>());
    if (opened.state != PairState::kWaits && opened.state != PairState::kPaired)
      return std::nullopt;
    if (opened.channel.value() == 0) return std::nullopt;
    return opened;
  }
  if (type == kRefused) {
    const auto reason = body.take_number<1>();
    const auto refused = body.take_number<1>();
    // Reasons and types of later versions are still a refusal.
    if (reason == 0 || refused == 0) return std::nullopt;
    return Refused{static_cast<Reason>(reason), static_cast<RequestType>(refused)};
  }
  if (type == kDraining) return Draining{std::chrono::seconds(body.take_number<2>())};
  const DiscoPublicKey peer(body.take<32>());
  if (type == kAsked) return Asked{peer};
  return Closed{peer};
}

Parsed<Answer> read_answer(std::span<const std::uint8_t> bytes) {
  ByteReader body(bytes);
  Answer answer;
  const auto type = body.take_number<1>();
  if (body.ran_short()) return Defect::kTruncated;
  if (type < kBound || type > kClosed) return Defect::kUnknownType;
  answer.stamp = body.take_number<8>();
  answer.sequence = Sequence(body.take_number<8>());
  auto word = read_word(type, body);
  if (body.ran_short()) return Defect::kTruncated;
  if (!word) return Defect::kBadValue;
  answer.word = *word;
  return answer;
}

}  // namespace

std::string_view to_string(Defect defect) {
  constexpr std::array<std::string_view, 9> kWords{
      "too short",       "too long",     "not a control message",
      "unknown version", "unknown kind", "not authentic",
      "unknown type",    "truncated",    "bad value"};
  const auto index = static_cast<std::size_t>(defect);
  return index < kWords.size() ? kWords[index] : "unknown";
}

bool is_control(std::span<const std::uint8_t> datagram) {
  return datagram.size() >= kMagic.size() &&
         std::equal(kMagic.begin(), kMagic.end(), datagram.begin());
}

Parsed<Datagram> parse_datagram(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < kMagic.size()) return Defect::kTooShort;
  if (!is_control(datagram)) return Defect::kNotControl;
  if (datagram.size() < kHeadBytes) return Defect::kTooShort;
  if (datagram.size() > kMostControlBytes) return Defect::kTooLong;
  if (datagram[4] != kVersion) return Defect::kVersion;
  ByteReader reader(datagram.subspan(5));
  const auto kind = reader.take_number<1>();
  const DiscoPublicKey client(reader.take<32>());
  switch (kind) {
    case kHello:
      if (datagram.size() < kLeastRequestBytes) return Defect::kTooShort;
      return Hello{client};
    case kChallenge:
      if (datagram.size() < kChallengeBytes) return Defect::kTooShort;
      return Challenge{client, reader.take<24>()};
    case kRequest:
      if (datagram.size() < kLeastRequestBytes) return Defect::kTooShort;
      return SealedRequest{client, reader.take<24>(), datagram.subspan<kHeadBytes + 24, 24>(),
                           datagram.subspan(kRequestBoxAt)};
    case kAnswer:
      if (datagram.size() < kAnswerBoxAt + kTagBytes) return Defect::kTooShort;
      return SealedAnswer{client, datagram.subspan<kHeadBytes, 24>(),
                          datagram.subspan(kAnswerBoxAt)};
    default:
      return Defect::kUnknownKind;
  }
}

Bytes encode(const Hello& hello) {
  Bytes out = head(kHello, hello.client);
  out.resize(kLeastRequestBytes);
  return out;
}

Bytes encode(const Challenge& challenge) {
  Bytes out = head(kChallenge, challenge.client);
  put_bytes(out, challenge.cookie);
  return out;
}

RequestType type_of(const Request& request) {
  return static_cast<RequestType>(request.wish.index() + 1);
}

Bytes seal(const Request& request, const DiscoPublicKey& client, const Cookie& cookie,
           const SharedKey& key, RandomStream& random) {
  Bytes body;
  body.reserve(kTicketBytes + 9);
  body.push_back(static_cast<std::uint8_t>(type_of(request)));
  put_number(body, request.sequence.value(), 8);
  std::visit(RequestWriter{body}, request.wish);
  if (body.size() < kLeastBodyBytes) body.resize(kLeastBodyBytes);
  const auto nonce = random.bytes<kNonceBytes>();
  Bytes out = head(kRequest, client);
  put_bytes(out, cookie);
  put_bytes(out, nonce);
  append_box(out, body, request_nonce(cookie, nonce), key);
  return out;
}

Bytes seal(const Answer& answer, const DiscoPublicKey& client, const SharedKey& key,
           RandomStream& random) {
  Bytes body;
  body.reserve(64);
  body.push_back(std::visit(AnswerTypeOf{}, answer.word));
  put_number(body, answer.stamp, 8);
  put_number(body, answer.sequence.value(), 8);
  std::visit(AnswerWriter{body}, answer.word);
  const auto nonce = random.bytes<kNonceBytes>();
  Bytes out = head(kAnswer, client);
  put_bytes(out, nonce);
  append_box(out, body, nonce, key);
  return out;
}

Parsed<Request> open(const SealedRequest& sealed, const SharedKey& key) {
  std::array<std::uint8_t, kMostControlBytes> buffer;
  const auto nonce = request_nonce(sealed.cookie, sealed.nonce);
  const auto body = open_box(sealed.box, nonce, key, buffer);
  if (!body) return Defect::kNotAuthentic;
  return read_request(*body);
}

Parsed<Answer> open(const SealedAnswer& sealed, const SharedKey& key) {
  std::array<std::uint8_t, kMostControlBytes> buffer;
  const auto body = open_box(sealed.box, sealed.nonce, key, buffer);
  if (!body) return Defect::kNotAuthentic;
  return read_answer(*body);
}

std::optional<SharedKey> shared_key(const RelayPublicKey& relay, const X25519SecretKey& client) {
  return path::shared_key(DiscoPublicKey(relay.bytes()), client);
}

std::optional<SharedKey> shared_key(const DiscoPublicKey& client, const X25519SecretKey& relay) {
  return path::shared_key(client, relay);
}

RelayPublicKey relay_public_key(const X25519SecretKey& relay) {
  return RelayPublicKey(node_public_key(relay).bytes());
}

}  // namespace kernmesh::relay
