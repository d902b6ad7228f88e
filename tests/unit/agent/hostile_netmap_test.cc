// SPDX-License-Identifier: Apache-2.0
// Netmaps that a server sends to exhaust a node, over TLS, as an agent takes them: a good one comes
// first, stays in force and on disk, and what follows takes no memory worth the name.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>

#include "controller/agent/netmap_receiver.h"
#include "controller/agent/saved_state.h"
#include "controller/rpc/certificate.h"
#include "controller/rpc/coordination_client.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "tests/unit/agent/alphas_map.h"

namespace kernmesh::agent {
namespace {

using mesh::v1::NetmapUpdate;
using Parts = std::vector<grpc::ByteBuffer>;

// Two messages of 16 MiB in the server's and the client's buffers, twice each; sanitizers' own is
// several times that.
constexpr std::size_t kMostGrowthMiB = 512;

WallTime now() {
  return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
}

// One Watch stream: each message when the one before is out, then a good end. gRPC calls it on
// threads of its own, one after the other; the mutex shows that order to ThreadSanitizer.
class Stream : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  explicit Stream(Parts messages) : messages_(std::move(messages)) {
    const std::lock_guard lock(mutex_);
    StartWrite(&messages_[next_]);
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    if (ok && ++next_ < messages_.size()) return StartWrite(&messages_[next_]);
    Finish(grpc::Status::OK);
  }
  void OnDone() override {
    { const std::lock_guard lock(mutex_); }
    delete this;
  }

 private:
  std::mutex mutex_;
  Parts messages_;
  std::size_t next_ = 0;
};

using Coordination = mesh::v1::Coordination;
using RawWatch = Coordination::WithRawCallbackMethod_Watch<Coordination::Service>;
class HostileServer : public RawWatch {
 public:
  void say(Parts messages, grpc_compression_algorithm packed) {
    const std::lock_guard lock(mutex_);
    messages_ = std::move(messages);
    packed_ = packed;
  }
  using RawWatch::Watch;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer*) override {
    const std::lock_guard lock(mutex_);
    context->set_compression_algorithm(packed_);
    return new Stream(messages_);
  }

 private:
  std::mutex mutex_;
  Parts messages_;
  grpc_compression_algorithm packed_ = GRPC_COMPRESS_NONE;
};

netmap::Netmap good_map(std::uint64_t revision) {
  return alphas_map({Epoch(1), Revision(revision)});
}

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

// The most memory that this process has held since forget_peak().
std::size_t peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) / 1024;
  }
  ADD_FAILURE() << "no VmHWM in /proc/self/status";
  return 0;
}
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

class HostileNetmap : public testing::Test {
 protected:
  void SetUp() override {
    const auto authority = rpc::make_authority(now());
    ASSERT_TRUE(authority);
    const auto certificate = rpc::issue_server_certificate(*authority, {}, now());
    ASSERT_TRUE(certificate);
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs = {{certificate->key_pem, certificate->certificate_pem}};
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port_);
    builder.RegisterService(&service_);
    builder.SetMaxSendMessageSize(-1);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    authority_pem_ = authority->certificate_pem;
    char name[] = "/tmp/kernmesh-hostile.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
  }
  void TearDown() override {
    if (server_) server_->Shutdown();
    if (!path_.empty()) std::filesystem::remove_all(path_);
  }

  // Sends a good map and then the bytes; says why the agent ended the watch.
  Error watch_after_a_good_map(const std::string& bytes) {
    service_.say({buffer_of(rpc::to_proto(good_map(5)).SerializeAsString()), buffer_of(bytes)},
                 GRPC_COMPRESS_NONE);
    return watch();
  }
  Error watch() {
    netmap::MergeRules rules;
    rules.own = {MachinePublicKey({9}), NodePublicKey({8}), DiscoPublicKey({7})};
    receiver_.emplace(path_, topology::CaFingerprint{}, rules, nullptr,
                      NetmapReceiver::Events{[](const NetmapPtr&, std::optional<NetmapStep>) {},
                                             [](const Status&) {}});
    rpc::CoordinationClient client("127.0.0.1:" + std::to_string(port_), authority_pem_, {});
    // In two cases because GCC 12 warns of a Result that is moved as a whole here.
    const auto take = [this](Result<rpc::Update> update) {
      return update ? receiver_->on_update(std::move(*update))
                    : receiver_->on_update(update.error());
    };
    return client.watch({"token", {}, NodeId(1)}, std::nullopt, take);
  }
  void expect_the_good_map_in_force_and_on_disk() {
    ASSERT_TRUE(receiver_->held());
    EXPECT_EQ(receiver_->held()->version.revision, Revision(5));
    const auto stored = load_netmap(path_, {});
    ASSERT_TRUE(stored && *stored);
    EXPECT_EQ((*stored)->version.revision, Revision(5));
  }

  HostileServer service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::string authority_pem_;
  std::string path_;
  std::optional<NetmapReceiver> receiver_;
};

// `count` times the two bytes of an empty element of the field, within the fields above it.
std::string nested(std::vector<int> fields, std::size_t count) {
  const auto key = [](int field) { return static_cast<char>(field << 3 | 2); };
  std::string bytes;
  bytes.reserve(2 * count + 64);
  for (std::size_t i = 0; i < count; ++i) bytes.append({key(fields.back()), '\0'});
  for (fields.pop_back(); !fields.empty(); fields.pop_back()) {
    std::string head(1, key(fields.back()));
    for (auto size = bytes.size(); size > 0; size >>= 7U) {
      head.push_back(static_cast<char>((size & 0x7fU) | (size > 0x7f ? 0x80 : 0)));
    }
    bytes.insert(0, head);
  }
  return bytes;
}

TEST_F(HostileNetmap, c6_of_ten_million_entries_is_refused_by_its_size) {
  const Error ended = watch_after_a_good_map(nested({2, 2}, 10'000'000));
  EXPECT_EQ(ended.code(), ErrorCode::kExhausted) << ended.message();
  EXPECT_NE(ended.message().find("larger than max"), std::string::npos) << ended.message();
  expect_the_good_map_in_force_and_on_disk();
}

TEST_F(HostileNetmap, c6_of_as_many_entries_as_a_message_holds_is_refused_before_it_is_unfolded) {
  constexpr std::size_t kEntries = 8'000'000;
  struct Case {
    const char* name;
    std::vector<int> fields;  // of NetmapUpdate, and downwards
  };
  const Case cases[] = {{"peers of a snapshot", {2, 2}},
                        {"addresses of a peer", {2, 2, 8}},
                        {"endpoints of a peer", {2, 2, 9}},
                        {"rules", {2, 3}},
                        {"sets", {2, 4}},
                        {"relays", {2, 5, 1}},
                        {"peers of a delta", {3, 3}},
                        {"fields that nobody knows", {2, 15}}};
  for (const auto& [name, fields] : cases) {
    SCOPED_TRACE(name);
    const auto bytes = nested(fields, kEntries);
    forget_peak();
    const auto before = peak_mib();
    const Error ended = watch_after_a_good_map(bytes);
    EXPECT_LT(peak_mib() - before, kMostGrowthMiB);
    EXPECT_EQ(ended.code(), ErrorCode::kExhausted) << ended.message();
    EXPECT_NE(ended.message().find("more than 1000000 elements"), std::string::npos)
        << ended.message();
    expect_the_good_map_in_force_and_on_disk();
  }
}

TEST_F(HostileNetmap, c6_that_is_packed_is_refused_before_it_is_unpacked) {
  auto map = good_map(5);
  map.self.name = std::string(60, 'a');
  service_.say({buffer_of(rpc::to_proto(map).SerializeAsString())}, GRPC_COMPRESS_GZIP);
  const Error ended = watch();
  EXPECT_FALSE(receiver_->held()) << ended.message();
}

}  // namespace
}  // namespace kernmesh::agent
