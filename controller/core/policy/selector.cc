// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/selector.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "controller/base/nearest.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

struct NamedAutogroup {
  std::string_view name;
  Autogroup autogroup;
};

// The first name of an autogroup is the one it is printed with.
constexpr std::array kAutogroups = {
    NamedAutogroup{"autogroup:member", Autogroup::kMember},
    NamedAutogroup{"autogroup:members", Autogroup::kMember},
    NamedAutogroup{"autogroup:tagged", Autogroup::kTagged},
    NamedAutogroup{"autogroup:self", Autogroup::kSelf},
    NamedAutogroup{"autogroup:internet", Autogroup::kInternet},
    NamedAutogroup{"autogroup:danger-all", Autogroup::kDangerAll},
    NamedAutogroup{"autogroup:owner", Autogroup::kOwner},
    NamedAutogroup{"autogroup:admin", Autogroup::kAdmin},
    NamedAutogroup{"autogroup:network-admin", Autogroup::kNetworkAdmin},
    NamedAutogroup{"autogroup:it-admin", Autogroup::kItAdmin},
    NamedAutogroup{"autogroup:billing-admin", Autogroup::kBillingAdmin},
    NamedAutogroup{"autogroup:auditor", Autogroup::kAuditor},
};

Error invalid_selector(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

Selector named(SelectorKind kind, std::string_view name, Position at) {
  return {.kind = kind, .name = std::string(name), .at = at};
}

Result<Selector> parse_autogroup(std::string_view text, Position at) {
  for (const NamedAutogroup& known : kAutogroups) {
    if (known.name != text) continue;
    Selector selector = named(SelectorKind::kAutogroup, to_string(known.autogroup), at);
    selector.autogroup = known.autogroup;
    return selector;
  }
  std::vector<std::string> names;
  names.reserve(kAutogroups.size());
  for (const NamedAutogroup& known : kAutogroups) names.emplace_back(known.name);
  const std::string meant = nearest(text, names);
  return invalid_selector(
      "there is no autogroup " + quoted(text) +
      (meant.empty() ? "; known are " + joined(names) : "; did you mean " + quoted(meant) + "?"));
}

Result<Selector> parse_tag(std::string_view text, Position at) {
  const std::string_view name = text.substr(kTagPrefix.size());
  if (name.find(':') != std::string_view::npos) {
    return invalid_selector(quoted(text) + " is not a tag: no ports stand here");
  }
  if (!is_tag(text)) return invalid_selector(bad_tag(text));
  return named(SelectorKind::kTag, text, at);
}

Result<Selector> parse_user(std::string_view text, Position at) {
  const std::size_t sign = text.find('@');
  const bool has_one_sign = text.find('@', sign + 1) == std::string_view::npos;
  if (sign == 0 || !has_one_sign || !is_name(text) || text.find(':') != std::string_view::npos) {
    return invalid_selector(quoted(text) +
                            " is not a user; a user is written ada@example.com or ada@");
  }
  return named(SelectorKind::kUser, text, at);
}

Result<Selector> parse_domain_users(std::string_view text, Position at) {
  constexpr std::string_view kAnybody = "user:*@";
  const std::string_view domain = text.substr(std::min(kAnybody.size(), text.size()));
  const bool is_domain =
      !domain.empty() && is_name(domain) && domain.find_first_of("@:/*") == std::string_view::npos;
  if (!text.starts_with(kAnybody) || !is_domain) {
    return invalid_selector(
        quoted(text) +
        " is not a set of users; those of a domain are written user:*@example.com, a "
        "single one ada@example.com");
  }
  return named(SelectorKind::kDomainUsers, domain, at);
}

// An address may stand in brackets, as in a URL: [fd7a::1], [fd7a::]/64.
std::optional<std::string> without_brackets(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos) return std::nullopt;
  return std::string(text.substr(1, close - 1)) + std::string(text.substr(close + 1));
}

bool looks_like_address(std::string_view text) {
  const bool is_dotted = text.find_first_not_of("0123456789./") == std::string_view::npos &&
                         text.find('.') != std::string_view::npos;
  const bool is_v6 = text.find_first_not_of("0123456789abcdefABCDEF:./[]") == text.npos &&
                     std::count(text.begin(), text.end(), ':') >= 2;
  return is_dotted || is_v6 || text.find('/') != std::string_view::npos;
}

Result<Selector> parse_prefix(std::string_view text, Position at) {
  const auto plain = without_brackets(text);
  auto prefix = Prefix::parse(plain ? std::string_view(*plain) : text);
  if (!prefix) return invalid_selector(prefix.error().message());
  return Selector{.kind = SelectorKind::kPrefix, .prefix = *prefix, .at = at};
}

Error unknown_form(std::string_view text) {
  static const std::vector<std::string> kPrefixes = {
      "autogroup:", "group:", "tag:", "ipset:", "user:"};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return invalid_selector(quoted(text) + " is neither an address nor a name");
  }
  const std::string meant = nearest(text.substr(0, colon + 1), kPrefixes);
  if (!meant.empty()) {
    return invalid_selector(quoted(text) + " is no name; did you mean " +
                            quoted(meant + std::string(text.substr(colon + 1))) + "?");
  }
  return invalid_selector(quoted(text) + " is no name; names begin with " + joined(kPrefixes) +
                          ", or are a user, host, address or CIDR without ports");
}

}  // namespace

std::string_view to_string(Autogroup autogroup) {
  for (const NamedAutogroup& known : kAutogroups) {
    if (known.autogroup == autogroup) return known.name;
  }
  return "";
}

Result<Selector> parse_selector(std::string_view text, Position at) {
  const std::string_view name = trimmed(text);
  if (name.empty()) return invalid_selector("the name is empty; write \"*\" for everybody");
  if (name == "*") return Selector{.at = at};
  if (name.starts_with("autogroup:")) return parse_autogroup(name, at);
  if (name.starts_with(kTagPrefix)) return parse_tag(name, at);
  if (name.starts_with("user:")) return parse_domain_users(name, at);
  for (const auto& [prefix, kind] : {std::pair{kGroupPrefix, SelectorKind::kGroup},
                                     std::pair{kIpSetPrefix, SelectorKind::kIpSet}}) {
    if (!name.starts_with(prefix)) continue;
    if (!is_prefixed_name(name, prefix)) {
      return invalid_selector(bad_prefixed_name(name, prefix));
    }
    return named(kind, name, at);
  }
  if (name.find('@') != std::string_view::npos) return parse_user(name, at);
  if (looks_like_address(name)) return parse_prefix(name, at);
  if (is_host_name(name)) return named(SelectorKind::kHost, name, at);
  return unknown_form(name);
}

std::string to_string(const Selector& selector) {
  switch (selector.kind) {
    case SelectorKind::kAny:
      return "*";
    case SelectorKind::kDomainUsers:
      return "user:*@" + selector.name;
    case SelectorKind::kPrefix:
      if (selector.prefix.length() == selector.prefix.address().bits()) {
        return to_string(selector.prefix.address());
      }
      return to_string(selector.prefix);
    default:
      return selector.name;
  }
}

}  // namespace kernmesh::policy
