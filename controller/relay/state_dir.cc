// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/state_dir.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "controller/base/unique_fd.h"

namespace kernmesh::relay {
namespace {

constexpr std::size_t kMostSessionBytes = 64 << 20;  // 16,384 clients with 65,536 wishes: 5 MB

Status write_whole(const std::string& path, std::span<const std::uint8_t> bytes) {
  const std::string beside = path + ".new";
  UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return Error::from_errno("write " + beside, errno);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Error::from_errno("write " + beside, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (fsync(fd.get()) != 0 || std::rename(beside.c_str(), path.c_str()) != 0) {
    return Error::from_errno("write " + path, errno);
  }
  return {};
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno("open " + path, errno);
  Bytes out(most + 1);
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got = ::read(fd.get(), out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno("read " + path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (filled > most) return Error(ErrorCode::kExhausted, path + " is too large");
  out.resize(filled);
  return out;
}

Result<StateDir> StateDir::open(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error::from_errno("make " + path, errno);
  }
  if (chmod(path.c_str(), 0700) != 0) return Error::from_errno("close " + path, errno);
  return StateDir(path);
}

Result<X25519SecretKey> StateDir::key() const {
  const std::string path = path_ + "/relay.key";
  const auto bytes = read_file(path, 32);
  if (bytes && bytes->size() == 32) {
    return X25519SecretKey(std::span<const std::uint8_t, 32>(bytes->data(), 32));
  }
  if (bytes) return Error(ErrorCode::kCorrupt, path + " does not hold a key of 32 bytes");
  if (bytes.error().code() != ErrorCode::kNotFound) return bytes.error();
  X25519SecretKey key;
  randombytes_buf(key.mutable_bytes().data(), 32);
  MESH_TRY(write_whole(path, key.bytes()));
  return key;
}

Result<Bytes> StateDir::read_sessions() const {
  return read_file(path_ + "/sessions", kMostSessionBytes);
}

Status StateDir::write_sessions(const Bytes& bytes) const {
  return write_whole(path_ + "/sessions", bytes);
}

}  // namespace kernmesh::relay
