// SPDX-License-Identifier: Apache-2.0
// Runs properties of random policies: rapidcheck with a number of cases of its own.
#pragma once

#include <rapidcheck.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "tests/oracle/random_network.h"

namespace kernmesh::policy {

// As many cases, fifty times as many under `ci/test --long`.
inline int cases(int usual) {
  const char* const is_long = std::getenv("KERNMESH_LONG");
  return is_long != nullptr && *is_long != '\0' ? usual * 50 : usual;
}

template <typename Property>
bool holds_for(int count, Property property) {
  auto parameters = rc::detail::configuration().testParams;
  parameters.maxSuccess = count;
  const auto result =
      rc::detail::checkTestable(std::move(property), rc::detail::TestMetadata(), parameters);
  if (result.template is<rc::detail::SuccessResult>()) return true;
  // Without the numbers that were drawn, which say nothing: the property logs what they came to.
  rc::detail::FailureResult failure;
  if (result.match(failure)) {
    std::cerr << failure.description << "\nafter " << failure.numSuccess << " cases, seed "
              << parameters.seed << std::endl;
  } else {
    rc::detail::printResultMessage(result, std::cerr);
  }
  return false;
}

// Shrinks. Every number is as likely as any other, whatever the size of the case.
inline Choice shrinking_choice() {
  return Choice([](std::uint32_t bound) {
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint32_t>(0, bound));
  });
}

// Fast; for what there are many of in a case.
inline Choice seeded_choice(std::uint32_t seed) {
  return Choice([random = std::mt19937(seed)](std::uint32_t bound) mutable {
    return static_cast<std::uint32_t>(random() % bound);
  });
}

}  // namespace kernmesh::policy
