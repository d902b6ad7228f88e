// SPDX-License-Identifier: Apache-2.0
// Times of work, as a table for people and one line of JSON.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace kernmesh::policy {

template <typename Work>
double milliseconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

class Table {
 public:
  explicit Table(int runs) : runs_(runs) {
    std::printf("%-46s %12s %12s\n", "", "median ms", "minimum ms");
  }
  void measure(const std::string& key, const std::string& what, const std::function<void()>& work) {
    std::vector<double> times;
    for (int run = 0; run < runs_; ++run) times.push_back(milliseconds(work));
    add(key, what, std::move(times));
  }
  // A row of times that were taken elsewhere.
  void add(const std::string& key, const std::string& what, std::vector<double> times) {
    std::sort(times.begin(), times.end());
    const double median = times[times.size() / 2];
    std::printf("%-46s %12.3f %12.3f\n", what.c_str(), median, times.front());
    std::fflush(stdout);
    char entry[160];
    std::snprintf(entry, sizeof entry, ", \"%s\": {\"median_ms\": %.4f, \"minimum_ms\": %.4f}",
                  key.c_str(), median, times.front());
    json_ += entry;
  }
  int runs() const { return runs_; }
  void finish(std::uint32_t nodes, std::uint32_t rules) const {
    std::printf("json {\"nodes\": %u, \"rules\": %u, \"runs\": %d%s}\n", nodes, rules, runs_,
                json_.c_str());
  }

 private:
  int runs_;
  std::string json_;
};

}  // namespace kernmesh::policy
