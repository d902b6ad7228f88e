// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/certificate.h"

#include <gtest/gtest.h>

#include "controller/rpc/pinned_ca.h"

namespace kernmesh::rpc {
namespace {

using std::chrono::days;
const WallTime kNow(std::chrono::seconds(1'790'000'000));

struct Issued {
  KeyAndCertificate ca;
  KeyAndCertificate server;
  topology::CaFingerprint fingerprint{};
  std::string chain() const { return server.certificate_pem + ca.certificate_pem; }
};

Issued issue() {
  Issued issued;
  issued.ca = *make_authority(kNow);
  issued.server = *issue_server_certificate(
      issued.ca, {{"host.example"}, {*IpAddress::parse("192.0.2.7")}}, kNow);
  issued.fingerprint = read_certificates(issued.ca.certificate_pem)->front().fingerprint;
  return issued;
}

TEST(Certificate, carries_every_name_and_lives_a_year_under_ten) {
  const auto issued = issue();
  const auto facts = read_certificates(issued.chain());
  ASSERT_TRUE(facts);
  ASSERT_EQ(facts->size(), 2u);
  EXPECT_EQ((*facts)[0].names, (std::vector<std::string>{"192.0.2.7", "host.example", "kernmesh"}));
  EXPECT_EQ((*facts)[0].not_after, kNow + days(365));
  EXPECT_EQ((*facts)[1].not_after, kNow + days(3653));
}

TEST(Certificate, key_of_another_certificate_is_refused) {
  const auto issued = issue();
  EXPECT_TRUE(check_key_belongs(issued.chain(), issued.server.key_pem));
  EXPECT_FALSE(check_key_belongs(issued.chain(), issued.ca.key_pem));
}

TEST(Certificate, other_host_than_its_names_is_refused_and_the_names_are_told) {
  const auto chain = issue().chain();
  EXPECT_TRUE(check_host(chain, "host.example"));
  EXPECT_TRUE(check_host(chain, "HOST.example"));
  EXPECT_TRUE(check_host(chain, "192.0.2.7"));
  for (const char* other : {"example", "a.host.example", "192.0.2.8", "2001:db8::1"}) {
    const auto status = check_host(chain, other);
    ASSERT_FALSE(status) << other;
    EXPECT_EQ(status.error().code(), ErrorCode::kUnauthenticated);
    EXPECT_NE(status.error().message().find("192.0.2.7, host.example"), std::string::npos);
  }
}

TEST(Certificate, own_authority_is_told_from_others) {
  const auto issued = issue();
  EXPECT_TRUE(is_own_authority(issued.ca.certificate_pem));
  EXPECT_FALSE(is_own_authority(issued.server.certificate_pem));
  EXPECT_FALSE(is_own_authority("nonsense"));
}

TEST(Certificate, broken_text_is_corrupt) {
  EXPECT_EQ(read_certificates("").error().code(), ErrorCode::kCorrupt);
  auto text = issue().chain();
  text.resize(text.size() - 80);
  EXPECT_EQ(read_certificates(text).error().code(), ErrorCode::kCorrupt);
}

TEST(PinnedCa, finds_the_authority_by_fingerprint) {
  const auto issued = issue();
  const auto pem = find_pinned_ca(issued.chain(), issued.fingerprint, kNow);
  ASSERT_TRUE(pem) << pem.error().message();
  EXPECT_EQ(*pem, issued.ca.certificate_pem);
}

TEST(PinnedCa, names_both_fingerprints_when_they_differ) {
  const auto issued = issue();
  topology::CaFingerprint other{};
  other.fill(0xab);
  const auto pem = find_pinned_ca(issued.chain(), other, kNow);
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_NE(pem.error().message().find(to_hex(other)), std::string::npos);
  EXPECT_NE(pem.error().message().find(to_hex(issued.fingerprint)), std::string::npos);
}

// Somebody in between can send the true authority's public certificate after a certificate of his.
TEST(PinnedCa, authority_that_did_not_sign_the_server_is_refused) {
  const auto honest = issue();
  const auto hostile = issue();
  const auto pem = find_pinned_ca(hostile.server.certificate_pem + honest.ca.certificate_pem,
                                  honest.fingerprint, kNow);
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kUnauthenticated);
}

TEST(PinnedCa, wrong_clock_is_told_with_dates) {
  const auto issued = issue();
  for (const auto now : {kNow - days(30), kNow + days(400)}) {
    const auto pem = find_pinned_ca(issued.chain(), issued.fingerprint, now);
    ASSERT_FALSE(pem);
    EXPECT_EQ(pem.error().code(), ErrorCode::kExpired);
    EXPECT_NE(pem.error().message().find(format_time(now)), std::string::npos);
    EXPECT_NE(pem.error().message().find("check the clock"), std::string::npos);
  }
}

TEST(PinnedCa, refused_connection_and_bad_address_are_told_apart) {
  const auto refused = fetch_ca_pem("127.0.0.1:1", {}, std::chrono::seconds(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().message().find("127.0.0.1:1"), std::string::npos);
  EXPECT_EQ(fetch_ca_pem("nonsense", {}, std::chrono::seconds(2)).error().code(),
            ErrorCode::kInvalid);
}

}  // namespace
}  // namespace kernmesh::rpc
