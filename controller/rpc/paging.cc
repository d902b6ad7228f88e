// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/paging.h"

#include <algorithm>
#include <charconv>

#include "controller/rpc/field_violation.h"

namespace kernmesh::rpc {

std::string page_token(std::uint64_t last) { return "after-" + std::to_string(last); }

Result<Page> parse_page(std::uint32_t page_size, const std::string& token) {
  Page page;
  if (page_size > 0) page.most = std::min(page_size, kMostOfAPage);
  if (token.empty()) return page;
  constexpr std::string_view kBegin = "after-";
  const char* end = token.data() + token.size();
  if (token.starts_with(kBegin) &&
      std::from_chars(token.data() + kBegin.size(), end, page.after).ptr == end &&
      page_token(page.after) == token) {
    return page;
  }
  return in_field("page_token", Error(ErrorCode::kInvalid,
                                      "the page_token is not one that this server has given"));
}

}  // namespace kernmesh::rpc
