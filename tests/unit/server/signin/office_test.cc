// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/office.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

namespace kernmesh::server {
namespace {

SignInOptions good_options() {
  SignInOptions options;
  options.issuer = "https://login.example";
  options.client_id = "kernmesh";
  options.url = "https://signin.example";
  options.listen = "127.0.0.1:0";
  return options;
}

oidc::Clocks still() {
  return {[] { return WallTime{}; }, [] { return MonoTime{}; }};
}

Status open(const SignInOptions& options) {
  const auto office = open_sign_in_office(
      options, still(), [](const signin::Newcomer&, const signin::Identity&) { return Status(); });
  return office ? Status() : Status(office.error());
}

TEST(SignInOffice, opens_without_asking_the_provider) {
  EXPECT_TRUE(open(good_options()));
  SignInOptions device = good_options();
  device.url.clear();
  EXPECT_TRUE(open(device));
  EXPECT_TRUE(check_sign_in_options(SignInOptions()));
}

TEST(SignInOffice, says_which_option_is_wrong) {
  const auto fault = [](auto change) {
    SignInOptions options = good_options();
    change(options);
    const auto status = open(options);
    return status ? std::string("none") : status.error().message().substr(0, 16);
  };
  EXPECT_EQ(fault([](auto& o) { o.issuer = "http://login.example"; }), "--oidc-issuer: t");
  EXPECT_EQ(fault([](auto& o) { o.issuer.clear(); }), "--signin-url: wa");
  EXPECT_EQ(fault([](auto& o) { o.client_id.clear(); }), "--oidc-issuer: w");
  EXPECT_EQ(fault([](auto& o) { o.url = "http://127.0.0.1"; }), "--signin-url: th");
  EXPECT_EQ(fault([](auto& o) { o.url = "https://signin.example/"; }), "--signin-url: ha");
  EXPECT_EQ(fault([](auto& o) { o.listen = "here"; }), "--signin-listen:");
  EXPECT_NE(fault([](auto& o) { o.tls_cert = "/nowhere"; }), "none");
}

TEST(SignInOffice, takes_a_secret_only_from_a_file_that_is_not_everybodys) {
  char path[] = "/tmp/kernmesh-secret-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  SignInOptions options = good_options();
  options.client_secret_file = path;
  EXPECT_FALSE(open(options)) << "empty";
  std::ofstream(path) << " top-secret \n";
  EXPECT_TRUE(open(options));
  ASSERT_EQ(chmod(path, 0644), 0);
  const auto open_to_all = open(options);
  ASSERT_FALSE(open_to_all);
  EXPECT_EQ(open_to_all.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(open_to_all.error().message().find("top-secret"), std::string::npos);
  std::remove(path);
  EXPECT_FALSE(open(options));
  ASSERT_EQ(mkdir(path, 0700), 0);
  const auto unreadable = open(options);
  std::remove(path);
  ASSERT_FALSE(unreadable);
  EXPECT_NE(unreadable.error().message().find("Is a directory"), std::string::npos)
      << unreadable.error().message();
}

}  // namespace
}  // namespace kernmesh::server
