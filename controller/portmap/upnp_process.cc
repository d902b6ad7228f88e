// SPDX-License-Identifier: Apache-2.0
#include "controller/portmap/upnp_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include "controller/base/unique_fd.h"
#include "controller/portmap/upnp_device.h"

namespace kernmesh::portmap {
namespace {

constexpr const char* kWord = "--upnp-attempt";
constexpr rlim_t kMostFiles = 16;

// Whether main() looks for kWord: a program that does not would begin anew from its beginning.
std::atomic<bool> is_prepared = false;

// Data and stacks of this process now, bytes: the sixth number of /proc/self/statm, in pages.
rlim_t data_now() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long pages = 0;
  const int read = std::fscanf(file, "%*u %*u %*u %*u %*u %lu", &pages);
  std::fclose(file);
  return read == 1 ? pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) : 0;
}

bool limit(int resource, rlim_t most) {
  const rlimit both{most, most};
  return setrlimit(static_cast<__rlimit_resource>(resource), &both) == 0;
}

// No file can be opened from here on. Linux 5.13; without it files are only not written to.
void leave_files() {
  landlock_ruleset_attr all{};
  all.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // the whole first version
  const UniqueFd none(static_cast<int>(syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0)));
  if (none) syscall(SYS_landlock_restrict_self, none.get(), 0);
}

// False: better no attempt than one without bounds.
bool confine() {
  prctl(PR_SET_NAME, "upnp-attempt");
  // Should nobody be there any more to end it.
  alarm(static_cast<unsigned>(kUpnpTime.count()) + 1);
  const rlim_t data = data_now();
  if (data == 0 || !limit(RLIMIT_DATA, data + kUpnpMemoryBytes)) return false;
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_NOFILE, kMostFiles))
    return false;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  leave_files();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

int attempt_here(std::span<const std::string_view> arguments) {
  // What the library may print is not the answer.
  const UniqueFd out(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!out || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || !confine()) return 1;
  const auto task = parse_arguments(arguments);
  const std::string answer = to_answer(task ? ask_device(*task) : Result<Grant>(task.error()));
  const auto written = write(out.get(), answer.data(), answer.size());
  return written == static_cast<ssize_t>(answer.size()) ? 0 : 1;
}

// Ends the process and takes it off the kernel's list, whatever has become of it.
class Process {
 public:
  explicit Process(pid_t pid) : pid_(pid) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

 private:
  const pid_t pid_;
};

// What posix_spawn() is told; freed at the end.
struct SpawnPlan {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};

  explicit SpawnPlan(int out) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    // This thread may have signals blocked that are read elsewhere.
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int signal : {SIGALRM, SIGPIPE, SIGTERM, SIGINT}) sigaddset(&usual, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

Result<pid_t> spawn(const UpnpTask& task, int out) {
  auto words = to_arguments(task);
  words.insert(words.begin(), {"upnp-attempt", kWord});
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const SpawnPlan plan(out);
  pid_t pid = 0;
  // The program that runs, also when another has been installed in its place meanwhile.
  const int error =
      posix_spawn(&pid, "/proc/self/exe", &plan.files, &plan.attributes, argv.data(), environ);
  if (error != 0) return Error::from_errno("begin a process", error);
  return pid;
}

// All that it says until it ends; none when that takes too long or is too much.
std::optional<std::string> hear(int fd) {
  const auto end = std::chrono::steady_clock::now() + kUpnpTime;
  std::array<char, kMostUpnpAnswerBytes + 1> answer{};
  std::size_t size = 0;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd readable{fd, POLLIN, 0};
    if (left.count() <= 0 || size == answer.size()) return std::nullopt;
    const int ready = poll(&readable, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return std::nullopt;
    if (ready <= 0) continue;
    const ssize_t got = read(fd, answer.data() + size, answer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::string(answer.data(), size);
    size += static_cast<std::size_t>(got);
  }
}

}  // namespace

std::optional<int> upnp_process(int argc, char** argv) {
  is_prepared = true;
  if (argc < 2 || std::string_view(argv[1]) != kWord) return std::nullopt;
  const std::vector<std::string_view> arguments(argv + 2, argv + argc);
  return attempt_here(arguments);
}

Result<Grant> ask_in_process(const UpnpTask& task) {
  if (!is_prepared)
    return Error(ErrorCode::kUnsupported, "this program does not begin processes for UPnP");
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("make a pipe", errno);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  MESH_TRY_ASSIGN(const pid_t pid, spawn(task, writing.get()));
  const Process process(pid);
  writing.reset();
  const auto answer = hear(reading.get());
  if (!answer) {
    return Error(ErrorCode::kUnavailable,
                 "the attempt did not end within " + std::to_string(kUpnpTime.count()) + " s");
  }
  return parse_answer(*answer);
}

}  // namespace kernmesh::portmap
