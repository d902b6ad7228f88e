// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/ticket.h"

#include <gtest/gtest.h>

#include "tests/unit/core/relay/relay_keys.h"

namespace kernmesh::relay {
namespace {

Ticket sample_ticket() {
  return {network_id(ticket_public_key(kServer)), NodeId(77), disco_public_key(filled<32>(3)),
          at_second(1000), 12};
}

TEST(RelayTicket, says_what_was_signed) {
  const auto bytes = sign_ticket(sample_ticket(), kServer);
  EXPECT_EQ(claimed_network(bytes), sample_ticket().network);
  const auto read = std::get<Ticket>(check_ticket(bytes, ticket_public_key(kServer), at_second(5)));
  EXPECT_EQ(read.network, sample_ticket().network);
  EXPECT_EQ(read.node, NodeId(77));
  EXPECT_EQ(read.client, sample_ticket().client);
  EXPECT_EQ(read.not_after, at_second(1000));
  EXPECT_EQ(read.most_pairs, 12);
}

TEST(RelayTicket, expires_after_its_last_second) {
  const auto bytes = sign_ticket(sample_ticket(), kServer);
  const auto server = ticket_public_key(kServer);
  EXPECT_TRUE(std::holds_alternative<Ticket>(check_ticket(bytes, server, at_second(1000))));
  EXPECT_EQ(std::get<TicketFault>(check_ticket(bytes, server, at_second(1001))),
            TicketFault::kExpired);
}

TEST(RelayTicket, every_flipped_bit_is_noticed) {
  const auto bytes = sign_ticket(sample_ticket(), kServer);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto result = check_ticket(flipped, ticket_public_key(kServer), at_second(5));
    ASSERT_TRUE(std::holds_alternative<TicketFault>(result)) << bit;
  }
}

TEST(RelayTicket, another_servers_is_not_authentic) {
  auto ticket = sample_ticket();
  ticket.network = network_id(ticket_public_key(kOtherServer));
  const auto bytes = sign_ticket(ticket, kOtherServer);
  EXPECT_EQ(std::get<TicketFault>(check_ticket(bytes, ticket_public_key(kServer), at_second(5))),
            TicketFault::kNotAuthentic);
}

TEST(RelayTicket, network_id_differs_by_server) {
  EXPECT_NE(network_id(ticket_public_key(kServer)), network_id(ticket_public_key(kOtherServer)));
}

}  // namespace
}  // namespace kernmesh::relay
