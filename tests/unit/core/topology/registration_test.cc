// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/registration.h"

#include <gtest/gtest.h>

namespace kernmesh::topology {
namespace {

Ticket ticket_of(TicketKind kind, std::uint8_t fill) {
  Ticket ticket;
  ticket.kind = kind;
  ticket.ca.fill(fill);
  for (auto& byte : ticket.secret.mutable_bytes()) byte = static_cast<std::uint8_t>(fill + 1);
  return ticket;
}

TEST(Ticket, text_form_round_trips) {
  for (auto kind : {TicketKind::kJoinKey, TicketKind::kAdminToken}) {
    const auto ticket = ticket_of(kind, 0xfb);
    const auto parsed = parse_ticket(to_string(ticket));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->kind, kind);
    EXPECT_EQ(parsed->ca, ticket.ca);
    EXPECT_TRUE(parsed->secret == ticket.secret);
  }
}

TEST(Ticket, error_never_repeats_the_secret) {
  const std::string text = to_string(ticket_of(TicketKind::kJoinKey, 7));
  const auto cut = parse_ticket(text.substr(0, text.size() - 1));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().message().find(text.substr(3, 20)), std::string::npos);
}

TEST(Fingerprint, accepts_colons_and_refuses_other_lengths) {
  const std::string plain(64, 'a');
  EXPECT_TRUE(parse_fingerprint(plain));
  std::string colons;
  for (int i = 0; i < 32; ++i) colons += i ? ":aa" : "aa";
  EXPECT_TRUE(parse_fingerprint(colons));
  EXPECT_FALSE(parse_fingerprint(plain.substr(2)));
  EXPECT_FALSE(parse_fingerprint(plain + "aa"));
}

TEST(RegistrationMessage, differs_in_every_part) {
  CaFingerprint ca{};
  const std::array<std::uint8_t, 3> nonce{1, 2, 3};
  const NodePublicKey node;
  const DiscoPublicKey disco;
  const auto base = registration_message(ca, nonce, node, disco);
  ca[0] = 1;
  EXPECT_NE(registration_message(ca, nonce, node, disco), base);
  EXPECT_NE(registration_message({}, std::array<std::uint8_t, 3>{1, 2, 4}, node, disco), base);
}

}  // namespace
}  // namespace kernmesh::topology
