// SPDX-License-Identifier: Apache-2.0
// Every field of the Admin API that can be wrong, over the wire: the answer names it.
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include "controller/rpc/channel.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "mesh/v1/admin.grpc.pb.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;

class BadRequestTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    stub_ = v1::Admin::NewStub(rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls));
  }

  // The field that the answer names, or what else it was.
  static std::string field_of(const grpc::Status& status) {
    if (status.error_code() != grpc::StatusCode::INVALID_ARGUMENT) {
      return "code " + std::to_string(status.error_code()) + " " + status.error_message();
    }
    google::rpc::Status details;
    details.ParseFromString(status.error_details());
    for (const auto& detail : details.details()) {
      google::rpc::BadRequest bad;
      if (!detail.UnpackTo(&bad)) continue;
      EXPECT_EQ(bad.field_violations_size(), 1);
      EXPECT_FALSE(bad.field_violations(0).description().empty());
      EXPECT_FALSE(status.error_message().starts_with(bad.field_violations(0).field() + ":"));
      return bad.field_violations(0).field();
    }
    return "no BadRequest: " + status.error_message();
  }

  void authorize(grpc::ClientContext& context) const {
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    context.AddMetadata("authorization", "Bearer " + token_);
  }
  // `fill` makes one field wrong, and the others right.
  template <typename Request, typename Response, typename Fill>
  std::string refused(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&,
                                                              Response*),
                      const Fill& fill) {
    Request request;
    fill(request);
    grpc::ClientContext context;
    authorize(context);
    Response response;
    return field_of((stub_.get()->*method)(&context, request, &response));
  }
  template <typename Fill>
  std::string refused_policy(const Fill& fill) {
    v1::SetPolicyRequest request;
    request.set_text("{}");
    fill(request);
    grpc::ClientContext context;
    authorize(context);
    v1::SetPolicyResponse response;
    const auto writer = stub_->SetPolicy(&context, &response);
    writer->Write(request);
    writer->WritesDone();
    return field_of(writer->Finish());
  }
  template <typename Fill>
  std::string refused_watch(const Fill& fill) {
    v1::WatchEventsRequest request;
    fill(*request.mutable_filter());
    grpc::ClientContext context;
    authorize(context);
    v1::AuditEvent event;
    const auto reader = stub_->WatchEvents(&context, request);
    EXPECT_FALSE(reader->Read(&event));
    return field_of(reader->Finish());
  }

  std::unique_ptr<v1::Admin::Stub> stub_;
};
using Stub = v1::Admin::Stub;

TEST_F(BadRequestTest, users) {
  using Create = v1::CreateUserRequest;
  EXPECT_EQ(refused(&Stub::CreateUser, [](Create& r) { r.set_name("a b"); }), "name");
  EXPECT_EQ(refused(&Stub::CreateUser, [](Create&) {}), "name");
  EXPECT_EQ(refused(&Stub::CreateUser, [](Create& r) { r.set_name("bob"), r.set_email("bob"); }),
            "email");
  EXPECT_EQ(refused(&Stub::CreateUser, [](Create& r) { r.set_name("bob"), r.add_roles("king"); }),
            "roles");
  EXPECT_EQ(refused(&Stub::CreateUser, [](Create& r) { r.set_name("bob"), r.set_request_id("1"); }),
            "request_id");
  EXPECT_EQ(refused(&Stub::SetUserRoles,
                    [](v1::SetUserRolesRequest& r) { r.set_name("ann"), r.add_roles("king"); }),
            "roles");
  using Link = v1::LinkUserRequest;
  EXPECT_EQ(refused(&Stub::LinkUser, [](Link& r) { r.set_name("ann"), r.set_subject("1"); }),
            "issuer");
  EXPECT_EQ(refused(&Stub::LinkUser,
                    [](Link& r) {
                      r.set_name("ann"), r.set_subject("1"), r.set_issuer("ftp://id.example");
                    }),
            "issuer");
  EXPECT_EQ(refused(&Stub::LinkUser,
                    [](Link& r) { r.set_name("ann"), r.set_issuer("https://id.example"); }),
            "subject");
}

TEST_F(BadRequestTest, tokens) {
  using Create = v1::CreateTokenRequest;
  const auto refused_token = [this](const auto& spoil) {
    return refused(&Stub::CreateToken, [&](Create& r) {
      r.set_user_name("ann");
      spoil(r);
    });
  };
  EXPECT_EQ(refused_token([](Create& r) { r.clear_user_name(); }), "user_name");
  EXPECT_EQ(refused_token([](Create& r) { r.set_role("king"); }), "role");
  EXPECT_EQ(refused_token([](Create& r) { r.set_role("owner"); }), "role");
  EXPECT_EQ(refused_token([](Create& r) { r.set_scope("some"); }), "scope");
  EXPECT_EQ(refused_token([](Create& r) { r.set_lifetime_seconds(-1); }), "lifetime_seconds");
  EXPECT_EQ(refused_token([](Create& r) { r.set_comment("two\nlines"); }), "comment");
  EXPECT_EQ(refused_token([](Create& r) { r.set_request_id("with a space, and long"); }),
            "request_id");
}

TEST_F(BadRequestTest, join_keys) {
  using Create = v1::CreateJoinKeyRequest;
  const auto refused_key = [this](const auto& spoil) {
    return refused(&Stub::CreateJoinKey, [&](Create& r) {
      r.set_user_name("ann");
      spoil(r);
    });
  };
  EXPECT_EQ(refused_key([](Create& r) { r.set_lifetime_seconds(1LL << 40); }), "lifetime_seconds");
  EXPECT_EQ(refused_key([](Create& r) { r.set_relay(true); }), "relay");
  EXPECT_EQ(refused_key([](Create& r) { r.add_tags("tag:nobodys"); }), "tags");
  EXPECT_EQ(refused_key([](Create& r) { r.add_tags("no tag"); }), "tags");
  EXPECT_EQ(refused_key([](Create& r) { r.set_request_id("1"); }), "request_id");
}

TEST_F(BadRequestTest, nodes) {
  TestNode node;
  join(node);
  EXPECT_EQ(refused(&Stub::RenameNode,
                    [](v1::RenameNodeRequest& r) { r.set_node("host"), r.set_new_name("A B"); }),
            "new_name");
  EXPECT_EQ(refused(&Stub::TagNode,
                    [](v1::TagNodeRequest& r) { r.set_node("host"), r.add_tags("tag:nobodys"); }),
            "tags");
  using SetExpiry = v1::SetNodeExpiryRequest;
  EXPECT_EQ(refused(&Stub::SetNodeExpiry, [](SetExpiry& r) { r.set_node("host"); }), "expiry");
  EXPECT_EQ(refused(&Stub::SetNodeExpiry,
                    [](SetExpiry& r) {
                      r.set_node("host");
                      r.set_expiry(v1::KEY_EXPIRY_DATE);
                    }),
            "in_seconds");
}

TEST_F(BadRequestTest, policies_and_events) {
  using Set = v1::SetPolicyRequest;
  EXPECT_EQ(refused_policy([](Set& r) { r.set_text("{"); }), "text");
  EXPECT_EQ(refused_policy([](Set& r) { r.set_text_bytes(1); }), "text");
  EXPECT_EQ(refused_policy([](Set& r) { r.set_comment("two\nlines"); }), "comment");
  EXPECT_EQ(refused(&Stub::GetRollout,
                    [](v1::GetRolloutRequest& r) { r.mutable_version()->set_epoch(9); }),
            "version");
  EXPECT_EQ(refused_watch([](v1::AuditFilter& filter) { filter.set_since(1); }), "filter.since");
  EXPECT_EQ(refused_watch([](v1::AuditFilter& filter) { filter.set_until(1); }), "filter.until");
}

TEST_F(BadRequestTest, lists) {
  const auto bad = [](auto& request) { request.set_page_token("after-none"); };
  EXPECT_EQ(refused(&Stub::ListUsers, [&](v1::ListUsersRequest& r) { bad(r); }), "page_token");
  EXPECT_EQ(refused(&Stub::ListTokens, [&](v1::ListTokensRequest& r) { bad(r); }), "page_token");
  EXPECT_EQ(refused(&Stub::ListJoinKeys, [&](v1::ListJoinKeysRequest& r) { bad(r); }),
            "page_token");
  EXPECT_EQ(refused(&Stub::ListNodes, [&](v1::ListNodesRequest& r) { bad(r); }), "page_token");
  EXPECT_EQ(refused(&Stub::ListPolicies, [&](v1::ListPoliciesRequest& r) { bad(r); }),
            "page_token");
  EXPECT_EQ(refused(&Stub::ListRelays, [&](v1::ListRelaysRequest& r) { bad(r); }), "page_token");
  EXPECT_EQ(refused(&Stub::ListAuditEvents, [&](v1::ListAuditEventsRequest& r) { bad(r); }),
            "page_token");
}

}  // namespace
}  // namespace kernmesh::server
