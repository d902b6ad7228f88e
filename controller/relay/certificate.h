// SPDX-License-Identifier: Apache-2.0
// What the relay presents on its TLS port (L3): a given certificate, or one of its own, made at the
// first start. Nodes know it by its fingerprint, which the server tells them, so whose it is and
// what names it has does not matter.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/core/netmap/relay.h"
#include "controller/relay/state_dir.h"

namespace kernmesh::relay {

struct Certificate {
  std::string chain_path, key_path;  // PEM files
  netmap::CertificateFingerprint fingerprint{};
};

// Of the given files; with none given, of `files`. kInvalid when they do not belong together.
Result<Certificate> open_certificate(const std::string& chain_path, const std::string& key_path,
                                     const StateDir& files, WallTime now);

}  // namespace kernmesh::relay
