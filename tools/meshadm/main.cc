// SPDX-License-Identifier: Apache-2.0
// meshadm: wiring of the process to a run of the program.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "tools/meshadm/program.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

kernmesh::WallTime now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC logs every failed connection by itself; ours say it better. A value from outside stays.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  kernmesh::adm::Surroundings surroundings{
      std::cin,
      std::cout,
      std::cerr,
      isatty(STDIN_FILENO) == 1,
      isatty(STDOUT_FILENO) == 1,
      isatty(STDERR_FILENO) == 1,
      environment,
      now,
  };
  return kernmesh::adm::run_program({argv + 1, argv + argc}, surroundings);
}
