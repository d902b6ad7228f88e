// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/pages.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>

#include "controller/base/unique_fd.h"
#include "controller/server/signin/bounded_http.h"
#include "tests/unit/server/signin/sign_in_fixture.h"

namespace kernmesh::server {
namespace {

class PagesTest : public SignInTest {
 protected:
  PagesTest() {
    auto pages = start_sign_in_pages(
        {Endpoint{IpAddress::from_v4_number(0x7f000001), Port(0)}, "https://vpn.example", kIssuer},
        desk_);
    EXPECT_TRUE(pages);
    pages_ = std::move(*pages);
  }

  httplib::Client client() const { return httplib::Client("127.0.0.1", pages_->port()); }

  // Sends raw bytes until the server ends the connection; how many it took, and what it said.
  struct Exchange {
    std::size_t sent = 0;
    std::string answer;
  };
  Exchange send_endlessly(const std::string& head, const std::string& piece) const {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(pages_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{30, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    Exchange exchange;
    std::string next = head;
    while (exchange.sent < kEnough) {
      const ssize_t sent = send(fd.get(), next.data(), next.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      exchange.sent += static_cast<std::size_t>(sent);
      next = piece;
    }
    return exchange;
  }

  // From the confirmation page: its cookie and its slip.
  struct Shown {
    std::string cookie;
    std::string slip;
  };
  Shown show(const std::string& code) const {
    const auto page = client().Get("/node?code=" + code);
    EXPECT_TRUE(page);
    const std::string cookie = page->get_header_value("Set-Cookie");
    const std::string before = "name=\"slip\" value=\"";
    const auto at = page->body.find(before) + before.size();
    return {cookie.substr(0, cookie.find(';')),
            page->body.substr(at, page->body.find('"', at) - at)};
  }
  httplib::Result post(const std::string& code, const Shown& shown) const {
    return client().Post("/go", {{"Cookie", shown.cookie}},
                         httplib::Params{{"code", code}, {"slip", shown.slip}});
  }

  static constexpr std::size_t kEnough = 64 << 20;  // kernels buffer some megabytes
  std::unique_ptr<SignInPages> pages_;
};

TEST_F(PagesTest, every_answer_forbids_script_framing_and_keeping) {
  for (const char* const path :
       {"/", "/style.css", "/node?code=x", "/callback?state=x", "/nothing"}) {
    const auto answer = client().Get(path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->get_header_value("Cache-Control"), "no-store") << path;
    EXPECT_EQ(answer->get_header_value("X-Frame-Options"), "DENY") << path;
    EXPECT_EQ(answer->get_header_value("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(answer->get_header_value("Referrer-Policy"), "no-referrer") << path;
    EXPECT_EQ(answer->get_header_value("Content-Security-Policy"),
              "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
              "frame-ancestors 'none'")
        << path;
    EXPECT_NE(answer->get_header_value("Strict-Transport-Security"), "") << path;
    EXPECT_EQ(answer->body.find("<script"), std::string::npos) << path;
    EXPECT_EQ(answer->get_header_value("Location"), "") << path;
  }
}

// What a screen reader goes by: the language, one heading, a label for what is typed, a complaint
// that is announced and belongs to its field.
TEST_F(PagesTest, every_page_can_be_heard) {
  const auto code = open(newcomer(1)).value().user_code;
  const auto body_of = [this](const std::string& path) {
    const auto answer = client().Get(path);
    EXPECT_TRUE(answer) << path;
    return answer ? answer->body : std::string();
  };
  for (const std::string& path :
       {std::string("/"), "/node?code=" + code, std::string("/node?code=x"),
        std::string("/callback?state=x"), std::string("/nothing")}) {
    const std::string body = body_of(path);
    EXPECT_NE(body.find("<html lang=\"en\">"), std::string::npos) << path;
    EXPECT_EQ(body.find("<h1>"), body.rfind("<h1>")) << path;
    EXPECT_NE(body.find("<h1>"), std::string::npos) << path;
    EXPECT_NE(body.find("<title>"), std::string::npos) << path;
  }
  const std::string form = body_of("/");
  EXPECT_NE(form.find("<label for=\"code\">Code</label>"), std::string::npos) << form;
  EXPECT_NE(form.find("id=\"code\""), std::string::npos) << form;
  EXPECT_EQ(form.find("role=\"alert\""), std::string::npos) << "nothing is wrong yet";
  const std::string complaint = body_of("/node?code=x");
  EXPECT_NE(complaint.find("role=\"alert\" id=\"complaint\""), std::string::npos) << complaint;
  EXPECT_NE(complaint.find("aria-invalid=\"true\" aria-describedby=\"complaint\""),
            std::string::npos)
      << complaint;
  EXPECT_NE(body_of("/callback?state=x").find("role=\"alert\""), std::string::npos);
}

TEST_F(PagesTest, cookies_are_for_https_and_for_this_host_alone) {
  const auto code = open(newcomer(1)).value().user_code;
  const auto page = client().Get("/node?code=" + code);
  ASSERT_TRUE(page);
  const std::string cookie = page->get_header_value("Set-Cookie");
  EXPECT_TRUE(cookie.starts_with("__Host-kernmesh-signin=")) << cookie;
  for (const char* const word : {"; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"}) {
    EXPECT_NE(cookie.find(word), std::string::npos) << cookie;
  }
}

TEST_F(PagesTest, what_a_machine_calls_itself_is_text) {
  const auto code = open(newcomer(1)).value().user_code;
  const auto page = client().Get("/node?code=" + code);
  ASSERT_TRUE(page);
  EXPECT_NE(page->body.find("web-&lt;1&gt;"), std::string::npos);
  EXPECT_EQ(page->body.find("web-<1>"), std::string::npos);
}

TEST_F(PagesTest, goes_to_the_provider_only_from_its_own_page_in_the_same_browser) {
  const auto one = open(newcomer(1)).value();
  const auto two = open(newcomer(2)).value();
  const auto shown = show(one.user_code);
  const auto other = show(one.user_code);
  EXPECT_EQ(post(one.user_code, {"", shown.slip})->status, 403);
  EXPECT_EQ(post(one.user_code, {shown.cookie, ""})->status, 403);
  EXPECT_EQ(post(one.user_code, {shown.cookie, other.slip})->status, 403);
  EXPECT_EQ(post(two.user_code, shown)->status, 403);
  const auto page = post(one.user_code, shown);
  ASSERT_EQ(page->status, 200) << page->body;
  EXPECT_NE(page->body.find("content=\"0;url=https://login.example/auth?response_type=code&amp;"),
            std::string::npos)
      << page->body;
}

TEST_F(PagesTest, shows_who_has_signed_in_and_tells_of_a_replay) {
  const auto invitation = open(newcomer(1)).value();
  const auto shown = show(invitation.user_code);
  const auto away = post(invitation.user_code, shown);
  ASSERT_EQ(away->status, 200);
  const auto state = parameter(away->body, "amp;state");
  const auto nonce = parameter(away->body, "amp;nonce");
  grant("ann", nonce);
  const std::string back = "/callback?code=the-code&state=" + state;
  EXPECT_EQ(client().Get(back + "x", {{"Cookie", shown.cookie}})->status, 404);
  const auto done = client().Get(back, {{"Cookie", shown.cookie}});
  ASSERT_EQ(done->status, 200) << done->body;
  EXPECT_NE(done->body.find("Ann &amp; &lt;Co&gt;"), std::string::npos) << done->body;
  EXPECT_EQ(done->body.find("the-code"), std::string::npos);
  EXPECT_EQ(client().Get(back, {{"Cookie", shown.cookie}})->status, 404);
  EXPECT_EQ(client().Get("/node?code=" + invitation.user_code)->status, 404);
}

TEST_F(PagesTest, takes_only_what_it_needs) {
  EXPECT_EQ(client().Put("/go", "a", "text/plain")->status, 405);
  EXPECT_EQ(client().Post("/callback", "a", "text/plain")->status, 405);
  EXPECT_EQ(client().Delete("/")->status, 405);
  EXPECT_EQ(client().Head("/callback?state=x")->status, 405);
  EXPECT_EQ(client().Post("/go", {{"Content-Encoding", "br"}}, "a", "text/plain")->status, 405);
}

TEST_F(PagesTest, speaks_tls_with_a_certificate_of_its_own) {
  char directory[] = "/tmp/kernmesh-pages-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string cert = std::string(directory) + "/cert.pem";
  const std::string key = std::string(directory) + "/key.pem";
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
      "-days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost -out " +
      cert + " -keyout " + key + " 2> /dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0);
  SignInPagesOptions options{Endpoint{IpAddress::from_v4_number(0x7f000001), Port(0)},
                             "https://vpn.example", kIssuer, cert, key};
  const auto pages = start_sign_in_pages(options, desk_);
  options.tls_key = cert;
  const auto wrong_key = start_sign_in_pages(options, desk_);
  ASSERT_TRUE(pages) << pages.error().message();
  httplib::SSLClient tls("localhost", (*pages)->port());
  tls.set_ca_cert_path(cert.c_str());
  const auto answer = tls.Get("/");
  EXPECT_TRUE(answer && answer->status == 200) << httplib::to_string(answer.error());
  // In the clear it says nothing.
  EXPECT_FALSE(httplib::Client("127.0.0.1", (*pages)->port()).Get("/"));
  ASSERT_FALSE(wrong_key);
  EXPECT_EQ(wrong_key.error().code(), ErrorCode::kInvalid);
  std::filesystem::remove_all(directory);
}

// The library's own server, without our bounds, goes on reading each of these.
TEST_F(PagesTest, ends_a_request_that_has_no_end) {
  const std::string filler(4000, 'a');
  EXPECT_LT(send_endlessly("GET / HTTP/1.1\r\n", "X-A: " + filler + "\r\n").sent, kEnough);
  EXPECT_LT(send_endlessly("POST /go HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                           "Content-Type: application/x-www-form-urlencoded\r\n\r\n",
                           "fa0\r\n" + filler + "\r\n")
                .sent,
            kEnough);
  EXPECT_LT(send_endlessly("POST /elsewhere HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                           "fa0\r\n" + filler + "\r\n")
                .sent,
            kEnough);
  EXPECT_LT(send_endlessly(std::string(8000, 'a'), filler).sent, kEnough);
  EXPECT_EQ(client().Get("/")->status, 200) << "and serves the next";
}

}  // namespace
}  // namespace kernmesh::server
