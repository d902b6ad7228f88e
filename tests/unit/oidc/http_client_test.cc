// SPDX-License-Identifier: Apache-2.0
#include "controller/oidc/http_client.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <future>
#include <thread>

namespace kernmesh::oidc {
namespace {

using signin::Transport;

// A server of others on loopback.
class HttpClientTest : public testing::Test {
 protected:
  HttpClientTest() {
    server_.Get("/ok", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(
          request.get_header_value("Authorization") + "|" + request.get_header_value("Cookie"),
          "text/plain");
      response.set_header("Set-Cookie", "a=b");
    });
    server_.Post("/form", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.body, "text/plain");
    });
    server_.Get("/redirect", [this](const httplib::Request&, httplib::Response& response) {
      response.set_redirect(url("/ok"));
    });
    server_.Get("/large", [](const httplib::Request&, httplib::Response& response) {
      response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
        const std::string piece(64 * 1024, 'a');
        return sink.write(piece.data(), piece.size());  // without end
      });
    });
    server_.Get("/never", [this](const httplib::Request&, httplib::Response&) {
      asked_.set_value();
      released_.get_future().wait();
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // An answer shows that it runs: stopped before that, it would run for ever.
    EXPECT_TRUE(httplib::Client("127.0.0.1", port_).Get("/ok"));
  }
  ~HttpClientTest() override {
    server_.stop();
    thread_.join();
  }

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  static std::unique_ptr<HttpClient> client(
      std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return make_http_client({Transport::kHttpsOrLoopback, "", timeout});
  }

  httplib::Server server_;
  std::promise<void> asked_;
  std::promise<void> released_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(HttpClientTest, asks_and_sends_forms) {
  const auto http = client();
  const auto answer = http->send({url("/ok"), std::nullopt, "Basic YTpi", 100});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "Basic YTpi|");
  EXPECT_EQ(http->send({url("/ok"), std::nullopt, "", 100})->body, "|") << "a cookie was kept";
  EXPECT_EQ(http->send({url("/form"), "a=b&c=d", "", 100})->body, "a=b&c=d");
}

TEST_F(HttpClientTest, follows_no_redirect) {
  const auto answer = client()->send({url("/redirect"), std::nullopt, "", 100});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 302);
}

TEST_F(HttpClientTest, ends_an_answer_that_is_too_large) {
  const auto answer = client()->send({url("/large"), std::nullopt, "", 100'000});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kExhausted);
}

TEST_F(HttpClientTest, ends_an_answer_that_does_not_come) {
  const auto answer =
      client(std::chrono::milliseconds(200))->send({url("/never"), std::nullopt, "", 100});
  released_.set_value();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(answer.error().message().find("no whole answer within 200 ms"), std::string::npos);
}

TEST_F(HttpClientTest, stops_what_is_under_way) {
  const auto http = client();
  auto answer = std::async(std::launch::async, [&] {
    return http->send({url("/never"), std::nullopt, "", 100});
  });
  asked_.get_future().wait();
  http->stop();
  EXPECT_FALSE(answer.get());
  released_.set_value();
}

TEST_F(HttpClientTest, asks_https_alone_unless_told_otherwise) {
  const auto strict = make_http_client({});
  for (const std::string& target : {url("/ok"), std::string("file:///etc/passwd"),
                                    std::string("ftp://127.0.0.1/"), std::string("gopher://a")}) {
    const auto answer = strict->send({target, std::nullopt, "", 100});
    ASSERT_FALSE(answer) << target;
    EXPECT_EQ(answer.error().code(), ErrorCode::kInvalid);
  }
}

TEST_F(HttpClientTest, takes_no_proxy_from_the_environment) {
  ASSERT_EQ(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  ASSERT_EQ(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
  const auto answer = client()->send({url("/ok"), std::nullopt, "", 100});
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  EXPECT_TRUE(answer) << answer.error().message();
}

TEST_F(HttpClientTest, refuses_a_certificate_that_no_root_vouches_for) {
  // Speaks no TLS at all, which is as little a certificate.
  const auto answer =
      client()->send({"https://127.0.0.1:" + std::to_string(port_) + "/ok", std::nullopt, "", 100});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace kernmesh::oidc
