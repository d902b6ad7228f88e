// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/user_name.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <span>

#include "controller/base/key.h"
#include "controller/core/topology/name.h"

namespace kernmesh::signin {
namespace {

constexpr std::size_t kMostLabel = 32;
// Of an account that is to collide with a given one, 2^31 have to be made; and a name that is taken
// is refused besides.
constexpr std::size_t kHashBytes = 4;

std::string hash_of(const Identity& identity) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  // Neither holds the separator: it is no character of a URL.
  const std::string account = identity.issuer + '\n' + identity.subject;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(account.data()),
                     account.size());
  return to_hex(std::span(hash).first(kHashBytes));
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string label_of(std::string name) {
  if (std::none_of(name.begin(), name.end(), is_letter_or_digit)) return "user";
  std::replace(name.begin(), name.end(), '.', '-');
  std::string label = topology::to_dns_label(name).substr(0, kMostLabel);
  label.erase(label.find_last_not_of('-') + 1);
  return label;
}

}  // namespace

std::string known_address(const Identity& identity) {
  return topology::check_email(identity.email) ? identity.email : "";
}

std::string user_name(const Identity& identity) {
  const std::string address = known_address(identity);
  return address.empty() ? label_of(identity.name) + "-" + hash_of(identity) : address;
}

std::string next_user_name(const std::string& name, const Identity& identity) {
  return name.find('@') == std::string::npos ? name : user_name(identity);
}

}  // namespace kernmesh::signin
