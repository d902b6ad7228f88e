// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/forwarding.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "controller/relay/uplink.h"

namespace kernmesh::relay {
namespace {

const std::string kNowhere = "none";

enum class Chosen { kByName, kByRoute };

Result<Forwarding> in_userspace(const std::string& instance) {
  const auto removed = remove_relay(instance);
  if (removed) return Forwarding();
  // It would drop what its maps do not name, and send the rest where that went long ago.
  if (removed.error().code() == ErrorCode::kConflict)
    return removed.error().with_context("forward in userspace");
  // Who may not load programs has none there.
  const bool is_news = removed.error().code() != ErrorCode::kPermissionDenied &&
                       removed.error().code() != ErrorCode::kUnsupported;
  if (is_news)
    spdlog::warn("cannot look for an earlier run's program: {}", removed.error().message());
  return Forwarding();
}

// What this run has attached goes again; an earlier run's goes on, but for one with maps of another
// layout, which was replaced.
Error refusal(KernelPath& path, const PortState& port) {
  if (!path.adopted()) (void)path.remove();
  return {ErrorCode::kUnsupported, "cannot forward in XDP on " + port.interface + ": " + port.why +
                                       "; --interface none forwards in userspace"};
}

void log_port(const PortState& port) {
  if (port.mode == "none") {
    spdlog::warn("{}: no XDP, {}", port.interface, port.why);
  } else {
    spdlog::info("{}: XDP mode {} ({})", port.interface, port.mode, port.why);
  }
}

Result<Forwarding> open_on(const KernelPathOptions& options, Chosen chosen) {
  auto path = KernelPath::open(options);
  if (!path && chosen == Chosen::kByName) return path.error().with_context("forward in XDP");
  if (!path) {
    spdlog::warn("XDP is not possible here: {}", path.error().message());
    return in_userspace(options.instance);
  }
  Forwarding forwarding{std::nullopt, path->ports()};
  for (const auto& port : forwarding.ports) {
    const bool is_refused = port.mode == "none" && chosen == Chosen::kByName && !port.is_taken;
    if (is_refused) return refusal(*path, port);
    log_port(port);
  }
  if (path->carries()) {
    forwarding.kernel.emplace(std::move(*path));
  } else if (const auto removed = path->remove(); !removed) {
    return removed.error().with_context("forward in userspace");
  }
  return forwarding;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

Status remove_relay(const std::string& instance) { return bpf::Relay::remove(instance); }

Result<Forwarding> open_forwarding(KernelPathOptions options) {
  auto& names = options.interfaces;
  const bool has_none = std::find(names.begin(), names.end(), kNowhere) != names.end();
  if (has_none && names.size() > 1)
    return Error(ErrorCode::kInvalid, "--interface none goes with no other interface");
  if (has_none) return in_userspace(options.instance);
  if (!names.empty()) return open_on(options, Chosen::kByName);
  auto found = default_interfaces();
  if (!found) {
    spdlog::warn("cannot tell where default routes lead: {}", found.error().message());
  } else if (found->empty()) {
    spdlog::info("no default route leads to an Ethernet interface; --interface names others");
  }
  if (!found || found->empty()) return in_userspace(options.instance);
  names = std::move(*found);
  return open_on(options, Chosen::kByRoute);
}

bool tend_forwarding(KernelPath& path, const std::vector<std::string>& names) {
  const auto found = names.empty() ? default_interfaces() : names;
  const auto news = path.tend(found ? *found : std::vector<std::string>());
  for (const auto& port : news) log_port(port);
  return !news.empty();
}

std::string describe(const std::vector<PortState>& ports) {
  std::vector<std::string> in_xdp, others;
  for (const auto& port : ports) {
    if (port.mode == "none") {
      others.push_back(port.interface);
    } else {
      in_xdp.push_back(port.interface + " (" + port.mode + ")");
    }
  }
  if (in_xdp.empty()) return "forwards in userspace";
  return "forwards in XDP on " + joined(in_xdp) +
         (others.empty() ? "" : ", in userspace on " + joined(others));
}

}  // namespace kernmesh::relay
