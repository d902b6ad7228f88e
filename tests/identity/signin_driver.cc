// SPDX-License-Identifier: Apache-2.0
// The server's sign-in without the rest of the server: desk and pages against a provider, told by
// lines what to do. Its log goes to standard error, at its most talkative.
//   open NAME        -> invitation NUMBER HANDLE URL CODE
//   outcome NUMBER   -> outcome NUMBER STAGE REASON...
//   admit NUMBER     -> admitted NUMBER SUBJECT EMAIL GROUP,... | refused NUMBER REASON...
//   ban SUBJECT      -> banned: the callback refuses him from now on
#include <sodium.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "controller/server/signin/office.h"
#include "tests/unit/server/signin/waiting_visitor.h"

namespace {

using namespace kernmesh;  // NOLINT

MonoTime boot_time() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return MonoTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

WallTime wall_time() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

template <typename Key>
Key random_key() {
  std::array<std::uint8_t, 32> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return Key(bytes);
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

struct Opened {
  signin::Newcomer newcomer;
  std::string handle;
};

class Driver {
 public:
  explicit Driver(server::SignInDesk& desk, std::set<std::string>& banned)
      : desk_(desk), banned_(banned) {}

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb, name;
    words >> verb >> name;
    if (verb == "open") return open(name);
    if (verb == "outcome") return tell_outcome(std::stoi(name));
    if (verb == "admit") return admit(std::stoi(name));
    if (verb == "ban") {
      banned_.insert(name);
      std::cout << "banned" << std::endl;
    }
  }

 private:
  void open(const std::string& name) {
    const signin::Newcomer newcomer{random_key<MachinePublicKey>(), random_key<NodePublicKey>(),
                                    name, "192.0.2.7"};
    const auto invitation = server::open_at(desk_, newcomer);
    if (!invitation) {
      std::cout << "error " << invitation.error().message() << std::endl;
      return;
    }
    opened_.push_back({newcomer, invitation->handle});
    std::cout << "invitation " << opened_.size() - 1 << " " << invitation->handle << " "
              << invitation->url << " " << invitation->user_code << std::endl;
  }

  void tell_outcome(int number) {
    const auto outcome = desk_.outcome(opened_.at(static_cast<std::size_t>(number)).handle);
    std::cout << "outcome " << number << " ";
    if (outcome) {
      std::cout << to_string(outcome->stage) << " " << outcome->reason << std::endl;
    } else {
      std::cout << "forgotten " << outcome.error().message() << std::endl;
    }
  }

  void admit(int number) {
    const auto& newcomer = opened_.at(static_cast<std::size_t>(number)).newcomer;
    const auto identity = desk_.find_admission(newcomer.machine_key, newcomer.node_key);
    const auto consumed = desk_.consume(newcomer.machine_key, newcomer.node_key);
    if (!identity || !consumed) {
      std::cout << "refused " << number << " " << identity.error().message() << std::endl;
      return;
    }
    std::cout << "admitted " << number << " " << identity->subject << " "
              << or_dash(identity->email) << " ";
    for (const auto& group : identity->groups) std::cout << group << ",";
    std::cout << std::endl;
  }

  server::SignInDesk& desk_;
  std::set<std::string>& banned_;
  std::vector<Opened> opened_;
};

}  // namespace

int main(int argc, char** argv) {
  server::SignInOptions options;
  options.transport = signin::Transport::kHttpsOrLoopback;
  std::uint16_t port = 0;
  bool device = false;
  CLI::App app("Signs machines in at a provider on loopback.");
  app.add_option("--issuer", options.issuer)->required();
  app.add_option("--client-id", options.client_id)->required();
  app.add_option("--client-secret-file", options.client_secret_file);
  app.add_option("--allowed-domain", options.allowed_domains);
  app.add_option("--allowed-group", options.allowed_groups);
  app.add_option("--port", port)->required();
  app.add_flag("--device", device, "people go to the provider's own page");
  CLI11_PARSE(app, argc, argv);
  if (sodium_init() < 0) return 1;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("signin"));
  spdlog::set_level(spdlog::level::trace);
  options.listen = "127.0.0.1:" + std::to_string(port);
  if (!device) options.url = "http://" + options.listen;
  std::set<std::string> banned;
  const auto on_sign_in = [&](const signin::Newcomer&, const signin::Identity& identity) -> Status {
    if (!banned.contains(identity.subject)) return {};
    return Error(ErrorCode::kPermissionDenied, "your account here is locked");
  };
  const auto office = server::open_sign_in_office(options, {wall_time, boot_time}, on_sign_in);
  if (!office) {
    std::cerr << office.error().message() << std::endl;
    return 1;
  }
  std::cout << "ready" << std::endl;
  Driver driver((*office)->desk(), banned);
  for (std::string line; std::getline(std::cin, line);) driver.obey(line);
  return 0;
}
