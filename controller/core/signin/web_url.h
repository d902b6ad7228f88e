// SPDX-License-Identifier: Apache-2.0
// URLs that the server itself asks, or sends people to (L1, pure): https, with a host and without
// what makes a URL mean different things to different readers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::signin {

// Loopback in the clear is for a provider, or a proxy that speaks TLS, on the same machine; it is
// taken only where the administrator has said so.
enum class Transport { kHttpsOnly, kHttpsOrLoopback };

inline constexpr std::size_t kMostUrlBytes = 2048;

struct WebUrl {
  bool is_https = true;
  std::string host;    // lower case; an IPv6 address keeps its brackets
  std::string origin;  // scheme://host[:port]
  std::string path;    // with the query; "" or from "/" or "?" on
  std::string text;    // as it was given
};

// kInvalid, in words, when it has another scheme, user information, a fragment, a backslash,
// spaces, other than printable ASCII, a port out of range, or is too long.
Result<WebUrl> parse_web_url(std::string_view text, Transport transport);

}  // namespace kernmesh::signin
