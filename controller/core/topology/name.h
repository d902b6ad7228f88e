// SPDX-License-Identifier: Apache-2.0
// Names of nodes and users (L1, pure). A node's name is one DNS label and unique in the network.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::topology {

// A label of letters, digits and inner hyphens from what a machine calls itself: the part before
// the first dot, lower-cased, anything else made a hyphen, at most 63 bytes (RFC 1035 2.3.4).
// "node" when nothing is left.
std::string to_dns_label(std::string_view hostname);

// What an administrator may name a node: already a label of that form.
Status check_dns_label(std::string_view name);

// `label`, or with the lowest of -1, -2, ... that is not taken; never longer than 63 bytes.
std::string unique_name(const std::string& label,
                        const std::function<bool(const std::string&)>& is_taken);

// 1 to 254 bytes of printable ASCII without spaces and without '/': safe in tables, logs and paths.
Status check_user_name(std::string_view name);

// NAME@DOMAIN in the characters of a user's name.
Status check_email(std::string_view email);

}  // namespace kernmesh::topology
