// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/target.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "controller/base/ip.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::adm {
namespace {

using Text = std::optional<std::string>;

constexpr std::size_t kMostFileBytes = 64 * 1024;  // a configuration has four short strings

struct Config {
  Text server;
  Text token;
  Text token_file;
};

// The file's bytes; kNotFound and kPermissionDenied keep their class.
Result<std::string> read_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno("read " + path, errno);
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t got = read(fd.get(), block.data(), block.size());
    if (got < 0) return Error::from_errno("read " + path, errno);
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > kMostFileBytes) {
      return Error(ErrorCode::kInvalid, "read " + path + ": longer than 64 KiB");
    }
  }
}

Result<std::string> read_token(const std::string& path) {
  MESH_TRY_ASSIGN(std::string text, read_file(path));
  const auto last = text.find_last_not_of(" \t\r\n");
  text.erase(last == std::string::npos ? 0 : last + 1);
  if (text.empty()) return Error(ErrorCode::kInvalid, "read " + path + ": no token in it");
  return text;
}

Result<Config> parse_config(const std::string& text, const std::string& path) {
  Config config;
  try {  // the library throws; nothing of it leaves this function
    const auto json = nlohmann::json::parse(text);
    if (!json.is_object()) return Error(ErrorCode::kInvalid, "read " + path + ": not an object");
    for (const auto& [key, value] : json.items()) {
      Text* field = key == "server"       ? &config.server
                    : key == "token"      ? &config.token
                    : key == "token_file" ? &config.token_file
                                          : nullptr;
      if (field == nullptr || !value.is_string()) {
        return Error(ErrorCode::kInvalid, "read " + path + ": \"" + key.substr(0, 40) +
                                              "\" is not one of the strings server, token, "
                                              "token_file");
      }
      *field = value.get<std::string>();
    }
  } catch (const nlohmann::json::exception& error) {
    return Error(ErrorCode::kInvalid, "read " + path + ": " + error.what());
  }
  return config;
}

// A file that does not exist says nothing.
Result<Config> read_config(const std::string& path) {
  auto text = read_file(path);
  if (!text && text.error().code() == ErrorCode::kNotFound) return Config();
  if (!text) return text.error();
  return parse_config(*text, path);
}

Text user_config_path(const Surroundings& surroundings) {
  if (const auto base = surroundings.environment("XDG_CONFIG_HOME")) {
    return *base + "/kernmesh/config.json";
  }
  if (const auto home = surroundings.environment("HOME")) {
    return *home + "/.config/kernmesh/config.json";
  }
  return std::nullopt;
}

struct Found {
  Text server;
  Text token;
  bool complete() const { return server && token; }
};

Status add_config(Found& found, const std::string& path) {
  if (found.complete()) return {};
  MESH_TRY_ASSIGN(const auto config, read_config(path));
  if (!found.server) found.server = config.server;
  if (found.token) return {};
  found.token = config.token;
  if (!found.token && config.token_file) {
    MESH_TRY_ASSIGN(found.token, read_token(*config.token_file));
  }
  return {};
}

// The token of a server on this machine; not being there, or not for us, is no error of its own.
Status add_own_server(Found& found, const std::string& path) {
  if (found.token || (found.server && !is_this_machine(*found.server))) return {};
  auto token = read_token(path);
  if (!token) {
    const ErrorCode code = token.error().code();
    if (code == ErrorCode::kNotFound || code == ErrorCode::kPermissionDenied) return {};
    return token.error();
  }
  found.token = *token;
  if (!found.server) found.server = "localhost";
  return {};
}

Error missing(const char* what, const char* option, const char* variable,
              const Surroundings& surroundings) {
  return {ErrorCode::kNotFound,
          std::string("no ") + what + " is named: give " + option + ", set " + variable +
              ", or write it into " + user_config_path(surroundings).value_or("") +
              (user_config_path(surroundings) ? " or " : "") + surroundings.system_config};
}

}  // namespace

std::string resolve_socket(const TargetOptions& options, const Surroundings& surroundings) {
  if (!options.socket.empty()) return options.socket;
  return surroundings.environment("KERNMESH_SOCKET").value_or(std::string(kDefaultSocket));
}

Result<Target> resolve_target(const TargetOptions& options, const Surroundings& surroundings) {
  Found found;
  if (!options.server.empty()) found.server = options.server;
  if (!options.token.empty()) found.token = options.token;
  if (!found.token && !options.token_file.empty()) {
    MESH_TRY_ASSIGN(found.token, read_token(options.token_file));
  }
  if (!found.server) found.server = surroundings.environment("KERNMESH_SERVER");
  if (!found.token) found.token = surroundings.environment("KERNMESH_TOKEN");
  if (const auto path = user_config_path(surroundings)) MESH_TRY(add_config(found, *path));
  MESH_TRY(add_config(found, surroundings.system_config));
  MESH_TRY(add_own_server(found, surroundings.server_token));
  if (!found.server) {
    return missing("server", "--server HOST:PORT", "KERNMESH_SERVER", surroundings);
  }
  if (!found.token) {
    return missing("administrator token", "--token-file PATH", "KERNMESH_TOKEN", surroundings);
  }
  MESH_TRY_ASSIGN(auto server, with_port(*found.server));
  return Target{server, *found.token};
}

Result<std::string> with_port(std::string_view server) {
  const auto wrong = [&] {
    return Error(ErrorCode::kInvalid, "\"" + std::string(server.substr(0, 80)) +
                                          "\" is not HOST or HOST:PORT ([ADDRESS]:PORT for IPv6)");
  };
  const std::string port(kDefaultPort);
  if (server.find_first_of(" \t\n/") != std::string_view::npos) return wrong();
  const auto bare = IpAddress::parse(server);
  if (bare && !bare->is_v4()) return "[" + to_string(*bare) + "]:" + port;
  const auto colon = server.rfind(':');
  const bool closed = !server.empty() && server.back() == ']';
  if (colon == std::string_view::npos || closed) {
    if (server.empty() || server == "[]") return wrong();
    return std::string(server) + ":" + port;
  }
  const std::string_view host = server.substr(0, colon);
  const std::string_view digits = server.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool bracketed = !host.empty() && host.front() == '[' && host.back() == ']';
  if (host.empty() || error != std::errc{} || end != digits.data() + digits.size() || number == 0 ||
      (!bracketed && host.find(':') != std::string_view::npos)) {
    return wrong();
  }
  return std::string(server);
}

std::string check_server(const std::string& text) {
  const auto server = with_port(text);
  return server ? "" : server.error().message();
}

bool is_this_machine(std::string_view host_port) {
  const auto whole = with_port(host_port);
  if (!whole) return false;
  std::string host = whole->substr(0, whole->rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  return host == "localhost" || (address && address->is_loopback());
}

}  // namespace kernmesh::adm
