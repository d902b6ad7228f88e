// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/web_url.h"

#include <algorithm>
#include <charconv>

namespace kernmesh::signin {
namespace {

constexpr std::string_view kHttps = "https://";
constexpr std::string_view kHttp = "http://";

Error bad_url(const std::string& why) { return {ErrorCode::kInvalid, "the URL " + why}; }

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-';
}

bool is_address_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' ||
         c == '.';
}

// A name or address without its port.
bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.size() > 4 && host.ends_with(']') &&
           std::all_of(host.begin() + 1, host.end() - 1, is_address_character);
  }
  return !host.empty() && host.size() <= 253 && !host.starts_with('.') && !host.starts_with('-') &&
         std::all_of(host.begin(), host.end(), is_host_character);
}

bool is_port(std::string_view digits) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port > 0 && port < 65536;
}

// Where the host ends and the port, with its colon, begins.
std::size_t end_of_host(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto bracket = authority.find(']');
    return bracket == std::string_view::npos ? authority.size() : bracket + 1;
  }
  return std::min(authority.find(':'), authority.size());
}

// Only names that no resolver is asked for: a name that leads to 127.0.0.1 today may lead elsewhere
// tomorrow.
bool is_loopback_host(std::string_view host) {
  return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

Status check_characters(std::string_view text) {
  if (text.size() > kMostUrlBytes) {
    return bad_url("is longer than " + std::to_string(kMostUrlBytes) + " bytes");
  }
  for (const char c : text) {
    if (c <= 0x20 || c > 0x7e || c == '\\' || c == '"' || c == '<' || c == '>') {
      return bad_url("has characters that no URL has");
    }
  }
  if (text.find('#') != std::string_view::npos) return bad_url("has a fragment (#)");
  return {};
}

}  // namespace

Result<WebUrl> parse_web_url(std::string_view text, Transport transport) {
  MESH_TRY(check_characters(text));
  WebUrl url;
  url.text = text;
  url.is_https = text.starts_with(kHttps);
  if (!url.is_https && !text.starts_with(kHttp)) return bad_url("does not start with https://");
  const auto rest = text.substr(url.is_https ? kHttps.size() : kHttp.size());
  const auto authority = rest.substr(0, rest.find_first_of("/?"));
  url.path = rest.substr(authority.size());
  if (authority.find('@') != std::string_view::npos) return bad_url("has user information (@)");
  const auto host = authority.substr(0, end_of_host(authority));
  const auto port = authority.substr(host.size());
  if (!is_host(host)) return bad_url("has no valid host");
  if (!port.empty() && (!port.starts_with(':') || !is_port(port.substr(1)))) {
    return bad_url("has no valid port");
  }
  url.host = host;
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  url.origin = std::string(url.is_https ? kHttps : kHttp) + url.host + std::string(port);
  if (!url.is_https && (transport == Transport::kHttpsOnly || !is_loopback_host(url.host))) {
    return bad_url("is not https, so that anybody on the way could answer");
  }
  return url;
}

}  // namespace kernmesh::signin
