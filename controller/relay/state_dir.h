// SPDX-License-Identifier: Apache-2.0
// The relay's files (L3): its keys, who is bound, and what the server said. All are 0600 and
// replaced whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/key.h"

namespace kernmesh::relay {

class StateDir {
 public:
  // Makes the directory (0700) when there is none.
  static Result<StateDir> open(const std::string& path);

  // Made at the first start. kCorrupt when the file is no key.
  Result<X25519SecretKey> key() const;
  // Ed25519, names the relay to the server; made when there is none.
  Result<Ed25519SecretKey> machine_key() const;
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  // Small texts, such as the server's authority. kNotFound when there is none.
  Result<std::string> read_text(const std::string& name) const;
  Status write_text(const std::string& name, std::string_view text) const;
  // Of the server's tickets, as it named them last. kNotFound before it ever did.
  Result<std::vector<TicketPublicKey>> ticket_keys() const;
  Status write_ticket_keys(const std::vector<TicketPublicKey>& keys) const;
  // kNotFound at the first start.
  Result<Bytes> read_sessions() const;
  Status write_sessions(const Bytes& bytes) const;

 private:
  explicit StateDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A file of at most `most` bytes.
Result<Bytes> read_file(const std::string& path, std::size_t most);

}  // namespace kernmesh::relay
