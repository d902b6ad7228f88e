// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/device_url.h"

#include <algorithm>

namespace kernmesh::portmap {

bool leads_to(std::string_view url, const IpAddress& address) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  const auto authority = url.substr(0, url.find_first_of("/?#"));
  const auto host = authority.substr(0, authority.find(':'));
  const auto port = authority.substr(std::min(authority.size(), host.size() + 1));
  const bool is_port =
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto named = IpAddress::parse(host);
  return is_port && named && *named == address;
}

}  // namespace kernmesh::portmap
