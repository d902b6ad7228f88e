// SPDX-License-Identifier: Apache-2.0
// Whom changes wake, with a directory that is fed without a disk, and streams that are only
// counted.
#include "controller/server/waking.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include "controller/core/lock/statement.h"
#include "controller/rpc/convert.h"
#include "controller/server/server.h"
#include "controller/server/stored_policy.h"
#include "controller/server/watch_source.h"

namespace kernmesh::server {
namespace {

constexpr Epoch kEpoch{7};
const NodeId kMine{1}, kMyOther{2}, kTheirs{3};

// Hands changes to its subscriber and keeps nothing.
class Feeder final : public store::Store {
 public:
  Result<store::Contents> load() override { return store::Contents{}; }
  Result<std::string> policy_text(PolicyRevision) override {
    return Error(ErrorCode::kNotFound, "no texts here");
  }
  Result<std::vector<store::AuditRecord>> audit(const store::AuditQuery&) override {
    return std::vector<store::AuditRecord>();
  }
  Result<AuditId> newest_audit() override { return AuditId(); }
  Result<std::optional<store::RequestRecord>> find_request(const store::Hash&, WallTime) override {
    return std::optional<store::RequestRecord>();
  }
  Status commit(const store::Commit&) override { return Error(ErrorCode::kSystem, "no disk"); }
  void subscribe(Feed feed) override { feed_ = std::move(feed); }

  void put(std::vector<store::Record> records) {
    ++revision_;
    feed_({Revision(revision_),
           Revision(revision_),
           std::move(records),
           {},
           store::Audience::kNetwork});
  }

 private:
  Feed feed_;
  std::uint64_t revision_ = 1;
};

// A stream that takes a message whenever it is woken, unless its reader stalls.
class CountedStream final : public rpc::UpdateStream {
 public:
  explicit CountedStream(std::unique_ptr<WatchSource> source) : source_(std::move(source)) {}
  void wake() override {
    ++wakes;
    if (!stalls) take();
  }
  void take() {
    mesh::v1::NetmapUpdate message;
    if (!source_->next(message)) return;
    const auto update = rpc::from_proto(message);
    ASSERT_TRUE(update) << update.error().message();
    updates.push_back(*update);
  }
  void end(const Error&) override {}
  Duration stalled_for() const override { return {}; }

  int wakes = 0;
  bool stalls = false;
  std::vector<rpc::Update> updates;

 private:
  std::unique_ptr<WatchSource> source_;
};

// Under the starter policy people's own devices see each other: 1 and 2 are one user's, 3
// another's.
class WakingTest : public testing::Test {
 protected:
  WakingTest() {
    store::Contents contents;
    contents.network_revision = Revision(1);
    contents.meta.emplace();
    contents.meta->epoch = kEpoch;
    contents.meta->overlay = {topology::default_overlay_v4(), *Prefix::parse("fd00::/48")};
    for (const UserId user : {UserId(1), UserId(2)}) {
      contents.users.push_back({{user, "user" + to_string(user), {}, {}, {}}, {}});
    }
    for (const NodeId id : {kMine, kMyOther, kTheirs}) contents.nodes.push_back(node(id, 1));
    auto policy = read_policy(policy::kStarterPolicy, PolicyRevision(1));
    EXPECT_TRUE(policy) << policy.error().message();
    directory_ = Directory::open(feeder_, std::move(contents), *std::move(policy));
    waking_ = std::make_unique<Waking>(*directory_, presence_);
  }

  static store::NodeRecord node(NodeId id, std::uint16_t port) {
    store::NodeRecord record;
    record.node.id = id;
    record.node.name = "node" + to_string(id);
    record.node.user_id = id == kTheirs ? UserId(2) : UserId(1);
    record.node.addresses =
        topology::addresses_of({topology::default_overlay_v4(), *Prefix::parse("fd00::/48")},
                               static_cast<topology::Slot>(id.value()));
    std::array<std::uint8_t, 32> key{static_cast<std::uint8_t>(id.value())};
    record.node.machine_key = MachinePublicKey(key);
    record.node.node_key = NodePublicKey(key);
    record.node.disco_key = DiscoPublicKey(key);
    record.node.endpoints = {{IpAddress::from_v4_number(0xc6336401), Port(port)}};
    return record;
  }
  void change(NodeId id, std::uint16_t port) { feeder_.put({node(id, port)}); }

  // Which port the update says that the peer has now; nothing when it is no delta that does.
  static std::optional<Port> told(const rpc::Update& update, NodeId peer) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    if (delta == nullptr) return std::nullopt;
    for (const auto& told : delta->upserted) {
      if (told.id == peer) return told.endpoints.at(0).port;
    }
    return std::nullopt;
  }

  std::shared_ptr<CountedStream> open(NodeId id) {
    auto stream = std::make_shared<CountedStream>(std::make_unique<WatchSource>(
        WatchSource::Sources{*directory_, tickets_, system_now}, id, mesh::v1::WatchRequest{}));
    rpc::Caller caller;
    caller.node = id;
    EXPECT_TRUE(presence_.opened({caller, stream}, Error(ErrorCode::kConflict, "another")));
    stream->take();
    EXPECT_EQ(stream->updates.size(), 1u);
    return stream;
  }
  void wake() {
    for (const auto& due : waking_->due()) due.stream->wake();
  }

  TicketOffice tickets_{Ed25519SecretKey()};
  Feeder feeder_;
  std::unique_ptr<Directory> directory_;
  Presence presence_;
  std::unique_ptr<Waking> waking_;
};

TEST_F(WakingTest, c9_wakes_only_streams_that_the_change_may_concern) {
  const auto mine = open(kMine), theirs = open(kTheirs);
  change(kMyOther, 2);
  wake();
  EXPECT_EQ(mine->wakes, 1);
  EXPECT_EQ(told(mine->updates.back(), kMyOther), Port(2));
  EXPECT_EQ(theirs->wakes, 0);
}

// It is in no node's netmap but in everybody's update.
TEST_F(WakingTest, statement_of_the_network_lock_wakes_everybody) {
  ASSERT_GE(sodium_init(), 0);
  const auto mine = open(kMine), theirs = open(kTheirs);
  std::array<std::uint8_t, 32> public_key{};
  Ed25519SecretKey machine;
  crypto_sign_keypair(public_key.data(), machine.mutable_bytes().data());
  lock::Statement statement;
  statement.quorum = 1;
  statement.signers = {machine_public_key(machine)};
  statement.secrets = {lock::digest_of(lock::DisableSecret())};
  add_signature(statement, machine);
  feeder_.put({store::LockStatementRecord{1, encode(statement)}});
  wake();
  EXPECT_EQ(mine->wakes, 1);
  EXPECT_EQ(theirs->wakes, 1);
}

TEST_F(WakingTest, c9_wakes_nobody_twice_for_one_change) {
  const auto mine = open(kMine);
  change(kMyOther, 2);
  wake();
  wake();
  EXPECT_EQ(mine->wakes, 1);
}

TEST_F(WakingTest, c9_change_that_a_later_one_overtakes_before_anybody_looks_still_wakes) {
  const auto mine = open(kMine);
  change(kMyOther, 2);
  for (std::uint16_t port = 2; port < 20; ++port) change(kTheirs, port);
  wake();
  ASSERT_EQ(mine->wakes, 1);
  EXPECT_EQ(told(mine->updates.back(), kMyOther), Port(2));
}

TEST_F(WakingTest,
       c9_stalled_stream_catches_up_with_what_it_was_woken_for_after_unrelated_changes) {
  const auto mine = open(kMine);
  mine->stalls = true;
  change(kMyOther, 2);
  wake();
  for (std::uint16_t port = 2; port < 20; ++port) {
    change(kTheirs, port);
    wake();
  }
  EXPECT_EQ(mine->wakes, 1);
  mine->take();
  EXPECT_EQ(told(mine->updates.back(), kMyOther), Port(2));
}

TEST_F(WakingTest, c9_stream_that_opens_between_a_change_and_the_look_misses_nothing) {
  change(kMyOther, 2);
  const auto mine = open(kMine);
  const auto& map = std::get<netmap::Netmap>(mine->updates.front());
  EXPECT_EQ(map.peers.at(kMyOther).endpoints.at(0).port, Port(2));
  change(kMyOther, 3);
  wake();
  EXPECT_EQ(told(mine->updates.back(), kMyOther), Port(3));
}

TEST_F(WakingTest, c9_stream_that_ten_thousand_changes_do_not_concern_is_still_told_by_a_delta) {
  const auto mine = open(kMine);
  for (std::size_t i = 0; i < topology::kHistory; ++i) {
    change(kTheirs, static_cast<std::uint16_t>(2 + i));
    wake();
  }
  EXPECT_LE(mine->wakes, static_cast<int>(topology::kHistory / kWakeAllAfter));
  const auto version = directory_->read([](const View& view) { return view.network.version(); });
  change(kMyOther, 2);
  wake();
  ASSERT_TRUE(std::holds_alternative<netmap::Delta>(mine->updates.back()));
  EXPECT_EQ(told(mine->updates.back(), kMyOther), Port(2));
  EXPECT_GT(std::get<netmap::Delta>(mine->updates.back()).to, version);
}

TEST_F(WakingTest, c9_stream_of_a_node_that_expires_is_woken) {
  const auto mine = open(kMine);
  auto expired = node(kMine, 1);
  expired.node.state = topology::NodeState::kExpired;
  feeder_.put({expired});
  EXPECT_EQ(waking_->due().size(), 1u);
}

}  // namespace
}  // namespace kernmesh::server
