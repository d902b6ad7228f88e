// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/upnp_talk.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace kernmesh::portmap {
namespace {

constexpr std::string_view kGranted = "granted ";
constexpr std::string_view kUnsupported = "unsupported ";
constexpr std::string_view kUnavailable = "unavailable ";
constexpr std::size_t kFirstPort = 4;  // among the arguments

std::optional<std::uint32_t> number_of(std::string_view text, std::uint32_t most) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || number > most) return std::nullopt;
  return number;
}

std::optional<Port> port_of(std::string_view text) {
  const auto number = number_of(text, std::numeric_limits<std::uint16_t>::max());
  if (!number) return std::nullopt;
  return Port(static_cast<std::uint16_t>(*number));
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Error no_answer() { return Error(ErrorCode::kInvalid, "what it answers is none"); }

}  // namespace

UpnpTask to_task(const Attempt& attempt) {
  UpnpTask task{attempt.gateway, attempt.internal, attempt.lifetime, {}};
  task.external.push_back(attempt.wish ? attempt.wish->port : attempt.internal);
  if (attempt.lifetime.count() == 0) return task;
  for (std::size_t tried = 1; tried < kMostUpnpPorts; ++tried) {
    const auto high = attempt.nonce.at(2 * tried), low = attempt.nonce.at(2 * tried + 1);
    task.external.emplace_back(static_cast<std::uint16_t>(0x8000 | high << 8 | low));
  }
  return task;
}

std::vector<std::string> to_arguments(const UpnpTask& task) {
  std::vector<std::string> out{to_string(task.gateway.address), to_string(task.gateway.local),
                               std::to_string(task.internal.value()),
                               std::to_string(task.lifetime.count())};
  for (const Port port : task.external) out.push_back(std::to_string(port.value()));
  return out;
}

Result<UpnpTask> parse_arguments(std::span<const std::string_view> arguments) {
  const Error wrong(ErrorCode::kInvalid, "these are no arguments of a UPnP attempt");
  if (arguments.size() <= kFirstPort || arguments.size() > kFirstPort + kMostUpnpPorts)
    return wrong;
  UpnpTask task;
  MESH_TRY_ASSIGN(task.gateway.address, IpAddress::parse(arguments[0]));
  MESH_TRY_ASSIGN(task.gateway.local, IpAddress::parse(arguments[1]));
  const auto internal = port_of(arguments[2]);
  const auto lifetime = number_of(arguments[3], std::numeric_limits<std::uint32_t>::max());
  if (!internal || !lifetime) return wrong;
  task.internal = *internal;
  task.lifetime = std::chrono::seconds(*lifetime);
  for (const auto& argument : arguments.subspan(kFirstPort)) {
    const auto port = port_of(argument);
    if (!port) return wrong;
    task.external.push_back(*port);
  }
  return task;
}

std::string to_answer(const Result<Grant>& outcome) {
  if (outcome) {
    return std::string(kGranted) + to_string(outcome->external) + " " +
           std::to_string(outcome->lifetime.count());
  }
  const bool refused = outcome.error().code() == ErrorCode::kUnsupported;
  std::string answer(refused ? kUnsupported : kUnavailable);
  answer += outcome.error().message();
  answer.resize(std::min(answer.size(), kMostUpnpAnswerBytes));
  std::replace_if(
      answer.begin(), answer.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return answer;
}

Result<Grant> parse_answer(std::string_view answer) {
  if (answer.size() > kMostUpnpAnswerBytes || !is_printable(answer)) return no_answer();
  if (answer.starts_with(kUnsupported))
    return Error(ErrorCode::kUnsupported, std::string(answer.substr(kUnsupported.size())));
  if (answer.starts_with(kUnavailable))
    return Error(ErrorCode::kUnavailable, std::string(answer.substr(kUnavailable.size())));
  if (!answer.starts_with(kGranted)) return no_answer();
  answer.remove_prefix(kGranted.size());
  const auto space = answer.find(' ');
  if (space == std::string_view::npos) return no_answer();
  const auto external = Endpoint::parse(answer.substr(0, space));
  const auto lifetime =
      number_of(answer.substr(space + 1), std::numeric_limits<std::uint32_t>::max());
  if (!external || !lifetime) return no_answer();
  return Grant{*external, std::chrono::seconds(*lifetime), {}};
}

}  // namespace kernmesh::portmap
