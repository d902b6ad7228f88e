// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/parse_tests.h"

#include <string>
#include <utility>
#include <vector>

#include "controller/core/policy/fields.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

Located read_located(const JsonValue& value, std::string_view what, Diagnostics& diagnostics) {
  const auto text = read_string(value, what, diagnostics);
  return {std::string(text.value_or("")), value.at()};
}

// {"node:os": "linux", "custom:tier": 3}: strings, numbers, true and false.
std::vector<std::pair<std::string, std::string>> read_attributes(const JsonValue& object,
                                                                 Diagnostics& diagnostics) {
  std::vector<std::pair<std::string, std::string>> attributes;
  read_members(object, "\"srcPostureAttrs\"", diagnostics,
               [&](const JsonValue& key, const JsonValue& value) {
                 if (value.kind() == JsonKind::kNumber || value.kind() == JsonKind::kBool) {
                   attributes.emplace_back(key.text(), value.text());
                 } else if (const auto text = read_string(value, quoted(key.text()), diagnostics)) {
                   attributes.emplace_back(key.text(), *text);
                 }
               });
  return attributes;
}

PolicyTest read_test(const JsonValue& entry, Diagnostics& diagnostics) {
  PolicyTest test;
  test.at = entry.at();
  test.src.at = entry.at();
  test.protocol.at = entry.at();
  read_object(
      entry, "a test",
      {{"src",
        [&](const JsonValue& value) { test.src = read_located(value, "\"src\"", diagnostics); }},
       {"proto",
        [&](const JsonValue& value) {
          test.protocol = read_located(value, "\"proto\"", diagnostics);
        }},
       {"accept",
        [&](const JsonValue& value) {
          test.accept = read_strings(value, "\"accept\"", diagnostics);
        }},
       {"deny",
        [&](const JsonValue& value) { test.deny = read_strings(value, "\"deny\"", diagnostics); }},
       {"srcPostureAttrs",
        [&](const JsonValue& value) {
          test.src_posture_attrs = read_attributes(value, diagnostics);
        }}},
      diagnostics);
  return test;
}

// The names that ssh rules know too; those of the sets ("autogroup:nonroot") are no names.
std::vector<Located> read_logins(const JsonValue& list, std::string_view what,
                                 Diagnostics& diagnostics) {
  std::vector<Located> logins = read_strings(list, what, diagnostics);
  for (Located& login : logins) {
    const std::string name(trimmed(login.text));
    if (name.empty() || name == "*") {
      diagnostics.error(login.at, "the user " + quoted(login.text) +
                                      " is not valid; write the login name that is tried");
    }
    login.text = name;
  }
  return logins;
}

Selector read_source(const JsonValue& value, Diagnostics& diagnostics) {
  const auto text = read_string(value, "\"src\"", diagnostics);
  if (!text) return {};
  auto selector = parse_selector(*text, value.at());
  if (selector) return *std::move(selector);
  diagnostics.error(value.at(), selector.error().message());
  return {};
}

SshTest read_ssh_test(const JsonValue& entry, Diagnostics& diagnostics) {
  SshTest test;
  test.at = entry.at();
  bool has_src = false;
  bool has_dst = false;
  read_object(
      entry, "an ssh test",
      {{"src",
        [&](const JsonValue& value) {
          has_src = true;
          test.src = read_source(value, diagnostics);
        }},
       {"dst",
        [&](const JsonValue& value) {
          has_dst = true;
          test.dst = read_selectors(value, "\"dst\"", diagnostics);
        }},
       {"accept",
        [&](const JsonValue& value) {
          test.accept = read_logins(value, "\"accept\"", diagnostics);
        }},
       {"deny",
        [&](const JsonValue& value) { test.deny = read_logins(value, "\"deny\"", diagnostics); }},
       {"check",
        [&](const JsonValue& value) {
          test.check = read_logins(value, "\"check\"", diagnostics);
        }}},
      diagnostics);
  if (entry.kind() != JsonKind::kObject) return test;
  if (!has_src) diagnostics.error(test.at, "the ssh test has no \"src\"; it names who connects");
  if (!has_dst) diagnostics.error(test.at, "the ssh test has no \"dst\"; it lists where to");
  return test;
}

}  // namespace

void read_tests(const JsonValue& list, Document& document, Diagnostics& diagnostics) {
  read_list(list, "\"tests\"", diagnostics, [&](const JsonValue& entry) {
    document.tests.push_back(read_test(entry, diagnostics));
  });
}

void read_ssh_tests(const JsonValue& list, Document& document, Diagnostics& diagnostics) {
  read_list(list, "\"sshTests\"", diagnostics, [&](const JsonValue& entry) {
    document.ssh_tests.push_back(read_ssh_test(entry, diagnostics));
  });
}

}  // namespace kernmesh::policy
