// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/host_check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "controller/agent/instance.h"

namespace kernmesh::agent {
namespace {

TEST(HostCheck, kernel_below_the_oldest_that_is_tested_is_named_with_the_one_that_works) {
  for (const char* const release : {"6.1.0-49-amd64", "6.1", "6.12.95+deb12", "7.0.0-rc1"})
    EXPECT_TRUE(check_release(release)) << release;
  for (const char* const release : {"5.10.0-9-amd64", "6.0.19", "4.19"}) {
    const auto status = check_release(release);
    ASSERT_FALSE(status) << release;
    EXPECT_EQ(status.error().code(), ErrorCode::kUnsupported);
    EXPECT_NE(status.error().message().find(release), std::string::npos);
    EXPECT_NE(status.error().message().find("6.1 or later"), std::string::npos);
  }
}

TEST(HostCheck, release_that_is_no_version_is_not_judged) {
  for (const char* const release : {"", "6", "6.", "six.one", "next"})
    EXPECT_TRUE(check_release(release)) << release;
}

TEST(InstanceLock, second_one_is_refused_and_nothing_stays_when_the_first_goes) {
  const Instance instance{"mesh-t", "meshu-t", "test-" + std::to_string(getpid()), {}, {}};
  const std::string file = "/run/kernmesh/" + instance.id + ".lock";
  {
    const auto first = lock_instance(instance);
    ASSERT_TRUE(first) << first.error().message();
    const auto second = lock_instance(instance);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
    EXPECT_NE(second.error().message().find("process " + std::to_string(getpid())),
              std::string::npos);
    EXPECT_EQ(access(file.c_str(), F_OK), 0);
  }
  EXPECT_NE(access(file.c_str(), F_OK), 0);
  EXPECT_TRUE(lock_instance(instance));
}

}  // namespace
}  // namespace kernmesh::agent
