// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <future>

#include "controller/rpc/channel.h"
#include "controller/rpc/convert.h"
#include "controller/rpc/status.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

class GateTest : public ServerTest {
 protected:
  // Any method of any service with an empty message.
  grpc::Status call(const std::string& path, const std::string& authorization) {
    grpc::GenericStub stub(rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    const grpc::Slice nothing("");
    const grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, path, grpc::StubOptions{}, &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
};

TEST_F(GateTest, a_token_without_its_scheme_is_none) {
  EXPECT_EQ(call("/mesh.v1.Admin/ListUsers", token_).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(call("/mesh.v1.Admin/ListUsers", "Bearer " + token_).ok());
}

TEST_F(GateTest, node_methods_answer_nodes_only) {
  for (const char* name : {"Watch", "Report", "Leave"}) {
    const std::string method = std::string("/mesh.v1.Coordination/") + name;
    for (const std::string& authorization :
         {std::string(), "Bearer " + token_, std::string("Bearer ") + std::string(107, 'A')}) {
      EXPECT_EQ(call(method, authorization).error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << method;
    }
  }
}

TEST_F(GateTest, relay_method_answers_relays_only) {
  const std::string method = "/mesh.v1.RelayCoordination/Report";
  const TestNode node;
  const auto session = join(node);
  for (const std::string& authorization :
       {std::string(), "Bearer " + token_, "Bearer " + session.token}) {
    EXPECT_EQ(call(method, authorization).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  }
}

TEST_F(GateTest, removed_node_loses_its_calls_at_once) {
  const TestNode node;
  const auto session = join(node);
  ASSERT_TRUE(admin_->remove_node("host"));
  const auto status = client()->report(session, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kNotFound);
}

TEST_F(GateTest, c7_oversize_request_is_refused) {
  mesh::v1::ChallengeRequest large;
  large.set_machine_key(std::string(100'000, 'x'));
  const auto coordination = mesh::v1::Coordination::NewStub(
      rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls));
  grpc::ClientContext context;
  mesh::v1::ChallengeResponse response;
  EXPECT_EQ(coordination->Challenge(&context, large, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(GateTest, c8_reader_that_does_not_drain_does_not_hold_up_others) {
  const TestNode slow, quick;
  const auto slow_session = join(slow);
  const auto coordination = mesh::v1::Coordination::NewStub(
      rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + slow_session.token);
  const auto stream = coordination->Watch(&context, {});  // never read until the end
  Watcher watcher(client(), join(quick));
  watcher.first();
  NodeId last;
  for (int i = 0; i < 30; ++i) last = join(TestNode()).node_id;
  watcher.wait([&](const auto& updates) {
    return std::any_of(updates.begin(), updates.end(), [&](const auto& update) {
      const auto* delta = std::get_if<netmap::Delta>(&update);
      return delta != nullptr && !delta->upserted.empty() && delta->upserted.back().id == last;
    });
  });
  // What it reads at last is one state after another up to the newest.
  std::uint64_t newest = 0;
  const auto wanted = admin_->list_nodes()->version().revision();
  mesh::v1::NetmapUpdate update;
  while (newest < wanted && stream->Read(&update)) newest = update.version().revision();
  EXPECT_GE(newest, wanted);
  context.TryCancel();
  stream->Finish();
}

}  // namespace
}  // namespace kernmesh::server
