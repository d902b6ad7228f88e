// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/upnp_talk.h"

#include <gtest/gtest.h>

namespace kernmesh::portmap {
namespace {

Attempt sample_attempt() {
  Attempt attempt;
  attempt.gateway = {IpAddress::parse("192.168.1.1").value(),
                     IpAddress::parse("192.168.1.7").value()};
  attempt.internal = Port(41641);
  attempt.lifetime = kLifetime;
  attempt.nonce = {0, 1, 0x12, 0x34, 0xff, 0xff, 0, 0};
  return attempt;
}

Result<UpnpTask> parsed(const std::vector<std::string>& arguments) {
  const std::vector<std::string_view> views(arguments.begin(), arguments.end());
  return parse_arguments(views);
}

TEST(UpnpTask, asks_for_the_internal_port_or_the_wish_and_then_for_others) {
  auto attempt = sample_attempt();
  EXPECT_EQ(to_task(attempt).external,
            (std::vector{Port(41641), Port(0x9234), Port(0xffff), Port(0x8000)}));
  attempt.wish = Endpoint::parse("5.6.7.8:5000").value();
  EXPECT_EQ(to_task(attempt).external.front(), Port(5000));
  attempt.lifetime = {};
  EXPECT_EQ(to_task(attempt).external, std::vector{Port(5000)}) << "none but that is given back";
}

TEST(UpnpTask, is_read_as_it_was_written) {
  const auto task = to_task(sample_attempt());
  const auto again = parsed(to_arguments(task));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, task);
}

TEST(UpnpTask, is_refused_when_something_is_missing_or_is_none) {
  const std::vector<std::string> good{"192.168.1.1", "192.168.1.7", "41641", "1200", "5000"};
  ASSERT_TRUE(parsed(good));
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto shorter = good;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_FALSE(parsed(shorter)) << at;
    for (const char* wrong : {"", "x", "-1", "99999999999", "1200 "}) {
      auto worse = good;
      worse[at] = wrong;
      EXPECT_FALSE(parsed(worse)) << at << " " << wrong;
    }
  }
  auto longer = good;
  longer.insert(longer.end(), kMostUpnpPorts, "5001");
  EXPECT_FALSE(parsed(longer));
}

TEST(UpnpAnswer, is_read_as_it_was_written) {
  const Grant grant{Endpoint::parse("5.6.7.8:41641").value(), std::chrono::seconds(1200), {}};
  const auto again = parse_answer(to_answer(grant));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->external, grant.external);
  EXPECT_EQ(again->lifetime, grant.lifetime);
  for (const auto code : {ErrorCode::kUnsupported, ErrorCode::kUnavailable}) {
    const auto refused = parse_answer(to_answer(Error(code, "the gateway answers \"x\" (501)")));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), code);
    EXPECT_EQ(refused.error().message(), "the gateway answers \"x\" (501)");
  }
}

TEST(UpnpAnswer, is_short_and_printable_whatever_the_gateway_says) {
  const auto answer = to_answer(Error(ErrorCode::kSystem, std::string(9000, '\n')));
  EXPECT_EQ(answer.size(), kMostUpnpAnswerBytes);
  EXPECT_EQ(answer.find('\n'), std::string::npos);
  ASSERT_FALSE(parse_answer(answer));
  EXPECT_EQ(parse_answer(answer).error().code(), ErrorCode::kUnavailable);
}

TEST(UpnpAnswer, that_is_none_is_invalid) {
  for (const std::string& answer :
       {std::string(), std::string("granted"), std::string("granted 5.6.7.8:1"),
        std::string("granted 5.6.7.8 1200"), std::string("granted 5.6.7.8:70000 1200"),
        std::string("granted 5.6.7.8:1 -1"), std::string("granted 5.6.7.8:1 1200 "),
        std::string("granted 5.6.7.8:1 4294967296"), std::string("unsupported \x1b[2J"),
        "unsupported " + std::string(kMostUpnpAnswerBytes, 'x')}) {
    const auto read = parse_answer(answer);
    ASSERT_FALSE(read) << answer;
    EXPECT_EQ(read.error().code(), ErrorCode::kInvalid) << answer;
  }
}

}  // namespace
}  // namespace kernmesh::portmap
