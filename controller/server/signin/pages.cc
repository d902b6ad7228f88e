// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/pages.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "controller/core/signin/request.h"
#include "controller/server/signin/bounded_http.h"
#include "controller/server/signin/page.h"

namespace kernmesh::server {
namespace {

using httplib::Request;
using httplib::Response;

constexpr std::size_t kBrowserBytes = 43;  // of random_text()
constexpr int kTooManyRequests = 429;

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

Result<TlsContextPtr> tls_context(const SignInPagesOptions& options) {
  TlsContextPtr context(SSL_CTX_new(TLS_server_method()));
  const auto usable = [&] {
    return context && SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
           SSL_CTX_use_certificate_chain_file(context.get(), options.tls_cert.c_str()) == 1 &&
           SSL_CTX_use_PrivateKey_file(context.get(), options.tls_key.c_str(), SSL_FILETYPE_PEM) ==
               1 &&
           SSL_CTX_check_private_key(context.get()) == 1;
  };
  if (!usable()) {
    return Error(ErrorCode::kInvalid, "the certificate " + options.tls_cert + " with the key " +
                                          options.tls_key + " cannot be used");
  }
  return context;
}

// Of what comes in cookies only the exact form of our own value is looked at.
std::string cookie_of(const Request& request, const std::string& name) {
  const std::string header = request.get_header_value("Cookie");
  const auto at = (" " + header).find(" " + name + "=");
  if (at == std::string::npos) return "";
  const std::string rest = header.substr(at + name.size() + 1);
  const std::string value = rest.substr(0, rest.find(';'));
  const bool is_ours =
      value.size() == kBrowserBytes && std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_';
      });
  return is_ours ? value : "";
}

int status_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kExhausted:
      return kTooManyRequests;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kNotFound:
      return 404;
    default:
      return 403;
  }
}

void answer(Response& response, int status, const std::string& page) {
  response.status = status;
  response.set_content(page, "text/html; charset=utf-8");
}

void refuse(Response& response, const Error& error) {
  const bool is_later = error.code() == ErrorCode::kUnavailable;
  answer(response, status_of(error),
         is_later ? later_page(error.message()) : refusal_page(error.message()));
}

class RunningPages final : public SignInPages {
 public:
  RunningPages(SignInPagesOptions options, SignInDesk& desk, TlsContextPtr tls)
      : options_(std::move(options)),
        desk_(desk),
        is_https_(options_.url.starts_with("https://")),
        tls_(std::move(tls)),
        http_(tls_.get()) {}

  ~RunningPages() override {
    http_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status start() {
    set_headers();
    set_routes();
    const std::string host = to_string(options_.listen.address);
    const int wanted = options_.listen.port.value();
    port_ = wanted == 0 ? http_.bind_to_any_port(host)
                        : (http_.bind_to_port(host, wanted) ? wanted : -1);
    if (port_ <= 0) {
      return Error(ErrorCode::kUnavailable,
                   "cannot listen on " + to_string(options_.listen) +
                       " for sign-ins: is another program using the port?");
    }
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    // httplib does not hear of a stop that comes before it runs, and tells nobody when it does.
    while (!http_.is_running()) std::this_thread::yield();
    return {};
  }

  std::uint16_t port() const override { return static_cast<std::uint16_t>(port_); }

 private:
  void set_headers() {
    http_.set_default_headers(
        {{"Cache-Control", "no-store"},
         {"Content-Security-Policy",
          "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
          "frame-ancestors 'none'"},
         {"X-Frame-Options", "DENY"},
         {"X-Content-Type-Options", "nosniff"},
         {"Referrer-Policy", "no-referrer"},
         {"Cross-Origin-Opener-Policy", "same-origin"}});
    if (is_https_) {
      http_.set_post_routing_handler([](const Request&, Response& response) {
        response.set_header("Strict-Transport-Security", "max-age=31536000");
      });
    }
    http_.set_exception_handler([](const Request&, Response& response, std::exception_ptr) {
      spdlog::error("a page of the sign-in failed");
      answer(response, 500, refusal_page("this server has made a mistake"));
    });
  }

  void set_routes() {
    // Before a body is read: nothing is compressed, and only one page takes a form. HEAD would use
    // an answer of the provider up without showing anybody what came of it.
    http_.set_pre_routing_handler([](const Request& request, Response& response) {
      const bool is_form = request.method == "POST" && request.path == "/go";
      const bool is_page = request.method == "GET";
      if ((is_form && !request.has_header("Content-Encoding")) || is_page) {
        return httplib::Server::HandlerResponse::Unhandled;
      }
      answer(response, 405, not_found_page());
      return httplib::Server::HandlerResponse::Handled;
    });
    http_.Get("/",
              [](const Request&, Response& response) { answer(response, 200, code_page("")); });
    http_.Get("/style.css", [](const Request&, Response& response) {
      response.set_content(std::string(kStyleSheet), "text/css; charset=utf-8");
    });
    http_.Get("/node",
              [this](const Request& request, Response& response) { confirm(request, response); });
    http_.Post("/go",
               [this](const Request& request, Response& response) { depart(request, response); });
    http_.Get("/callback",
              [this](const Request& request, Response& response) { arrive(request, response); });
    http_.Get(".*",
              [](const Request&, Response& response) { answer(response, 404, not_found_page()); });
  }

  std::string cookie_name() const {
    return is_https_ ? "__Host-kernmesh-signin" : "kernmesh-signin";
  }

  // The browser's own, so that two tabs do not take it from each other; else a new one.
  std::string browser_of(const Request& request, Response& response) const {
    std::string browser = cookie_of(request, cookie_name());
    if (!browser.empty()) return browser;
    browser = random_text();
    response.set_header("Set-Cookie", cookie_name() + "=" + browser +
                                          "; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600" +
                                          (is_https_ ? "; Secure" : ""));
    return browser;
  }

  // Only who has been shown the confirmation in this browser has it: the cookie is kept from
  // everybody else, so no other site can post the form in a person's name.
  static std::string slip_of(const std::string& browser, const std::string& code) {
    return signin::code_challenge("kernmesh sign-in slip " + browser + " " + code);
  }

  void confirm(const Request& request, Response& response) {
    const std::string code = signin::normalise_user_code(request.get_param_value("code"));
    const auto newcomer = desk_.look_up(code);
    if (!newcomer) {
      answer(response, 404,
             code_page("That code is not waiting for anybody. It may have been used, or be older "
                       "than ten minutes; the terminal shows the right one."));
      return;
    }
    const std::string browser = browser_of(request, response);
    answer(response, 200, confirmation_page({*newcomer, code, slip_of(browser, code)}));
  }

  void depart(const Request& request, Response& response) {
    const std::string browser = cookie_of(request, cookie_name());
    const std::string code = signin::normalise_user_code(request.get_param_value("code"));
    const std::string slip = request.get_param_value("slip");
    const std::string expected = slip_of(browser, code);
    if (browser.empty() || slip.size() != expected.size() ||
        sodium_memcmp(slip.data(), expected.data(), slip.size()) != 0) {
      answer(response, 403,
             refusal_page("this browser was not asked to confirm, or keeps no cookies: follow the "
                          "link in the terminal again"));
      return;
    }
    const auto url = desk_.depart(code, browser);
    if (!url) return refuse(response, url.error());
    answer(response, 200, departure_page(*url, options_.issuer));
  }

  void arrive(const Request& request, Response& response) {
    const SignInDesk::Return returned{
        request.get_param_value("state"), request.get_param_value("code"),
        request.get_param_value("error"), request.get_param_value("iss")};
    const auto arrival = desk_.arrive(returned, cookie_of(request, cookie_name()));
    if (!arrival) return refuse(response, arrival.error());
    answer(response, 200, arrival_page(arrival->newcomer, arrival->identity));
  }

  SignInPagesOptions options_;
  SignInDesk& desk_;
  bool is_https_;
  TlsContextPtr tls_;
  BoundedHttpServer http_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<SignInPages>> start_sign_in_pages(const SignInPagesOptions& options,
                                                         SignInDesk& desk) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return Error(ErrorCode::kInvalid, "a certificate and its key are given together");
  }
  TlsContextPtr tls;
  if (!options.tls_cert.empty()) {
    MESH_TRY_ASSIGN(tls, tls_context(options));
  }
  auto pages = std::make_unique<RunningPages>(options, desk, std::move(tls));
  MESH_TRY(pages->start());
  return std::unique_ptr<SignInPages>(std::move(pages));
}

}  // namespace kernmesh::server
