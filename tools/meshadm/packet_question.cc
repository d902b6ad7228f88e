// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/packet_question.h"

#include <charconv>

namespace kernmesh::adm {
namespace {

Error not_a_destination(const std::string& text) {
  return {ErrorCode::kInvalid, "\"" + text +
                                   "\" is not DST:PORT or DST:PORT/PROTOCOL, as in "
                                   "\"web-1:443\", \"tag:db:5432/tcp\", \"[fd7a::1]:53/udp\", "
                                   "\"web-1:0/icmp\""};
}

}  // namespace

Result<PacketQuestion> read_question(const std::string& text) {
  PacketQuestion question;
  const auto slash = text.rfind('/');
  const auto colon = text.rfind(':', slash);
  if (colon == std::string::npos || colon == 0) return not_a_destination(text);
  if (slash != std::string::npos && slash > colon) {
    const auto protocols = policy::parse_protocols(text.substr(slash + 1));
    if (!protocols || protocols->size() != 1) return not_a_destination(text);
    question.protocol = protocols->front();
  }
  const std::string digits =
      text.substr(colon + 1, slash == std::string::npos || slash < colon ? std::string::npos
                                                                         : slash - colon - 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), question.port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return not_a_destination(text);
  }
  if (question.port == 0 && policy::has_ports(question.protocol)) return not_a_destination(text);
  question.destination = text.substr(0, colon);
  if (question.destination.front() == '[' && question.destination.back() == ']') {
    question.destination = question.destination.substr(1, question.destination.size() - 2);
  }
  return question;
}

Result<PacketQuestion> read_question_here(const std::string& text) {
  if (text.find(':') != std::string::npos && text.front() != ':') return read_question(text);
  // Any name will do for what stands before the port.
  const auto question =
      read_question("here" + std::string(text.starts_with(":") ? "" : ":") + text);
  if (!question) {
    return Error(ErrorCode::kInvalid, "\"" + text +
                                          "\" is not DST:PORT[/PROTOCOL], nor a port of this "
                                          "node, as in \":443\" or \"53/udp\"");
  }
  return PacketQuestion{"", question->port, question->protocol};
}

std::string check_question(const std::string& text) {
  const auto question = read_question(text);
  return question ? "" : question.error().message();
}

std::string check_question_here(const std::string& text) {
  const auto question = read_question_here(text);
  return question ? "" : question.error().message();
}

std::string service_text(std::uint8_t protocol, std::uint32_t port) {
  const std::string name = policy::protocol_name(protocol);
  return policy::has_ports(protocol) ? name + "/" + std::to_string(port) : name;
}

}  // namespace kernmesh::adm
