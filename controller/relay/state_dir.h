// SPDX-License-Identifier: Apache-2.0
// The relay's files (L3): its key, and who is bound. Both are 0600 and replaced whole.
#pragma once

#include <string>
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
