// SPDX-License-Identifier: Apache-2.0
// What `meshadm status` tells of the way to a peer.
#include <gtest/gtest.h>

#include "tools/meshadm/local_view.h"
#include "tools/meshadm/renderer.h"

namespace kernmesh::adm {
namespace {

mesh::v1::StatusResponse status_of_two_peers() {
  mesh::v1::StatusResponse response;
  response.set_state(mesh::v1::RUN_STATE_UP);
  for (const char* name : {"web-1", "db-1"}) {
    auto* status = response.add_peers();
    status->mutable_peer()->set_name(name);
    status->set_path_kind(mesh::v1::PeerStatus::PATH_KIND_DIRECT);
    status->set_latency_us(1800);
  }
  return response;
}

std::string text_of(const mesh::v1::StatusResponse& response) {
  return render_human(status_document(response, WallTime{}), Colour::kOff);
}

Json loss_in_json(const mesh::v1::StatusResponse& response, std::size_t peer) {
  return status_document(response, WallTime{}).json["peers"][peer]["loss"];
}

TEST(Status, says_nothing_of_loss_when_there_is_none) {
  auto response = status_of_two_peers();
  response.mutable_peers(0)->set_loss(0);
  EXPECT_EQ(text_of(response).find("LOSS"), std::string::npos) << text_of(response);
}

TEST(Status, shows_loss_beside_the_peer_that_has_it) {
  auto response = status_of_two_peers();
  response.mutable_peers(0)->set_loss(0.125);
  response.mutable_peers(1)->set_loss(0);
  const std::string text = text_of(response);
  EXPECT_NE(text.find("LATENCY  LOSS"), std::string::npos) << text;
  const auto line_of = [&](const std::string& name) {
    const auto begin = text.find(name);
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  EXPECT_NE(line_of("web-1").find("1.8 ms  13 %"), std::string::npos) << text;
  EXPECT_NE(line_of("db-1").find("1.8 ms     -"), std::string::npos) << text;
}

TEST(Status, never_rounds_loss_down_to_nothing) {
  auto response = status_of_two_peers();
  response.mutable_peers(0)->set_loss(0.001);
  EXPECT_NE(text_of(response).find("1 %"), std::string::npos) << text_of(response);
}

TEST(Status, as_json_tells_no_loss_from_no_probes) {
  auto response = status_of_two_peers();
  response.mutable_peers(0)->set_loss(0);
  EXPECT_EQ(loss_in_json(response, 0), 0.0);
  EXPECT_TRUE(loss_in_json(response, 1).is_null());
  response.mutable_peers(1)->set_loss(1.0 / 3);
  EXPECT_EQ(loss_in_json(response, 1), 0.333);
}

}  // namespace
}  // namespace kernmesh::adm
