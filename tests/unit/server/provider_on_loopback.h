// SPDX-License-Identifier: Apache-2.0
// An identity provider that a whole server of a test asks over HTTP, and a person's browser.
#pragma once

#include <httplib.h>

#include <mutex>
#include <thread>

#include "controller/rpc/sign_in_client.h"
#include "tests/unit/oidc/signing_provider.h"
#include "tests/unit/server/people.h"

namespace kernmesh::server {

class ProviderOnLoopback {
 public:
  ProviderOnLoopback() : key_(oidc::SigningKey::make(signin::Algorithm::kEs256)) {
    port_ = http_.bind_to_any_port("127.0.0.1");
    const auto publish = [this](const std::string& path, const signin::Json& document) {
      http_.Get(path, [text = document.dump()](const httplib::Request&, httplib::Response& out) {
        out.set_content(text, "application/json");
      });
    };
    publish("/.well-known/openid-configuration", {{"issuer", issuer()},
                                                  {"authorization_endpoint", issuer() + "/auth"},
                                                  {"token_endpoint", issuer() + "/token"},
                                                  {"jwks_uri", issuer() + "/keys"}});
    const std::vector<signin::Json> keys{key_.jwk("key-1")};
    publish("/keys", {{"keys", keys}});
    http_.Post("/token", [this](const httplib::Request&, httplib::Response& out) {
      const std::lock_guard lock(mutex_);
      out.set_content(signin::Json{{"id_token", token_}}.dump(), "application/json");
    });
    http_.Get("/ready", [](const httplib::Request&, httplib::Response&) {});
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    // An answer shows that it runs: stopped before that, it would run for ever.
    EXPECT_TRUE(httplib::Client("127.0.0.1", port_).Get("/ready"));
  }
  ~ProviderOnLoopback() {
    http_.stop();
    thread_.join();
  }

  std::string issuer() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // What it says next; `claims` has at least "sub".
  void grant(signin::Json claims, const std::string& nonce, WallTime now) {
    const auto seconds = now.time_since_epoch().count();
    claims.update({{"iss", issuer()},
                   {"aud", "kernmesh"},
                   {"nonce", nonce},
                   {"iat", seconds},
                   {"exp", seconds + 300}});
    const std::lock_guard lock(mutex_);
    token_ = oidc::make_token(key_, {{"alg", "ES256"}, {"kid", "key-1"}}, claims.dump());
  }

 private:
  oidc::SigningKey key_;
  httplib::Server http_;
  int port_ = 0;
  std::mutex mutex_;
  std::string token_;  // guarded by mutex_
  std::thread thread_;
};

// A server where people sign in, and what agents and people do there.
class SignedInTest : public PeopleTest {
 protected:
  SignedInTest() {
    options_.sign_in.issuer = provider_.issuer();
    options_.sign_in.client_id = "kernmesh";
    options_.sign_in.url = "http://127.0.0.1:1";
    options_.sign_in.listen = "127.0.0.1:0";
    options_.sign_in.transport = signin::Transport::kHttpsOrLoopback;
  }

  std::unique_ptr<rpc::SignInClient> visitor() {
    return std::make_unique<rpc::SignInClient>(address_, ca_pem_, server_->fingerprint());
  }

  static std::string between(const std::string& text, const std::string& before, char end) {
    const auto at = text.find(before);
    if (at == std::string::npos) return "";
    const auto begin = at + before.size();
    return text.substr(begin, text.find(end, begin) - begin);
  }

  // The page that a person with these claims sees in the end.
  std::string visit(const std::string& code, const signin::Json& claims) {
    httplib::Client browser("127.0.0.1", server_->sign_in_port());
    const auto shown = browser.Get("/node?code=" + code);
    if (!shown) return "no page";
    if (shown->status != 200) return shown->body;
    const std::string set = shown->get_header_value("Set-Cookie");
    const httplib::Headers cookie{{"Cookie", set.substr(0, set.find(';'))}};
    const auto sent = browser.Post(
        "/go", cookie,
        httplib::Params{{"code", code},
                        {"slip", between(shown->body, "name=\"slip\" value=\"", '"')}});
    if (!sent) return "no page";
    provider_.grant(claims, between(sent->body, "nonce=", '&'), now());
    const auto back =
        browser.Get("/callback?code=c&state=" + between(sent->body, "state=", '&'), cookie);
    return back ? back->body : "no page";
  }

  // A sign-in of this machine by that person; the page.
  std::string sign_in(const TestNode& node, const signin::Json& claims) {
    const auto invitation = visitor()->start(node.registration());
    EXPECT_TRUE(invitation) << invitation.error().message();
    return invitation ? visit(invitation->user_code, claims) : "";
  }
  // And its registration.
  Result<rpc::Session> join_by(const TestNode& node, const signin::Json& claims) {
    const std::string page = sign_in(node, claims);
    if (page.find("<h1>Signed in") == std::string::npos) {
      return Error(ErrorCode::kUnauthenticated, page);
    }
    return client()->register_node(node.registration());
  }

  WallTime now() const { return system_now() + std::chrono::seconds(clock_offset_s_.load()); }

  mesh::v1::User user(const std::string& name) {
    const auto users = admin_->list_users();
    for (const auto& user : users->users()) {
      if (user.name() == name) return user;
    }
    ADD_FAILURE() << "no user " << name;
    return {};
  }

  static signin::Json ann() {
    return {{"sub", "4711"},
            {"name", "Ann Example"},
            {"email", "ann@example.org"},
            {"email_verified", true},
            {"groups", {"dev", "all hands"}}};
  }
  static signin::Json bob() { return {{"sub", "4712"}, {"name", "Bob <Bold>"}}; }

  ProviderOnLoopback provider_;
};

}  // namespace kernmesh::server
