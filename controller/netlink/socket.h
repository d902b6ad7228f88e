// SPDX-License-Identifier: Apache-2.0
// RAII over libnl's rtnetlink socket and objects (L2). A socket speaks for the network namespace in
// which it was opened, wherever its thread goes later. Not thread-safe.
#pragma once

#include <netlink/netlink.h>

#include <memory>
#include <string_view>

#include "controller/base/result.h"

struct rtnl_link;
struct rtnl_addr;
struct rtnl_route;
struct rtnl_rule;
struct nl_cache;
struct nl_msg;

namespace kernmesh::netlink {

struct ObjectDeleter {
  void operator()(nl_sock* p) const;
  void operator()(rtnl_link* p) const;
  void operator()(rtnl_addr* p) const;
  void operator()(rtnl_route* p) const;
  void operator()(rtnl_rule* p) const;
  void operator()(nl_cache* p) const;
  void operator()(nl_msg* p) const;
};
template <typename T>
using Owned = std::unique_ptr<T, ObjectDeleter>;

// "ATTEMPT: libnl's text". libnl_error is negative, as libnl returns it.
Error nl_error(std::string_view attempt, int libnl_error);
// libnl could not allocate an object.
Error no_memory();

class RouteSocket {
 public:
  // Opens in the calling thread's network namespace. Close-on-exec.
  static Result<RouteSocket> open();

  // Borrowed.
  nl_sock* get() const { return socket_.get(); }

 private:
  explicit RouteSocket(Owned<nl_sock> socket) : socket_(std::move(socket)) {}
  Owned<nl_sock> socket_;
};

}  // namespace kernmesh::netlink
