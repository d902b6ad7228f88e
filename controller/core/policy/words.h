// SPDX-License-Identifier: Apache-2.0
// What the names of a policy are made of (L1, pure).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kernmesh::policy {

inline constexpr std::string_view kGroupPrefix = "group:";
inline constexpr std::string_view kTagPrefix = "tag:";
inline constexpr std::string_view kIpSetPrefix = "ipset:";
inline constexpr std::string_view kPosturePrefix = "posture:";
// A group of the identity provider, as a member of `groups`: what follows is the provider's text.
inline constexpr std::string_view kProviderGroupPrefix = "oidc:";

// An ASCII digit, whatever the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Without the spaces, tabs and line ends around it.
std::string_view trimmed(std::string_view text);

// ASCII letters in lower case.
std::string lowered(std::string_view text);

// Neither empty nor with white space or control characters in it.
bool is_name(std::string_view text);

// "tag:" and letters, digits, dashes, the first of them a letter.
bool is_tag(std::string_view text);
// What is wrong with it, when !is_tag.
std::string bad_tag(std::string_view text);

// `prefix` and a name without further colons: "group:dev".
bool is_prefixed_name(std::string_view text, std::string_view prefix);
// What is wrong with it, when !is_prefixed_name.
std::string bad_prefixed_name(std::string_view text, std::string_view prefix);

// A name of `hosts`: nothing that other names are known by (@ : / * [ ]).
bool is_host_name(std::string_view text);

// "a, b, c".
std::string joined(const std::vector<std::string>& words);

}  // namespace kernmesh::policy
