// SPDX-License-Identifier: Apache-2.0
// Lists in pages (L2, pure). A page's token is the id of its last entry: ids count up and are never
// given twice, so that what is there all the while comes once, whatever comes and goes meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "controller/base/result.h"

namespace kernmesh::rpc {

inline constexpr std::uint32_t kMostOfAPage = 1000;

struct Page {
  std::uint64_t after = 0;  // the last entry of the page before; 0: from the beginning
  std::size_t most = kMostOfAPage;
};

std::string page_token(std::uint64_t last);
// kInvalid for a token that page_token() has not made.
Result<Page> parse_page(std::uint32_t page_size, const std::string& token);

// Of any request that asks for a list.
template <typename Request>
Result<Page> page_of(const Request& request) {
  return parse_page(request.page_size(), request.page_token());
}

// Calls `take(value)` for the entries of one page of a map in the order of their ids; it says
// whether it has taken the entry. The next page's token, empty when there is none.
template <typename Map, typename Take>
std::string fill_page(const Map& map, const Page& page, const Take& take) {
  std::size_t taken = 0;
  std::uint64_t last = 0;
  for (auto entry = map.upper_bound(
           typename Map::key_type(static_cast<typename Map::key_type::rep>(page.after)));
       entry != map.end(); ++entry) {
    if (taken == page.most) return page_token(last);
    if (!take(entry->second)) continue;
    last = entry->first.value();
    ++taken;
  }
  return {};
}

}  // namespace kernmesh::rpc
