// SPDX-License-Identifier: Apache-2.0
// JSON of an identity provider, read within bounds (L1, pure): one object, no deeper and with no
// more values than such documents have, no name twice in an object (RFC 7519 section 4 leaves two
// readings of that, and two readings are an attack). Errors never repeat the text, which may hold a
// token.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace kernmesh::signin {

using Json = nlohmann::json;

// Keycloak's ID tokens nest four deep; nothing that is read here more than five.
inline constexpr int kMostDepth = 16;
// A key set of 64 keys has under 1,000 values, a person's groups are at most kMostGroups.
inline constexpr std::size_t kMostValues = 4096;

// `what` names the document in errors: "the key set".
struct DocumentText {
  std::string_view what;
  std::string_view text;
  std::size_t most_bytes = 0;
};
// kInvalid when it is not one JSON object within the bounds.
Result<Json> parse_object(const DocumentText& document);

// A member that is a text of 1 to most_bytes bytes without control characters; kInvalid otherwise.
Result<std::string> required_text(const Json& object, const char* name, std::size_t most_bytes);
// The same, or empty when the member is absent or null.
Result<std::string> optional_text(const Json& object, const char* name, std::size_t most_bytes);

struct ListBounds {
  std::size_t most_items = 0;
  std::size_t most_item_bytes = 0;
};
// A member that is one text or a list of them; empty when it is absent or null.
Result<std::vector<std::string>> optional_texts(const Json& object, const char* name,
                                                ListBounds bounds);

// A NumericDate (RFC 7519 section 2) from 1970 to the year 9999, fractions cut off; none when the
// member is absent.
Result<std::optional<WallTime>> optional_date(const Json& object, const char* name);

}  // namespace kernmesh::signin
