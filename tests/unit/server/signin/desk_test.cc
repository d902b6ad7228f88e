// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/desk.h"

#include <condition_variable>

#include "tests/unit/server/signin/sign_in_fixture.h"

namespace kernmesh::server {
namespace {

using signin::Stage;

class DeskTest : public SignInTest {
 protected:
  // From the confirmed page to the provider's answer.
  Result<SignInDesk::Arrival> go_through(const std::string& code, const std::string& subject) {
    const auto url = desk_.depart(code, kBrowser);
    EXPECT_TRUE(url) << url.error().message();
    grant(subject, parameter(*url, "nonce"));
    return desk_.arrive({parameter(*url, "state"), "code", "", ""}, kBrowser);
  }
};

TEST_F(DeskTest, lets_a_machine_in_for_whom_somebody_has_signed_in) {
  const auto invitation = open(newcomer(1));
  ASSERT_TRUE(invitation) << invitation.error().message();
  EXPECT_EQ(invitation->url, "http://127.0.0.1:1/node?code=" + invitation->user_code);
  EXPECT_EQ(desk_.outcome(invitation->handle)->stage, Stage::kPending);
  const auto arrival = go_through(invitation->user_code, "ann");
  ASSERT_TRUE(arrival) << arrival.error().message();
  EXPECT_EQ(arrival->identity.subject, "ann");
  EXPECT_EQ(desk_.outcome(invitation->handle)->stage, Stage::kAuthorized);
  const auto keys = newcomer(1);
  EXPECT_EQ(desk_.find_admission(keys.machine_key, keys.node_key)->subject, "ann");
  EXPECT_TRUE(desk_.consume(keys.machine_key, keys.node_key));
  EXPECT_FALSE(desk_.find_admission(keys.machine_key, keys.node_key));
}

TEST_F(DeskTest, an_answer_with_another_sign_ins_token_is_refused) {
  const auto one = open(newcomer(1)).value();
  const auto two = open(newcomer(2)).value();
  const auto url_one = desk_.depart(one.user_code, kBrowser).value();
  const auto url_two = desk_.depart(two.user_code, kBrowser).value();
  grant("ann", parameter(url_two, "nonce"));
  EXPECT_FALSE(desk_.arrive({parameter(url_one, "state"), "code", "", ""}, kBrowser));
  EXPECT_EQ(desk_.outcome(one.handle)->stage, Stage::kDenied);
  EXPECT_EQ(desk_.outcome(two.handle)->stage, Stage::kPending);
}

TEST_F(DeskTest, a_replayed_state_changes_nothing_and_asks_nobody) {
  const auto invitation = open(newcomer(1)).value();
  const auto url = desk_.depart(invitation.user_code, kBrowser).value();
  grant("ann", parameter(url, "nonce"));
  const SignInDesk::Return returned{parameter(url, "state"), "code", "", ""};
  ASSERT_TRUE(desk_.arrive(returned, kBrowser));
  const int asked = http_.asked(kIssuer + "/token");
  EXPECT_FALSE(desk_.arrive(returned, kBrowser));
  EXPECT_FALSE(desk_.arrive({"", "code", "", ""}, kBrowser));
  EXPECT_EQ(http_.asked(kIssuer + "/token"), asked);
  EXPECT_EQ(desk_.outcome(invitation.handle)->stage, Stage::kAuthorized);
}

TEST_F(DeskTest, whom_the_server_refuses_does_not_come_in) {
  const auto invitation = open(newcomer(1)).value();
  const auto arrival = go_through(invitation.user_code, "banned");
  ASSERT_FALSE(arrival);
  EXPECT_EQ(arrival.error().message(), "your account is locked");
  EXPECT_EQ(desk_.outcome(invitation.handle)->reason, "your account is locked");
}

TEST_F(DeskTest, a_provider_that_does_not_answer_refuses_nobody) {
  const auto invitation = open(newcomer(1)).value();
  const auto url = desk_.depart(invitation.user_code, kBrowser).value();
  http_.answer(kIssuer + "/token", [](const oidc::HttpRequest&) -> Result<oidc::HttpAnswer> {
    return Error(ErrorCode::kUnavailable, "ask https://login.example: no whole answer");
  });
  const auto arrival = desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser);
  ASSERT_FALSE(arrival);
  EXPECT_EQ(arrival.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(desk_.outcome(invitation.handle)->stage, Stage::kPending);
  EXPECT_TRUE(go_through(invitation.user_code, "ann"));
}

TEST_F(DeskTest, what_a_person_cannot_mend_is_not_told_to_him) {
  const auto invitation = open(newcomer(1)).value();
  const auto url = desk_.depart(invitation.user_code, kBrowser).value();
  http_.answer(kIssuer + "/token", "<html>internal.host.example</html>");
  const auto arrival = desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser);
  ASSERT_FALSE(arrival);
  EXPECT_NE(arrival.error().message().find("the administrator finds the reason"),
            std::string::npos);
}

TEST_F(DeskTest, counts_what_becomes_of_sign_ins) {
  const auto denied = [this](const char* reason) { return desk_.counts().denied.at(reason); };
  const auto one = open(newcomer(1)).value();
  ASSERT_TRUE(go_through(one.user_code, "ann"));
  EXPECT_EQ(desk_.counts().started, 1U);
  EXPECT_EQ(desk_.counts().completed, 1U);
  EXPECT_EQ(desk_.counts().provider.key_fetches, 1U);
  const auto two = open(newcomer(2)).value();
  EXPECT_FALSE(go_through(two.user_code, "banned"));
  EXPECT_EQ(denied("user"), 1U);
  const auto three = open(newcomer(3)).value();
  auto url = desk_.depart(three.user_code, kBrowser).value();
  EXPECT_FALSE(desk_.arrive({parameter(url, "state"), "", "access_denied", ""}, kBrowser));
  EXPECT_EQ(denied("refused"), 1U);
  const auto four = open(newcomer(4)).value();
  url = desk_.depart(four.user_code, kBrowser).value();
  http_.answer(kIssuer + "/token", "<html>");
  EXPECT_FALSE(desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser));
  EXPECT_EQ(denied("answer"), 1U);
  EXPECT_EQ(desk_.counts().completed, 1U);
  EXPECT_EQ(desk_.counts().provider.failures, 0U);
}

TEST_F(DeskTest, a_provider_that_fails_is_counted_and_denies_nobody) {
  const auto before = desk_.counts().denied;
  const auto invitation = open(newcomer(1)).value();
  const auto url = desk_.depart(invitation.user_code, kBrowser).value();
  http_.answer(kIssuer + "/token", [](const oidc::HttpRequest&) -> Result<oidc::HttpAnswer> {
    return oidc::HttpAnswer{503, ""};
  });
  EXPECT_FALSE(desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser));
  EXPECT_EQ(desk_.counts().provider.failures, 1U);
  EXPECT_EQ(desk_.counts().denied, before);
}

TEST_F(DeskTest, counts_those_for_whom_there_is_no_room) {
  for (std::uint8_t i = 0; i < signin::kMostOfSource; ++i) EXPECT_TRUE(open(newcomer(i)));
  EXPECT_FALSE(open(newcomer(99)));
  EXPECT_EQ(desk_.counts().started, signin::kMostOfSource);
  EXPECT_EQ(desk_.counts().denied.at("busy"), 1U);
}

TEST_F(DeskTest, a_sign_in_ends_after_ten_minutes) {
  const auto invitation = open(newcomer(1)).value();
  advance(signin::kSignInLifetime);
  EXPECT_FALSE(desk_.look_up(invitation.user_code));
  EXPECT_FALSE(desk_.depart(invitation.user_code, kBrowser));
  EXPECT_EQ(desk_.outcome(invitation.handle)->stage, Stage::kExpired);
  EXPECT_FALSE(desk_.outcome("another handle"));
}

// People go to the provider's own page.
class DeviceDeskTest : public SignInTest {
 protected:
  DeviceDeskTest() : SignInTest("") {
    http_.answer(kIssuer + "/device", signin::Json{{"device_code", "device"},
                                                   {"user_code", "PROV-CODE"},
                                                   {"verification_uri", kIssuer + "/enter"},
                                                   {"interval", 1}}
                                          .dump());
  }

  // Waits until the queue's thread has settled it.
  signin::Outcome ended(const std::string& handle) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      const auto outcome = desk_.outcome(handle);
      const bool is_over = outcome && outcome->stage != Stage::kPending;
      if (is_over) return *outcome;
      if (std::chrono::steady_clock::now() > deadline) return {Stage::kPending, "too late"};
      std::this_thread::yield();
    }
  }
};

TEST_F(DeviceDeskTest, asks_until_somebody_has_signed_in) {
  // The thread reads the scripted answers, so they are set before there is anything to ask.
  std::atomic<int> asked = 0;
  const signin::Json claims{
      {"iss", kIssuer}, {"sub", "ann"}, {"aud", "kernmesh"}, {"exp", kNow + 300}, {"iat", kNow}};
  const std::string token =
      oidc::make_token(key_, {{"alg", "ES256"}, {"kid", "key-1"}}, claims.dump());
  http_.answer(kIssuer + "/token", [&](const oidc::HttpRequest&) -> Result<oidc::HttpAnswer> {
    if (asked++ == 0) return oidc::HttpAnswer{400, R"({"error":"authorization_pending"})"};
    return oidc::HttpAnswer{200, signin::Json{{"id_token", token}}.dump()};
  });
  const auto invitation = open(newcomer(1));
  ASSERT_TRUE(invitation) << invitation.error().message();
  EXPECT_EQ(invitation->url, kIssuer + "/enter");
  EXPECT_EQ(invitation->user_code, "PROV-CODE");
  EXPECT_EQ(ended(invitation->handle).stage, Stage::kAuthorized);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(desk_.find_admission(newcomer(1).machine_key, newcomer(1).node_key)->subject, "ann");
}

TEST_F(DeviceDeskTest, tells_that_it_was_refused) {
  http_.answer(kIssuer + "/token", [](const oidc::HttpRequest&) -> Result<oidc::HttpAnswer> {
    return oidc::HttpAnswer{400, R"({"error":"access_denied"})"};
  });
  const auto invitation = open(newcomer(1));
  ASSERT_TRUE(invitation);
  const auto outcome = ended(invitation->handle);
  EXPECT_EQ(outcome.stage, Stage::kDenied);
  EXPECT_EQ(outcome.reason, "the sign-in was refused at the provider's page");
}

}  // namespace
}  // namespace kernmesh::server
