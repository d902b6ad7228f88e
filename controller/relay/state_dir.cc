// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/state_dir.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <sstream>

#include "controller/base/unique_fd.h"

namespace kernmesh::relay {
namespace {

constexpr std::size_t kMostSessionBytes = 64 << 20;  // 16,384 clients with 65,536 wishes: 5 MB

constexpr std::size_t kMostTextBytes = 1 << 20;
constexpr const char* kTicketKeys = "ticket-keys";  // base64, one a line

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

template <std::size_t N, typename Make>
Result<SecretBytes<N>> load_or_make(const std::string& path, const Make& make) {
  auto bytes = read_file(path, N);
  if (bytes && bytes->size() == N) {
    SecretBytes<N> key{std::span<const std::uint8_t, N>(bytes->data(), N)};
    sodium_memzero(bytes->data(), bytes->size());
    return key;
  }
  if (bytes || bytes.error().code() == ErrorCode::kExhausted) {
    return Error(ErrorCode::kCorrupt,
                 path + " does not hold a key of " + std::to_string(N) + " bytes");
  }
  if (bytes.error().code() != ErrorCode::kNotFound) return bytes.error();
  SecretBytes<N> key;
  make(key);
  MESH_TRY(write_whole(path, key.bytes()));
  return key;
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
  return load_or_make<32>(path_ + "/relay.key", [](X25519SecretKey& key) {
    randombytes_buf(key.mutable_bytes().data(), key.mutable_bytes().size());
  });
}

Result<Ed25519SecretKey> StateDir::machine_key() const {
  return load_or_make<64>(path_ + "/machine.key", [](Ed25519SecretKey& key) {
    std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> unused{};
    crypto_sign_keypair(unused.data(), key.mutable_bytes().data());
  });
}

Result<std::string> StateDir::read_text(const std::string& name) const {
  MESH_TRY_ASSIGN(const Bytes bytes, read_file(path_ + "/" + name, kMostTextBytes));
  return std::string(bytes.begin(), bytes.end());
}

Status StateDir::write_text(const std::string& name, std::string_view text) const {
  return write_whole(path_ + "/" + name,
                     {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Result<std::vector<TicketPublicKey>> StateDir::ticket_keys() const {
  MESH_TRY_ASSIGN(const std::string text, read_text(kTicketKeys));
  std::istringstream lines(text);
  std::vector<TicketPublicKey> keys;
  for (std::string line; std::getline(lines, line);) {
    MESH_TRY_ASSIGN(const auto key, TicketPublicKey::parse_base64(line));
    keys.push_back(key);
  }
  return keys;
}

Status StateDir::write_ticket_keys(const std::vector<TicketPublicKey>& keys) const {
  std::string lines;
  for (const auto& key : keys) lines += to_string(key) + "\n";
  return write_text(kTicketKeys, lines);
}

Result<Bytes> StateDir::read_sessions() const {
  return read_file(path_ + "/sessions", kMostSessionBytes);
}

Status StateDir::write_sessions(const Bytes& bytes) const {
  return write_whole(path_ + "/sessions", bytes);
}

}  // namespace kernmesh::relay
