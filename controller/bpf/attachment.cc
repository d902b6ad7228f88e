// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/attachment.h"

#include <net/if.h>

#include <algorithm>
#include <iterator>

#include "controller/bpf/cls_bpf.h"
#include "controller/bpf/tcx.h"

namespace kernmesh::bpf {
namespace {

// A program that vanished between listing and asking is no error: it is not there.
AttachedProgram ask_about(const HookEntry& entry) {
  AttachedProgram program{.info = {}, .priority = entry.priority, .handle = entry.handle};
  if (const auto fd = program_by_id(entry.program_id)) {
    if (auto info = program_info(fd->get())) program.info = std::move(*info);
  }
  return program;
}

std::vector<std::uint32_t> intersection(const std::vector<std::uint32_t>& a,
                                        const std::vector<std::uint32_t>& b) {
  std::vector<std::uint32_t> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

bool is_this_build(const AttachedProgram& candidate, const OwnProgram& program) {
  return candidate.info.tag == program.info.tag &&
         intersection(candidate.info.map_ids, program.state_maps) ==
             intersection(program.info.map_ids, program.state_maps);
}

auto find_own(const HookState& state, const OwnProgram& program) {
  return std::find_if(state.programs.begin(), state.programs.end(),
                      [&](const AttachedProgram& p) { return is_own(p.info, program); });
}

std::uint32_t free_handle(const HookState& state) {
  std::uint32_t handle = cls_bpf::kFirstHandle;
  while (std::any_of(state.programs.begin(), state.programs.end(), [&](const AttachedProgram& p) {
    return p.priority == cls_bpf::kPriority && p.handle == handle;
  })) {
    ++handle;
  }
  return handle;
}

Status detach_one(IfIndex interface, Hook hook, Mechanism mechanism, const AttachedProgram& p) {
  if (mechanism == Mechanism::kClsBpf) {
    return cls_bpf::erase(interface, hook, {p.info.id, p.priority, p.handle});
  }
  MESH_TRY_ASSIGN(const UniqueFd attached, program_by_id(p.info.id));
  return tcx::detach(interface, hook, attached.get());
}

// The one that stays is this build where it is there, else the first in running order.
Status keep_one(IfIndex interface, Hook hook, const OwnProgram& program, HookState& state) {
  const auto current =
      std::find_if(state.programs.begin(), state.programs.end(), [&](const AttachedProgram& p) {
        return is_own(p.info, program) && is_this_build(p, program);
      });
  const auto keep = current != state.programs.end() ? current : find_own(state, program);
  if (keep == state.programs.end()) return {};
  const AttachedProgram& kept = *keep;  // valid until state.programs is replaced below
  std::vector<AttachedProgram> left;
  for (const AttachedProgram& p : state.programs) {
    const bool extra =
        is_own(p.info, program) &&
        !(p.info.id == kept.info.id && p.priority == kept.priority && p.handle == kept.handle);
    if (!extra) {
      left.push_back(p);
      continue;
    }
    MESH_TRY(detach_one(interface, hook, state.mechanism, p));
  }
  state.programs = std::move(left);
  return {};
}

}  // namespace

bool is_own(const ProgramInfo& there, const OwnProgram& own) {
  return there.name == own.info.name &&
         (there.uses_any_of(own.state_maps) || (own.also_ours && own.also_ours(there)));
}

std::vector<IfIndex> interfaces() {
  std::vector<IfIndex> out;
  struct if_nameindex* names = if_nameindex();
  if (names == nullptr) return out;
  for (const struct if_nameindex* i = names; i->if_index != 0; ++i) out.emplace_back(i->if_index);
  if_freenameindex(names);
  return out;
}

Result<HookList> list_hook(IfIndex interface, Hook hook) {
  HookList list;
  auto ids = tcx::query(interface, hook);
  if (ids) {
    for (const std::uint32_t id : *ids) list.entries.push_back({.program_id = id});
    return list;
  }
  if (ids.error().code() != ErrorCode::kUnsupported) return ids.error();
  list.mechanism = Mechanism::kClsBpf;
  MESH_TRY_ASSIGN(list.entries, cls_bpf::query(interface, hook));
  return list;
}

Result<HookState> query_hook(IfIndex interface, Hook hook) {
  MESH_TRY_ASSIGN(const HookList list, list_hook(interface, hook));
  HookState state{.mechanism = list.mechanism, .programs = {}};
  for (const HookEntry& entry : list.entries) state.programs.push_back(ask_about(entry));
  return state;
}

Result<AttachmentState> query_attachment(IfIndex interface, Hook hook, const OwnProgram& program) {
  MESH_TRY_ASSIGN(const HookState state, query_hook(interface, hook));
  const auto own = find_own(state, program);
  AttachmentState out{.mechanism = state.mechanism, .attached = own != state.programs.end()};
  out.current = out.attached && is_this_build(*own, program);
  if (!out.attached) return out;
  for (auto p = state.programs.begin(); p != own; ++p) {
    out.ahead.push_back(p->info.name.empty() ? "(a filter that is not BPF)" : p->info.name);
  }
  return out;
}

Status attach_program(IfIndex interface, Hook hook, const OwnProgram& program) {
  MESH_TRY_ASSIGN(HookState state, query_hook(interface, hook));
  MESH_TRY(keep_one(interface, hook, program, state));
  const auto own = find_own(state, program);
  const bool attached = own != state.programs.end();
  if (attached && is_this_build(*own, program)) return {};
  if (state.mechanism == Mechanism::kClsBpf) {
    return cls_bpf::set(interface, hook, program.fd, attached ? own->handle : free_handle(state));
  }
  if (!attached) return tcx::attach_first(interface, hook, program.fd);
  MESH_TRY_ASSIGN(const UniqueFd old, program_by_id(own->info.id));
  return tcx::replace(interface, hook, program.fd, old.get());
}

Status detach_program(IfIndex interface, Hook hook, const OwnProgram& program) {
  const auto state = query_hook(interface, hook);
  if (!state) {
    if (state.error().code() == ErrorCode::kNotFound) return {};
    return state.error();
  }
  for (const AttachedProgram& p : state->programs) {
    if (is_own(p.info, program)) MESH_TRY(detach_one(interface, hook, state->mechanism, p));
  }
  return {};
}

}  // namespace kernmesh::bpf
