// SPDX-License-Identifier: Apache-2.0
// What meshadm asks and shows of approval, expiry and key rotation.
#include "tests/unit/meshadm/in_process.h"
#include "tests/unit/meshadm/served_network.h"

namespace kernmesh::adm {
namespace {

namespace v1 = mesh::v1;
constexpr std::int64_t kTerminalTime = 1'795'239'630;  // 2026-11-21T05:40:30Z
using grpc::ServerContext;

class LifeServer : public v1::Admin::Service {
 public:
  grpc::Status ApproveNode(ServerContext*, const v1::ApproveNodeRequest* request,
                           v1::Node* response) override {
    asked = "approve " + request->node();
    *response = node;
    return {};
  }
  grpc::Status RenewNode(ServerContext*, const v1::RenewNodeRequest* request,
                         v1::Node* response) override {
    asked = "renew " + request->node();
    *response = node;
    return {};
  }
  grpc::Status SetNodeExpiry(ServerContext*, const v1::SetNodeExpiryRequest* request,
                             v1::Node* response) override {
    expiry = *request;
    *response = node;
    return {};
  }
  grpc::Status RotateNodeKey(ServerContext*, const v1::RotateNodeKeyRequest* request,
                             v1::Node* response) override {
    asked = "rotate " + request->node();
    *response = node;
    return {};
  }
  grpc::Status GetNode(ServerContext*, const v1::GetNodeRequest*, v1::Node* response) override {
    *response = node;
    return {};
  }
  grpc::Status ListNodes(ServerContext*, const v1::ListNodesRequest*,
                         v1::ListNodesResponse* response) override {
    *response->add_nodes() = node;
    return {};
  }
  grpc::Status GetSettings(ServerContext*, const v1::GetSettingsRequest*,
                           v1::Settings* response) override {
    *response = settings;
    return {};
  }
  grpc::Status SetSettings(ServerContext*, const v1::SetSettingsRequest* request,
                           v1::Settings* response) override {
    settings.set_device_approval(request->device_approval());
    *response = settings;
    return {};
  }
  LifeServer() {
    node.set_id(2);
    node.set_name("web-1");
    node.set_state(v1::NODE_STATE_APPROVED);
    node.set_key_expiry(v1::KEY_EXPIRY_PERIOD);
    node.set_key_expires_at(kTerminalTime + 100 * 86'400);
  }
  v1::Node node;
  std::string asked;
  v1::SetNodeExpiryRequest expiry;
  v1::Settings settings;
};

class NodeLife : public ServedNetwork<LifeServer> {
 protected:
  bool says(const std::string& text) const {
    return terminal.out.str().find(text) != std::string::npos;
  }
};

TEST_F(NodeLife, verbs_name_the_node_and_say_what_happens) {
  ASSERT_EQ(terminal.run({"node", "approve", "web-1"}), 0) << terminal.err.str();
  EXPECT_EQ(service.asked, "approve web-1");
  EXPECT_TRUE(says("Node web-1 is approved.")) << terminal.out.str();
  ASSERT_EQ(terminal.run({"node", "renew", "web-1"}), 0);
  EXPECT_EQ(service.asked, "renew web-1");
  EXPECT_TRUE(says("ends in 100 days")) << terminal.out.str();
  ASSERT_EQ(terminal.run({"node", "rotate-key", "web-1"}), 0);
  EXPECT_EQ(service.asked, "rotate web-1");
  EXPECT_TRUE(says("when it is connected again")) << terminal.out.str();
}

TEST_F(NodeLife, expiry_takes_exactly_one_of_never_a_span_and_the_default) {
  ASSERT_EQ(terminal.run({"node", "expiry", "web-1", "--never"}), 0) << terminal.err.str();
  EXPECT_EQ(service.expiry.expiry(), v1::KEY_EXPIRY_NEVER);
  ASSERT_EQ(terminal.run({"node", "expiry", "web-1", "--in", "30d"}), 0);
  EXPECT_EQ(service.expiry.expiry(), v1::KEY_EXPIRY_DATE);
  EXPECT_EQ(service.expiry.in_seconds(), 30 * 86'400);
  ASSERT_EQ(terminal.run({"node", "expiry", "web-1", "--default"}), 0);
  EXPECT_EQ(service.expiry.expiry(), v1::KEY_EXPIRY_PERIOD);
  EXPECT_EQ(terminal.run({"node", "expiry", "web-1"}), 2);
  EXPECT_EQ(terminal.run({"node", "expiry", "web-1", "--never", "--in", "30d"}), 2);
  EXPECT_EQ(terminal.run({"node", "expiry", "web-1", "--in", "soon"}), 2);
}

TEST_F(NodeLife, list_says_who_waits_whose_key_ends_and_whose_is_used_twice) {
  ASSERT_EQ(terminal.run({"node", "list"}), 0) << terminal.err.str();
  EXPECT_FALSE(says("!"));
  service.node.set_key_expires_at(kTerminalTime + 13 * 86'400);
  service.node.set_machine_key_shared_at(kTerminalTime - 60);
  ASSERT_EQ(terminal.run({"node", "list"}), 0);
  EXPECT_TRUE(says("! The key of web-1 ends in 13 days: meshadm node renew web-1"))
      << terminal.out.str();
  EXPECT_TRUE(says("! Two machines use the machine key of web-1")) << terminal.out.str();
  ASSERT_EQ(terminal.run({"node", "list", "--json"}), 0);
  EXPECT_EQ(terminal.json()["nodes"][0]["key_expires_soon"], true);
  EXPECT_EQ(terminal.json()["nodes"][0]["machine_key_shared_at"], "2026-11-21T05:39:30Z");
  service.node.set_state(v1::NODE_STATE_PENDING);
  service.node.set_key_expires_at(0);
  ASSERT_EQ(terminal.run({"node", "list"}), 0);
  EXPECT_TRUE(says("! web-1 awaits approval: meshadm node approve web-1")) << terminal.out.str();
  ASSERT_EQ(terminal.run({"node", "show", "web-1", "--json"}), 0);
  EXPECT_EQ(terminal.json()["node"]["state"], "pending");
  EXPECT_EQ(terminal.json()["node"]["key_expires_soon"], false);
}

TEST_F(NodeLife, settings_are_shown_and_set) {
  ASSERT_EQ(terminal.run({"settings", "show", "--json"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.json()["settings"]["device_approval"], false);
  ASSERT_EQ(terminal.run({"settings", "set", "--device-approval", "on"}), 0);
  EXPECT_TRUE(service.settings.device_approval());
  EXPECT_TRUE(says("meshadm node approve")) << terminal.out.str();
  EXPECT_EQ(terminal.run({"settings", "set", "--device-approval", "maybe"}), 2);
  EXPECT_EQ(terminal.run({"settings", "set"}), 2);
}

}  // namespace
}  // namespace kernmesh::adm
