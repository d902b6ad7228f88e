// SPDX-License-Identifier: Apache-2.0
// What callers send as a page's token, and where gRPC says that they are.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "controller/rpc/paging.h"
#include "controller/rpc/peer_address.h"
#include "controller/rpc/status.h"

using namespace kernmesh;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // What was accepted is printed as it was read.
  const auto page = rpc::parse_page(0, text);
  if (page && !text.empty() && rpc::page_token(page->after) != text) std::abort();
  static_cast<void>(rpc::peer_address(text));
  static_cast<void>(rpc::from_grpc({grpc::StatusCode::FAILED_PRECONDITION, "", text}));
  return 0;
}
