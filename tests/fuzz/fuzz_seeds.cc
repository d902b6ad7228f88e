// SPDX-License-Identifier: Apache-2.0
// Writes small inputs to begin with, FOLDER/TARGET/NUMBER, for the fuzz targets whose formats are
// found late or never from nothing: real messages, made by the product's own encoders.
// usage: fuzz_seeds FOLDER
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "controller/agent/saved_state.h"
#include "controller/agent/synthetic_frame.h"
#include "controller/core/path/disco.h"
#include "controller/core/portmap/upnp_talk.h"
#include "controller/core/relay/stream_frames.h"
#include "controller/core/stun/message.h"
#include "controller/netlink/wireguard_codec.h"
#include "controller/rpc/convert.h"

using namespace kernmesh;  // NOLINT

namespace {

using Inputs = std::vector<Bytes>;

const Endpoint kPlaceV4{IpAddress::from_v4_bytes({192, 0, 2, 1}), Port(4500)};
const Endpoint kPlaceV6{
    IpAddress::from_v6_bytes({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), Port(4501)};

// The target's choices come before the bytes that it chooses for.
Bytes behind(std::initializer_list<std::uint8_t> choices, std::span<const std::uint8_t> bytes) {
  Bytes all(choices);
  all.insert(all.end(), bytes.begin(), bytes.end());
  return all;
}

template <typename Key>
Key key_of(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(fill);
  return Key(bytes);
}

// A message of WireGuard's by its type: an initiation, an answer, a cookie, data.
Bytes wireguard_message(std::uint8_t type) {
  Bytes message(std::array<std::size_t, 5>{0, 148, 92, 64, 128}[type], 0x5a);
  message[0] = type;
  message[1] = message[2] = message[3] = 0;
  return message;
}

// What the agent's program sees: from this node to the peer.
Bytes frame_to_a_peer(std::uint8_t type) {
  Bytes frame = agent::synthetic_frame(NodeId(7), wireguard_message(type));
  std::swap_ranges(frame.begin() + 26, frame.begin() + 30, frame.begin() + 30);
  return frame;
}

Inputs synthetic_frames() {
  return {frame_to_a_peer(1), frame_to_a_peer(2), frame_to_a_peer(3), frame_to_a_peer(4)};
}

// The same in IPv6, without the frame's head.
Bytes packet_v6(std::uint8_t type) {
  const Bytes message = wireguard_message(type);
  const auto length = static_cast<std::uint8_t>(message.size() + 8);
  Bytes packet{0x60, 0, 0, 0, 0, length, 17, 64};
  for (const Endpoint& place : {kPlaceV6, kPlaceV6})
    packet.insert(packet.end(), place.address.bytes().begin(), place.address.bytes().end());
  for (const std::uint8_t byte : {0x11, 0x94, 0x11, 0x95, 0, int{length}, 0, 0})
    packet.push_back(byte);
  packet.insert(packet.end(), message.begin(), message.end());
  return packet;
}

// The choice: ethertype, and 4 when an Ethernet head comes first.
Inputs packets() {
  Inputs all;
  for (const std::uint8_t type : {1, 4}) {
    const Bytes frame = frame_to_a_peer(type);
    all.push_back(behind({4}, frame));
    all.push_back(behind({0}, std::span(frame).subspan(14)));
    all.push_back(behind({1}, packet_v6(type)));
  }
  return all;
}

Inputs stun_messages() {
  const stun::TransactionId tx{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  Inputs all;
  for (const stun::Message& message :
       {stun::Message(stun::BindingRequest{tx}), stun::Message(stun::BindingSuccess{tx, kPlaceV4}),
        stun::Message(stun::BindingSuccess{tx, kPlaceV6}),
        stun::Message(stun::BindingError{tx, 420})})
    for (const auto fingerprint : {stun::Fingerprint::kNone, stun::Fingerprint::kAppend})
      all.push_back(stun::to_bytes(message, fingerprint));
  return all;
}

// The choice: in pieces of how many bytes, less one.
Inputs framed_streams() {
  Bytes stream;
  for (const std::uint8_t type : {1, 3, 4}) relay::put_frame(stream, wireguard_message(type));
  Bytes cut(stream.begin(), stream.end() - 20);
  return {behind({0}, stream), behind({31}, stream), behind({255}, cut)};
}

// Once as a datagram, once as what is sealed in it: the target takes an input for both.
Inputs disco_messages() {
  X25519SecretKey ours, theirs;
  for (auto& byte : ours.mutable_bytes()) byte = 1;
  for (auto& byte : theirs.mutable_bytes()) byte = 2;
  const auto sender = disco_public_key(theirs);
  const auto key = *path::shared_key(sender, ours);
  path::RandomStream random{path::Seed{}};
  path::Ping ping{{1, 2, 3}, key_of<NodePublicKey>(4), {}, 16};
  const std::vector<path::Message> messages{
      ping, path::Pong{{1, 2, 3}, kPlaceV4, std::chrono::milliseconds(20)},
      path::Pong{{1, 2, 3}, kPlaceV6, std::nullopt}, path::CallMeMaybe{{kPlaceV4, kPlaceV6}}};
  Inputs all;
  for (const auto& message : messages) {
    all.push_back(path::seal(message, sender, key, random));
    const auto parsed = path::parse_envelope(all.back());
    const auto& envelope = std::get<path::Envelope>(parsed);
    Bytes body(envelope.box.size() - crypto_box_MACBYTES);
    if (crypto_box_open_easy_afternm(body.data(), envelope.box.data(), envelope.box.size(),
                                     envelope.nonce.data(), key.bytes().data()) != 0)
      std::abort();
    all.push_back(body);
  }
  return all;
}

// Setting a device has the attributes that its dump has.
Inputs wireguard_messages() {
  reconcile::WireguardChange change;
  change.listen_port = Port(24240);
  for (const std::uint8_t n : {1, 2}) {
    reconcile::WireguardPeer peer;
    peer.endpoint = kPlaceV4;  // synthetic endpoints are IPv4
    peer.keepalive_interval_s = 25;
    peer.allowed_ips = {Prefix::host(IpAddress::from_v4_bytes({100, 64, 0, n})),
                        Prefix::host(kPlaceV6.address)};
    change.upserted.emplace_back(key_of<NodePublicKey>(n), peer);
  }
  Inputs all;
  const Status done = netlink::encode_change(42, IfIndex(3), {nullptr, change.listen_port}, change,
                                             [&](std::span<const std::uint8_t> message) -> Status {
                                               all.emplace_back(message.begin(), message.end());
                                               return {};
                                             });
  if (!done) std::abort();
  return all;
}

// As the kernel lists a bpf filter, and the head of its chain.
Inputs filters() {
  Inputs all;
  for (const std::uint32_t handle : {0x4b4d, 0}) {
    alignas(nlmsghdr) std::array<char, 256> buffer{};
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = RTM_NEWTFILTER;
    auto* tc = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(tcmsg)));
    tc->tcm_handle = handle;
    tc->tcm_info = 1U << 16;
    mnl_attr_put_strz(message, TCA_KIND, "bpf");
    nlattr* options = mnl_attr_nest_start(message, TCA_OPTIONS);
    mnl_attr_put_strz(message, TCA_BPF_NAME, "underlay_in");
    mnl_attr_put_u32(message, TCA_BPF_ID, 42);
    mnl_attr_nest_end(message, options);
    all.emplace_back(buffer.begin(), buffer.begin() + message->nlmsg_len);
  }
  return all;
}

netmap::Netmap sample_netmap() {
  netmap::Netmap map;
  map.version = {Epoch(1), Revision(1)};
  map.self.id = NodeId(1);
  map.self.name = "a";
  map.self.addresses = {IpAddress::from_v4_bytes({100, 64, 0, 1})};
  map.self.overlay_prefixes = {*Prefix::parse("100.64.0.0/10")};
  for (const std::uint8_t n : {2, 3}) {
    netmap::Peer peer;
    peer.id = NodeId(n);
    peer.name = std::string(1, static_cast<char>('a' + n));
    peer.machine_key = key_of<MachinePublicKey>(n);
    peer.node_key = key_of<NodePublicKey>(n);
    peer.disco_key = key_of<DiscoPublicKey>(n);
    peer.addresses = {IpAddress::from_v4_bytes({100, 64, 0, n})};
    peer.endpoints = {kPlaceV4, kPlaceV6};
    map.peers.emplace(peer.id, peer);
  }
  netmap::Rule rule;
  rule.id = RuleId(1);
  rule.sources = {netmap::SetId(1)};
  rule.targets = {{policy::TargetKind::kOwnAddresses, {}, {{{6}, {{80, 443}}}}}};
  map.rules.emplace(rule.id, rule);
  netmap::SourceSet set;
  set.id = netmap::SetId(1);
  set.members = {NodeId(2)};
  map.sets.emplace(set.id, set);
  return map;
}

template <typename Update>
Bytes wire_of(const Update& update) {
  const std::string text = rpc::to_proto(update).SerializeAsString();
  return {text.begin(), text.end()};
}
// What a server sends.
Inputs netmap_updates() {
  const auto map = sample_netmap();
  netmap::Delta delta;
  delta.from = map.version;
  delta.to = {Epoch(1), Revision(2)};
  delta.self = map.self;
  delta.upserted = {map.peers.begin()->second};
  delta.removed = {NodeId(3)};
  delta.upserted_rules = {map.rules.begin()->second};
  delta.changed_sets = {{netmap::SetId(1), {NodeId(3)}, {NodeId(2)}}};
  return {wire_of(map), wire_of(delta)};
}

Bytes contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The choice: settings, a netmap without its head, a netmap file.
Inputs saved_states() {
  char name[] = "/dev/shm/kernmesh-seeds-XXXXXX";
  if (mkdtemp(name) == nullptr) std::abort();
  const std::string dir = name;
  const topology::CaFingerprint ca{};
  agent::Settings settings;
  settings.server = "mesh.example:8443";
  settings.hostname = "a";
  settings.wanted = agent::Wanted::kUp;
  settings.public_port = Port(41641);
  if (!agent::save_settings(dir, settings) || !agent::save_netmap(dir, ca, sample_netmap()))
    std::abort();
  const Bytes netmap = contents(dir + "/netmap");
  const std::size_t head = 16 + ca.size() + crypto_hash_sha256_BYTES;
  const Inputs all{behind({0}, contents(dir + "/settings.json")),
                   behind({1}, std::span(netmap).subspan(head)), behind({2}, netmap)};
  std::filesystem::remove_all(dir);
  return all;
}

// In the target's own words: bytes from which it makes maps. A peer by id, and by what its name,
// keys and address are.
Bytes peer_words(std::uint8_t n) { return {n, 1, n, n, n, n, 1, 1, n, 2}; }
Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
// Peers 2 and 3, a rule, a set of which peer 2 is; then changes to it.
Inputs netmap_words() {
  const Bytes own_key{9}, self{1, 1, 0, 0, 1, 1, 1}, rule{1, 1, 1, 0, 80}, set{1, 1, 1, 2};
  const auto snapshot = [&](std::uint8_t revision) {
    return joined({{1, revision}, self, {2}, peer_words(2), {1}, peer_words(3), {1}, rule, set});
  };
  const Bytes first = joined({own_key, snapshot(1)});
  // A delta: from what is held, one revision on, self as it was.
  const Bytes delta{0, 1, 1, 1, 1};
  const Bytes one_more = joined({delta, {1}, peer_words(4), {1, 3}, {1, 1, 1, 1}});
  const Bytes other_rules = joined({delta, {0, 0}, {0, 1, 2, 1, 0, 22}, {1}, {0, 1, 1, 1, 3}, {1}});
  const Bytes other_members = joined({delta, {0, 0, 1, 1}, {1}, {0, 1, 1, 3, 2}});
  return {first, joined({first, one_more}), joined({first, other_rules, other_members}),
          joined({first, other_members, {1}, snapshot(3), one_more})};
}

Inputs upnp_answers() {
  const portmap::Grant grant{kPlaceV4, std::chrono::minutes(20), {}};
  Inputs all;
  for (const auto& answer :
       {portmap::to_answer(grant), portmap::to_answer(Error(ErrorCode::kUnsupported, "no")),
        portmap::to_answer(Error(ErrorCode::kUnavailable, "nobody"))})
    all.emplace_back(answer.begin(), answer.end());
  return all;
}

bool write_all(const std::filesystem::path& folder, const Inputs& inputs) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const auto& input : inputs) {
    std::ofstream file(folder / ("seed" + std::to_string(++number)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(input.data()),
               static_cast<std::streamsize>(input.size()));
    if (!file.flush()) return false;
  }
  return number > 0;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n"), 2;
  if (sodium_init() < 0) return 1;
  const struct {
    std::string_view target;
    Inputs inputs;
  } rows[] = {{"cls_bpf_fuzz", filters()},
              {"convert_fuzz", netmap_updates()},
              {"disco_fuzz", disco_messages()},
              {"netmap_merge_fuzz", netmap_words()},
              {"packet_fuzz", packets()},
              {"saved_state_fuzz", saved_states()},
              {"stream_frames_fuzz", framed_streams()},
              {"stun_fuzz", stun_messages()},
              {"synthetic_frame_fuzz", synthetic_frames()},
              {"upnp_answer_fuzz", upnp_answers()},
              {"wireguard_netlink_fuzz", wireguard_messages()}};
  for (const auto& row : rows) {
    if (write_all(std::filesystem::path(words[1]) / row.target, row.inputs)) continue;
    std::fprintf(stderr, "fuzz_seeds: cannot write the seeds of %s\n", row.target.data());
    return 1;
  }
  return 0;
}
