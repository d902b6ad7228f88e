// SPDX-License-Identifier: Apache-2.0
// Trust by the system's roots, which stand in a file of the test's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "controller/rpc/certificate.h"
#include "controller/rpc/pinned_ca.h"

namespace kernmesh::rpc {
namespace {

const WallTime kToday(std::chrono::seconds(1'790'000'000));

class TrustedCa : public testing::Test {
 protected:
  TrustedCa() {
    char name[] = "/tmp/kernmesh-roots-XXXXXX";
    directory_ = mkdtemp(name);
    ca_ = make_authority(kToday).value();
    const ServerNames names{{"vpn.example"}, {*IpAddress::parse("192.0.2.7")}};
    server_ = issue_server_certificate(ca_, names, kToday).value();
    trust(ca_.certificate_pem);
  }
  ~TrustedCa() override {
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    std::filesystem::remove_all(directory_);
  }
  void trust(const std::string& pem) const {
    const std::string path = directory_ + "/roots.pem";
    std::ofstream(path) << pem;
    setenv("SSL_CERT_FILE", path.c_str(), 1);
    setenv("SSL_CERT_DIR", directory_.c_str(), 1);
  }
  std::string chain() const { return server_.certificate_pem + ca_.certificate_pem; }

  std::string directory_;
  KeyAndCertificate ca_;
  KeyAndCertificate server_;
};

TEST_F(TrustedCa, is_the_last_of_a_chain_that_the_roots_vouch_for) {
  for (const char* host : {"vpn.example", "192.0.2.7"}) {
    const auto pem = find_trusted_ca(chain(), host, kToday);
    ASSERT_TRUE(pem) << pem.error().message();
    EXPECT_EQ(*pem, ca_.certificate_pem);
  }
  // A public authority's servers leave the root out.
  const auto pem = find_trusted_ca(server_.certificate_pem, "vpn.example", kToday);
  ASSERT_TRUE(pem) << pem.error().message();
  EXPECT_EQ(*pem, server_.certificate_pem);
}

TEST_F(TrustedCa, is_none_without_such_a_root) {
  trust(make_authority(kToday).value().certificate_pem);
  const auto pem = find_trusted_ca(chain(), "vpn.example", kToday);
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_NE(pem.error().message().find("--ca-fingerprint"), std::string::npos);
}

TEST_F(TrustedCa, is_for_the_host_that_was_asked_for) {
  const auto pem = find_trusted_ca(chain(), "other.example", kToday);
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kUnauthenticated);
}

// A chain that ends in somebody else's certificate would make him the authority from then on.
TEST_F(TrustedCa, does_not_follow_to_a_certificate_that_has_not_signed) {
  const auto hostile = make_authority(kToday).value();
  const auto pem = find_trusted_ca(chain() + hostile.certificate_pem, "vpn.example", kToday);
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kUnauthenticated);
}

TEST_F(TrustedCa, is_not_valid_for_ever) {
  const auto pem = find_trusted_ca(chain(), "vpn.example", kToday + std::chrono::days(400));
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kExpired);
}

TEST_F(TrustedCa, is_not_asked_of_nonsense) {
  EXPECT_EQ(fetch_trusted_ca_pem("nonsense", std::chrono::seconds(2)).error().code(),
            ErrorCode::kInvalid);
  EXPECT_EQ(fetch_trusted_ca_pem("127.0.0.1:1", std::chrono::seconds(2)).error().code(),
            ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace kernmesh::rpc
