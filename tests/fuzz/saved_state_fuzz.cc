// SPDX-License-Identifier: Apache-2.0
// The agent's settings and netmap file, as a disk or somebody could have altered them. The first
// byte says which file the rest is; a netmap's bytes get the right checksum, or no input would
// ever come past it. What was read survives being saved.
#include <sodium.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "controller/agent/saved_state.h"

using namespace kernmesh;  // NOLINT

namespace {

const topology::CaFingerprint kCa{};  // of the server that the netmap is of

// On tmpfs: a file is written and read for every input. Removed at exit.
struct StateDir {
  StateDir() {
    char name[] = "/dev/shm/kernmesh-fuzz-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    path = name;
  }
  ~StateDir() { std::filesystem::remove_all(path); }
  std::string path;
};

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void check_settings(const std::string& dir, const std::string& bytes) {
  write(dir + "/settings.json", bytes);
  const auto settings = agent::load_settings(dir);
  if (!settings) return;
  if (!agent::save_settings(dir, *settings)) std::abort();
  const auto again = agent::load_settings(dir);
  if (!again || again->wanted != settings->wanted || again->public_port != settings->public_port) {
    std::abort();
  }
}

void check_netmap(const std::string& dir, const std::string& bytes) {
  std::string file = "KERNMESH-NETMAP1" + std::string(kCa.begin(), kCa.end());
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  file.append(reinterpret_cast<const char*>(hash), sizeof hash);
  write(dir + "/netmap", file + bytes);
  const auto map = agent::load_netmap(dir, kCa);
  if (!map) return;
  if (!*map || !agent::save_netmap(dir, kCa, **map)) std::abort();
  const auto again = agent::load_netmap(dir, kCa);
  if (!again || !*again || !(**again == **map)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const StateDir dir;
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      check_settings(dir.path, bytes);
      break;
    case 1:
      check_netmap(dir.path, bytes);
      break;
    default:
      write(dir.path + "/netmap", bytes);
      static_cast<void>(agent::load_netmap(dir.path, kCa));
  }
  return 0;
}
