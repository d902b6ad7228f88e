// SPDX-License-Identifier: Apache-2.0
// The pages of a sign-in as HTML (L3, pure): plain, without script, readable by screen readers and
// on a telephone. What strangers have chosen is escaped here and nowhere else.
#pragma once

#include <string>
#include <string_view>

#include "controller/core/signin/claims.h"
#include "controller/core/signin/ledger.h"

namespace kernmesh::server {

extern const std::string_view kStyleSheet;

std::string escape_html(std::string_view text);

// Asks for the code; `complaint` about the last one, empty: there was none.
std::string code_page(std::string_view complaint);
// Which machine this is about; `slip` shows that the form came from this page (pages.cc).
struct Confirmation {
  const signin::Newcomer& newcomer;
  std::string_view user_code;
  std::string_view slip;
};
std::string confirmation_page(const Confirmation& confirmation);
// On the way to the provider, which is named; goes by itself.
std::string departure_page(const std::string& url, std::string_view issuer);
std::string arrival_page(const signin::Newcomer& newcomer, const signin::Identity& identity);
std::string refusal_page(std::string_view reason);
// The provider cannot be asked now; the sign-in waits.
std::string later_page(std::string_view reason);
std::string not_found_page();

}  // namespace kernmesh::server
