// SPDX-License-Identifier: Apache-2.0
// One run of meshadm inside the test, with its streams in strings and a directory of its own.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tools/meshadm/document.h"
#include "tools/meshadm/program.h"

namespace kernmesh::adm {

class Terminal {
 public:
  Terminal() {
    std::string pattern = std::filesystem::temp_directory_path() / "meshadm-test-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~Terminal() { std::filesystem::remove_all(directory_); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
    return path(name);
  }

  // The surroundings of the next run; the caller may change them first.
  Surroundings surroundings() {
    return {in,
            out,
            err,
            in_is_tty,
            out_is_tty,
            false,
            [this](const std::string& name) -> std::optional<std::string> {
              const auto found = environment.find(name);
              if (found == environment.end()) return std::nullopt;
              return found->second;
            },
            [] { return WallTime(std::chrono::seconds(1'795'239'630)); },
            path("system.json"),
            path("admin.token")};
  }

  // The exit status; out, err and in are fresh for each run.
  int run(const std::vector<std::string>& arguments, const std::string& input = "") {
    out.str("");
    err.str("");
    in.str(input);
    in.clear();
    auto around = surroundings();
    return run_program(arguments, around);
  }
  Json json() const { return Json::parse(out.str()); }
  Json error() const { return Json::parse(err.str())["error"]; }

  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  bool in_is_tty = false;
  bool out_is_tty = false;
  std::map<std::string, std::string> environment;

 private:
  std::string directory_;
};

}  // namespace kernmesh::adm
