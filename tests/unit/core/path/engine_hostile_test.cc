// SPDX-License-Identifier: Apache-2.0
// What somebody on the network can do to the engine: nothing but cost it bounded work.
#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

// Everything of host 1 that a datagram might change.
struct Picture {
  std::map<NodeId, SetPath> paths;
  std::map<NodeId, std::vector<Way>> sources;
  std::size_t candidates;
  std::optional<Way> way;
  bool operator==(const Picture&) const = default;
};

Picture picture(SimulatedNetwork& net) {
  Host& host = net.host(1);
  const auto status = *host.engine->status(net.now(), NodeId(2));
  return {host.paths, host.sources, status.candidates, status.way};
}

Endpoint somewhere(std::mt19937& random) {
  return {IpAddress::from_v4_number(0xc6336400U + random() % 256), Port(1 + random() % 65535)};
}

class HostileNetwork : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint32_t id : {1U, 2U})
      net_.add(id, {place(1, static_cast<int>(id)), place(4, static_cast<int>(id))});
    net_.tap = [&](const Bytes& bytes, const Endpoint&, Host& to) {
      if (&to == &net_.host(1)) captured_.push_back(bytes);
    };
    net_.know_each_other();
    // Long enough that the first pings are no longer remembered by their ids.
    net_.run(std::chrono::minutes(6), {{1, 2}, {2, 1}});
    net_.tap = nullptr;
    ASSERT_GT(captured_.size(), 3 * kRememberedPings);
    // What comes has left this long ago: no ping of ours is unanswered.
    before_ = picture(net_);
  }

  void inject(const Bytes& bytes, const Endpoint& source) {
    net_.host(1).engine->on_datagram(net_.now(), bytes, source, net_.host(1).places[0].address);
    net_.drain(net_.host(1));
    ASSERT_EQ(picture(net_), before_);
  }

  SimulatedNetwork net_{1};
  std::mt19937 random_{2};
  std::vector<Bytes> captured_;
  Picture before_;
};

TEST_F(HostileNetwork, r5_replayed_datagrams_change_nothing_from_wherever_they_come) {
  for (int round = 0; round < 3; ++round) {
    for (const auto& bytes : captured_) {
      inject(bytes, somewhere(random_));
      inject(bytes, net_.host(2).places[0]);
    }
    net_.run(seconds(2), {{1, 2}, {2, 1}});
    ASSERT_EQ(picture(net_), before_);
  }
}

TEST_F(HostileNetwork, r8_flipped_and_truncated_datagrams_change_nothing) {
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = captured_[random_() % captured_.size()];
    if (i % 2 == 0) {
      bytes[random_() % bytes.size()] ^= static_cast<std::uint8_t>(1U << (random_() % 8));
    } else {
      bytes.resize(random_() % bytes.size());
    }
    inject(bytes, i % 3 == 0 ? somewhere(random_) : net_.host(2).places[0]);
  }
}

TEST_F(HostileNetwork, r8_forged_datagrams_of_an_outsider_change_nothing) {
  const auto outsider = sample_identity(66);
  auto ping = Ping{};
  ping.node_key = net_.host(2).identity.info.node_key;
  ping.attestation = net_.host(2).identity.local.attestation;  // of another disco key
  const auto key = *shared_key(net_.host(1).identity.info.disco_key, outsider.local.disco_secret);
  RandomStream stream(secret_filled<32>(5, 5));
  const auto sender = outsider.info.disco_key;
  for (int i = 0; i < 500; ++i) {
    ping.tx = stream.bytes<12>();
    inject(seal(ping, sender, key, stream), somewhere(random_));
    inject(seal(Pong{ping.tx, somewhere(random_), {}}, sender, key, stream), somewhere(random_));
    inject(seal(CallMeMaybe{{somewhere(random_)}}, sender, key, stream), somewhere(random_));
    // Claims the peer's disco key without its secret.
    inject(seal(ping, net_.host(2).identity.info.disco_key, key, stream), somewhere(random_));
  }
}

TEST_F(HostileNetwork, r8_work_for_unknown_senders_is_bounded) {
  RandomStream stream(secret_filled<32>(6, 6));
  int limited = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto verdict = net_.host(1).engine->on_datagram(
        net_.now(), seal(Ping{}, DiscoPublicKey(stream.bytes<32>()), SharedKey{}, stream),
        somewhere(random_), net_.host(1).places[0].address);
    if (verdict == Verdict::kLimited) ++limited;
  }
  EXPECT_EQ(limited, 1000 - static_cast<int>(kUnknownBurst));
}

// A peer that pings from thousands of sources that never answer (or somebody who captured its
// pings before they arrived) makes us send at most a bounded number of bytes.
TEST_F(HostileNetwork, r8_answers_and_probes_to_unproven_sources_are_bounded) {
  const auto& peer = net_.host(2).identity;
  const auto key = *shared_key(net_.host(1).identity.info.disco_key, peer.local.disco_secret);
  RandomStream stream(secret_filled<32>(7, 7));
  std::size_t sent = 0;
  std::size_t taken = 0;
  auto count = [&] {
    for (const auto& command : net_.host(1).engine->take_commands()) {
      if (std::get_if<SendDatagram>(&command) != nullptr) ++sent;
      ASSERT_FALSE(std::holds_alternative<SetPath>(command));
      ASSERT_FALSE(std::holds_alternative<SetSources>(command));
    }
  };
  for (int i = 0; i < 5000; ++i) {
    Ping ping;
    ping.tx = stream.bytes<12>();
    ping.node_key = peer.info.node_key;
    ping.attestation = peer.local.attestation;
    const auto bytes = seal(ping, peer.info.disco_key, key, stream);
    if (net_.host(1).engine->on_datagram(net_.now(), bytes, somewhere(random_),
                                         net_.host(1).places[0].address) == Verdict::kAccepted)
      ++taken;
    count();
  }
  EXPECT_LE(taken, kAnswerBurst);
  EXPECT_LE(sent, kAnswerBurst + kCallerProbeBurst + 2);
  EXPECT_EQ(picture(net_), before_);
}

TEST_F(HostileNetwork, r8_a_pong_from_another_place_than_the_ping_went_is_nothing) {
  Engine& engine = *net_.host(1).engine;
  ASSERT_TRUE(engine.ping_now(net_.now(), NodeId(2)));
  const auto commands = engine.take_commands();
  const auto& send = std::get<SendDatagram>(commands.at(0));
  const auto& peer = net_.host(2).identity;
  const auto key = *shared_key(net_.host(1).identity.info.disco_key, peer.local.disco_secret);
  const auto envelope = parse_envelope(send.bytes);
  const auto message = open(std::get<Envelope>(envelope), key);
  const auto tx = std::get<Ping>(std::get<Message>(message)).tx;
  RandomStream stream(secret_filled<32>(8, 8));
  const auto pong = seal(Pong{tx, send.to.endpoint, {}}, peer.info.disco_key, key, stream);
  const auto local = net_.host(1).places[0].address;
  EXPECT_EQ(engine.on_datagram(net_.now(), pong, somewhere(random_), local), Verdict::kUnmatched);
  EXPECT_EQ(engine.on_datagram(net_.now(), pong, send.to.endpoint, local), Verdict::kAccepted);
  EXPECT_EQ(engine.on_datagram(net_.now(), pong, send.to.endpoint, local), Verdict::kUnmatched);
  EXPECT_EQ(engine.on_datagram(net_.now(), pong, Endpoint{}, local), Verdict::kBadSource);
}

}  // namespace
}  // namespace kernmesh::path
