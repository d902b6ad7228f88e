// SPDX-License-Identifier: Apache-2.0
// The agent's port mapping against a gateway that the test plays, in a network namespace of each
// test's own.
#include "controller/agent/port_mapping.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "controller/netlink/link.h"

namespace kernmesh::agent {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

const IpAddress kHere = IpAddress::from_v4_number(INADDR_LOOPBACK);
const portmap::Gateway kGateway{kHere, kHere};
constexpr Port kPublic{41641};
const Endpoint kOutside{*IpAddress::parse("5.6.7.8"), Port(50000)};

class PortMappingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    const auto routes = netlink::RouteSocket::open();
    ASSERT_TRUE(routes) << routes.error().message();
    const auto loopback = netlink::find_link(*routes, "lo");
    ASSERT_TRUE(loopback && *loopback);
    ASSERT_TRUE(netlink::set_link_state(*routes, (*loopback)->index, netlink::LinkState::kUp));
    gateway_.reset(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(portmap::kGatewayPort.value());
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(bind(gateway_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    auto loop = host::EventLoop::open();
    ASSERT_TRUE(loop);
    loop_.emplace(std::move(*loop));
  }

  // The next request that the gateway gets, answered with kOutside when it is to be; its lifetime.
  enum class Answer { kNone, kGrant };
  std::optional<std::uint32_t> next_request(Answer answer) {
    pollfd ready{gateway_.get(), POLLIN, 0};
    if (poll(&ready, 1, 5000) != 1) return std::nullopt;
    std::array<std::uint8_t, portmap::kMostAnswerBytes> in{};
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t size = recvfrom(gateway_.get(), in.data(), in.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &length);
    if (size != static_cast<ssize_t>(portmap::kMapBytes)) return std::nullopt;
    ByteReader reader(in);
    (void)reader.take<4>();
    const auto lifetime = static_cast<std::uint32_t>(reader.take_number<4>());
    if (answer == Answer::kNone) return lifetime;
    Bytes out{2, 0x81, 0, 0};
    put_number(out, lifetime, 4);
    put_number(out, 1, 4);  // epoch
    out.resize(24);
    put_bytes(out, std::span(in).subspan(24, 18));  // nonce, protocol, internal port
    put_number(out, kOutside.port.value(), 2);
    put_number(out, 0, 8);
    put_number(out, 0xffff, 4);
    put_number(out, kOutside.address.to_v4_number(), 4);
    sendto(gateway_.get(), out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    return lifetime;
  }

  UniqueFd gateway_;
  std::optional<host::EventLoop> loop_;
  X25519SecretKey secret_;
};

TEST_F(PortMappingTest, tells_what_the_gateway_grants_and_gives_it_back) {
  std::optional<Endpoint> told;
  PortMapping mapping(*loop_, secret_, [&](const auto& external) {
    told = external;
    loop_->stop();
  });
  mapping.set_network(host::mono_now(), kGateway, kPublic);
  std::optional<std::uint32_t> lifetime;
  ASSERT_TRUE(loop_->watch(gateway_.get(), [&] { lifetime = next_request(Answer::kGrant); }));
  ASSERT_TRUE(loop_->run([&] { return mapping.settle(host::mono_now()); }));
  loop_->unwatch(gateway_.get());
  EXPECT_EQ(lifetime, 1200U);
  EXPECT_EQ(told, kOutside);
  EXPECT_EQ(mapping.external(), kOutside);
  mapping.give_back();
  EXPECT_FALSE(told);
  EXPECT_EQ(next_request(Answer::kGrant), 0U);
}

TEST_F(PortMappingTest, holds_nobody_up_while_the_gateway_is_silent) {
  std::optional<PortMapping> mapping;
  mapping.emplace(*loop_, secret_, [](const auto&) {});
  const auto began = Clock::now();
  mapping->set_network(host::mono_now(), kGateway, kPublic);
  (void)mapping->settle(host::mono_now());
  EXPECT_LT(Clock::now() - began, seconds(3));
  ASSERT_EQ(next_request(Answer::kNone), 1200U) << "the attempt, of 4 s, is under way";
  const auto left = Clock::now();
  mapping->set_network(host::mono_now(), std::nullopt, kPublic);
  mapping.reset();
  EXPECT_LT(Clock::now() - left, seconds(3));
}

}  // namespace
}  // namespace kernmesh::agent
