// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/web_url.h"

#include <gtest/gtest.h>

namespace kernmesh::signin {
namespace {

TEST(WebUrl, takes_it_apart) {
  const auto url = parse_web_url("https://Login.Example.org:8443/a/b?c=d", Transport::kHttpsOnly);
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_EQ(url->host, "login.example.org");
  EXPECT_EQ(url->origin, "https://login.example.org:8443");
  EXPECT_EQ(url->path, "/a/b?c=d");
}

TEST(WebUrl, refuses_what_readers_understand_differently) {
  for (const char* const text : {"",
                                 "https://",
                                 "https:///a",
                                 "http://example.org",
                                 "ftp://example.org",
                                 "https://a@example.org",
                                 "https://example.org@evil.example",
                                 "https://example.org\\@b",
                                 "https://example.org#a",
                                 "https://example.org/a b",
                                 "https://example.org/\n",
                                 "https://example.org:0",
                                 "https://example.org:65536",
                                 "https://example.org:80x",
                                 "https://example.org:",
                                 "https://ex\xc3\xa4mple.org",
                                 "https://-a",
                                 "https://.a",
                                 "https://[::1",
                                 "https://[::1]x",
                                 "https://[x]",
                                 "//example.org",
                                 "javascript:alert(1)",
                                 "https:example.org",
                                 "HTTPS://example.org",
                                 "https://exa%6dple.org"}) {
    EXPECT_FALSE(parse_web_url(text, Transport::kHttpsOrLoopback)) << text;
  }
  EXPECT_FALSE(
      parse_web_url("https://a/" + std::string(kMostUrlBytes, 'a'), Transport::kHttpsOnly));
}

TEST(WebUrl, takes_loopback_in_the_clear_only_when_told_to) {
  for (const char* const text : {"http://127.0.0.1:80/a", "http://[::1]:80", "http://localhost/"}) {
    EXPECT_TRUE(parse_web_url(text, Transport::kHttpsOrLoopback)) << text;
    EXPECT_FALSE(parse_web_url(text, Transport::kHttpsOnly)) << text;
  }
  for (const char* const text : {"http://127.0.0.2", "http://localhost.example.org",
                                 "http://127.0.0.1.nip.io", "http://2130706433", "http://0/"}) {
    EXPECT_FALSE(parse_web_url(text, Transport::kHttpsOrLoopback)) << text;
  }
}

}  // namespace
}  // namespace kernmesh::signin
