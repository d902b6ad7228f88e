// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace kernmesh::bpf {
namespace {

// The last lines libbpf wrote on this thread: the verifier's reason is nowhere else.
thread_local std::string last_words;

constexpr std::size_t kMostWords = 2048;
// The verifier's log ends with its reason, and is one message of up to megabytes.
constexpr std::size_t kMostOfOneMessage = 700;

int remember(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  const int size = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (size <= 0) return size;
  std::string message(static_cast<std::size_t>(size) + 1, '\0');
  vsnprintf(message.data(), message.size(), format, arguments);
  message.pop_back();
  if (message.size() > kMostOfOneMessage)
    message = "..." + message.substr(message.size() - kMostOfOneMessage);
  last_words += message;
  if (last_words.size() > kMostWords) last_words.erase(0, last_words.size() - kMostWords);
  return size;
}

// Which program the kernel would not have; empty when it was something else that failed.
std::string refused_program() {
  static constexpr std::string_view kBefore = "prog '", kAfter = "': BPF program load failed";
  const std::size_t after = last_words.find(kAfter);
  if (after == std::string::npos) return {};
  const std::size_t before = last_words.rfind(kBefore, after);
  if (before == std::string::npos) return {};
  const std::size_t name = before + kBefore.size();
  return last_words.substr(name, after - name);
}

std::string running_kernel() {
  utsname names{};
  return uname(&names) == 0 ? std::string("kernel ") + names.release : "this kernel";
}

Error load_error(const std::string& attempt, int errno_value) {
  std::string message = attempt;
  if (const std::string program = refused_program(); errno_value == EPERM) {
    message += " (needs CAP_BPF and CAP_NET_ADMIN)";
  } else if (!program.empty()) {
    message +=
        ": " + running_kernel() + " refuses program " + program +
        "; what ran before goes on. Boot a kernel from 6.1 on that this build is tested with, "
        "or go back to the build before, and report the lines in brackets";
  } else if (errno_value == EINVAL) {
    message += " (refused by " + running_kernel() + "; 6.1 is the oldest that is supported)";
  }
  if (!last_words.empty()) message += " [" + last_words + "]";
  return Error::from_errno(message, errno_value);
}

// Maps that libbpf makes for constants are part of the program, not state.
bool holds_state(const bpf_map* map) { return !bpf_map__is_internal(map); }

Result<bpf_map_info> map_info(int fd) {
  bpf_map_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return Error::from_errno("read map", errno);
  return info;
}

}  // namespace

bool ProgramInfo::uses_any_of(const std::vector<std::uint32_t>& maps) const {
  return std::any_of(map_ids.begin(), map_ids.end(), [&](std::uint32_t id) {
    return std::binary_search(maps.begin(), maps.end(), id);
  });
}

Result<ProgramInfo> program_info(int program_fd) {
  ProgramInfo out;
  out.map_ids.resize(64);
  bpf_prog_info info{};
  info.nr_map_ids = static_cast<__u32>(out.map_ids.size());
  info.map_ids = reinterpret_cast<std::uintptr_t>(out.map_ids.data());
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program_fd, &info, &size) != 0) {
    return Error::from_errno("read program", errno);
  }
  out.id = info.id;
  out.name.assign(info.name, strnlen(info.name, sizeof(info.name)));
  std::memcpy(&out.tag, info.tag, sizeof(out.tag));
  out.map_ids.resize(std::min<std::size_t>(info.nr_map_ids, out.map_ids.size()));
  std::sort(out.map_ids.begin(), out.map_ids.end());
  return out;
}

Result<UniqueFd> program_by_id(std::uint32_t id) {
  UniqueFd fd(bpf_prog_get_fd_by_id(id));
  if (!fd) return Error::from_errno("open program " + std::to_string(id), errno);
  return fd;
}

void Object::Close::operator()(bpf_object* object) const { bpf_object__close(object); }
Object::~Object() = default;

Result<Object> Object::open(const char* name, std::span<const char> bytes) {
  libbpf_set_print(remember);
  last_words.clear();
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);
  bpf_object* object = bpf_object__open_mem(bytes.data(), bytes.size(), &options);
  if (object == nullptr) return load_error(std::string("open BPF object ") + name, errno);
  return Object(object);
}

Status Object::set_max_entries(const char* name, std::uint32_t entries) {
  bpf_map* map = bpf_object__find_map_by_name(object_.get(), name);
  if (map == nullptr) return Error(ErrorCode::kInvalid, std::string("no map ") + name);
  if (std::find(adopted_.begin(), adopted_.end(), name) != adopted_.end()) return {};
  if (const int rc = bpf_map__set_max_entries(map, entries); rc != 0) {
    return Error::from_errno(std::string("size map ") + name, -rc);
  }
  return {};
}

Status Object::set_constants(std::span<const char> bytes) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    if (std::strstr(bpf_map__name(map), ".rodata") == nullptr) continue;
    std::size_t size = 0;
    const void* const initial = bpf_map__initial_value(map, &size);
    if (size < bytes.size()) break;
    std::vector<char> value(static_cast<const char*>(initial),
                            static_cast<const char*>(initial) + size);
    std::copy(bytes.begin(), bytes.end(), value.begin());
    if (const int rc = bpf_map__set_initial_value(map, value.data(), size); rc != 0) {
      return Error::from_errno("set the constants of a BPF object", -rc);
    }
    return {};
  }
  return Error(ErrorCode::kInvalid, "the BPF object has no such constants");
}

Status Object::adopt(const std::string& name, int fd, const std::string& from) {
  bpf_map* map = bpf_object__find_map_by_name(object_.get(), name.c_str());
  MESH_TRY_ASSIGN(const bpf_map_info info, map_info(fd));
  if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
      info.value_size != bpf_map__value_size(map)) {
    return Error(ErrorCode::kConflict, from + " holds a map \"" + name +
                                           "\" of another shape than this version's; `down` with "
                                           "the version that made it, or remove it by hand");
  }
  if (const int rc = bpf_map__reuse_fd(map, fd); rc != 0) {
    return Error::from_errno("take over map " + name + " from " + from, -rc);
  }
  adopted_.push_back(name);
  return {};
}

Result<int> Object::adopt_pins(const PinFolder& folder) {
  int count = 0;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    const std::string name = bpf_map__name(map);
    if (!holds_state(map)) continue;
    const UniqueFd fd(bpf_obj_get(folder.file(name).c_str()));
    if (!fd && errno == ENOENT) continue;
    if (!fd) return Error::from_errno("open pin " + folder.file(name), errno);
    MESH_TRY(adopt(name, fd.get(), folder.path()));
    ++count;
  }
  return count;
}

Result<int> Object::adopt_program(std::uint32_t program_id) {
  MESH_TRY_ASSIGN(const UniqueFd program, program_by_id(program_id));
  MESH_TRY_ASSIGN(const ProgramInfo info, program_info(program.get()));
  int count = 0;
  for (const std::uint32_t id : info.map_ids) {
    const UniqueFd fd(bpf_map_get_fd_by_id(id));
    if (!fd) return Error::from_errno("open map " + std::to_string(id), errno);
    MESH_TRY_ASSIGN(const bpf_map_info map, map_info(fd.get()));
    const std::string name(map.name, strnlen(map.name, sizeof(map.name)));
    const bpf_map* known = bpf_object__find_map_by_name(object_.get(), name.c_str());
    if (known == nullptr || !holds_state(known)) continue;
    if (std::find(adopted_.begin(), adopted_.end(), name) != adopted_.end()) continue;
    MESH_TRY(adopt(name, fd.get(), "program " + info.name));
    ++count;
  }
  return count;
}

Status Object::load(Parts parts) {
  last_words.clear();
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_.get()) {
    bpf_program__set_autoload(program, parts == Parts::kAll);
  }
  if (const int rc = bpf_object__load(object_.get()); rc != 0) {
    return load_error(std::string("load BPF object ") + bpf_object__name(object_.get()), -rc);
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    if (!holds_state(map)) continue;
    MESH_TRY_ASSIGN(const bpf_map_info info, map_info(bpf_map__fd(map)));
    map_ids_.push_back(info.id);
  }
  std::sort(map_ids_.begin(), map_ids_.end());
  return {};
}

Status Object::pin(const PinFolder& folder) const {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    if (!holds_state(map)) continue;
    const std::string file = folder.file(bpf_map__name(map));
    if (bpf_obj_pin(bpf_map__fd(map), file.c_str()) != 0 && errno != EEXIST) {
      return Error::from_errno("pin " + file, errno);
    }
  }
  return {};
}

bool Object::has_map(const std::string& name) const {
  const bpf_map* map = bpf_object__find_map_by_name(object_.get(), name.c_str());
  return map != nullptr && holds_state(map);
}

Status Object::unpin(const PinFolder& folder) const {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    const std::string file = folder.file(bpf_map__name(map));
    if (holds_state(map) && unlink(file.c_str()) != 0 && errno != ENOENT)
      return Error::from_errno("remove pin " + file, errno);
  }
  return {};
}

int Object::map_fd(const char* name) const {
  return bpf_object__find_map_fd_by_name(object_.get(), name);
}

Result<std::uint32_t> Object::max_entries(const char* name) const {
  const bpf_map* map = bpf_object__find_map_by_name(object_.get(), name);
  if (map == nullptr) return Error(ErrorCode::kInvalid, std::string("no map ") + name);
  return bpf_map__max_entries(map);
}

int Object::program_fd(const char* name) const {
  const bpf_program* program = bpf_object__find_program_by_name(object_.get(), name);
  return program == nullptr ? -1 : bpf_program__fd(program);
}

}  // namespace kernmesh::bpf
