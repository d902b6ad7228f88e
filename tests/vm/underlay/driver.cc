// SPDX-License-Identifier: Apache-2.0
// Drives controller/bpf from shell scripts, in the place of an agent. Run inside the network
// namespace whose interfaces are meant; every call is one process, so everything it leaves has
// outlived its maker.
#include <bpf/bpf.h>
#include <net/if.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "controller/bpf/acl.h"
#include "controller/bpf/cls_bpf.h"
#include "controller/bpf/tcx.h"
#include "controller/bpf/underlay.h"
#include "controller/core/maplayout/acl_image.h"

namespace {

using namespace kernmesh;
using Words = std::vector<std::string>;

template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
  }
  return std::move(result).value();
}
void must(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().message().c_str());
  std::exit(1);
}

IfIndex interface_named(const std::string& name) {
  const IfIndex index(if_nametoindex(name.c_str()));
  if (index.value() == 0) must(Status(Error(ErrorCode::kNotFound, "no interface " + name)));
  return index;
}

Port port_of(const std::string& text) { return Port(static_cast<std::uint16_t>(std::stoi(text))); }

// INTERFACE,SOURCE,DESTINATION:PORT,MTU,CHANNEL
bpf::Hop hop_of(const std::string& text) {
  Words part;
  std::stringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) part.push_back(word);
  if (part.size() != 5) must(Status(Error(ErrorCode::kInvalid, "hop " + text)));
  return {.interface = interface_named(part[0]),
          .source = must(IpAddress::parse(part[1])),
          .destination = must(Endpoint::parse(part[2])),
          .mtu_bytes = static_cast<std::uint16_t>(std::stoi(part[3])),
          .channel = static_cast<std::uint32_t>(std::stoul(part[4], nullptr, 0))};
}

bpf::Path path_of(const Words& words, std::size_t first) {
  bpf::Path path{.primary = hop_of(words[first + 1])};
  path.use = static_cast<bpf::Use>(std::stoi(words[first]));
  if (words.size() > first + 2 && !words[first + 2].empty())
    path.secondary = hop_of(words[first + 2]);
  return path;
}

// Loading the programs takes a second on emulated CPUs; verbs that touch only maps do without.
bpf::Underlay open_underlay(const std::string& instance, const std::string& verb) {
  const bool programs = verb.starts_with("attach") || verb.starts_with("detach") ||
                        verb.starts_with("query") || verb == "remove";
  return must(bpf::Underlay::open(
      {.instance = instance,
       .max_peers = 1024,
       .parts = programs ? bpf::Object::Parts::kAll : bpf::Object::Parts::kTables}));
}

void print(const bpf::AttachmentState& state) {
  std::printf("%s %s %s ahead:", state.mechanism == bpf::Mechanism::kTcx ? "tcx" : "cls_bpf",
              state.attached ? "attached" : "absent", state.current ? "current" : "old");
  for (const std::string& name : state.ahead) std::printf(" %s", name.c_str());
  std::printf("\n");
}

// Alternates two paths: flip SYNTH COUNT MILLISECONDS USE HOP [HOP] / USE HOP [HOP]
void flip(bpf::Underlay& underlay, const Words& words) {
  const auto slash = std::find(words.begin(), words.end(), "/");
  const Words second(slash + 1, words.end());
  const bpf::Path paths[] = {path_of(Words(words.begin(), slash), 3), path_of(second, 0)};
  const auto synth = must(IpAddress::parse(words[0]));
  const timespec pause{0, std::stol(words[2]) * 1000000L};
  for (int i = 0; i < std::stoi(words[1]); ++i) {
    must(underlay.set_path(synth, paths[i % 2]));
    nanosleep(&pause, nullptr);
  }
}

void counters(const std::vector<bpf::Counter>& all, const Words& labels) {
  for (const bpf::Counter& c : all) {
    const std::string label(c.reason.label);
    const bool named = std::find(labels.begin(), labels.end(), label) != labels.end();
    if (labels.size() == 1 && named) std::printf("%lu\n", c.packets);
    if (labels.empty() && c.packets != 0) std::printf("%s=%lu ", label.c_str(), c.packets);
  }
  if (labels.empty()) std::printf("\n");
}

// A policy by which these addresses may do everything at any address of the overlay.
std::vector<mesh_acl_line> open_policy(const Words& addresses) {
  const std::vector<Prefix> overlay = {must(Prefix::parse("100.64.0.0/10"))};
  policy::SourceSet everybody{.id = policy::SetId(1), .members = {}, .prefixes = overlay};
  policy::SliceRule rule;
  rule.id = RuleId(1);
  rule.sources = {everybody.id};
  rule.targets.push_back({.kind = policy::TargetKind::kAny,
                          .prefixes = {},
                          .services = {{policy::default_protocols(), {policy::kAllPorts}}}});
  const std::map<RuleId, policy::SliceRule> rules{{rule.id, rule}};
  const std::map<policy::SetId, policy::SourceSet> sets{{everybody.id, everybody}};
  std::vector<IpAddress> peers;
  for (const auto& text : addresses) peers.push_back(must(IpAddress::parse(text)));
  maplayout::AclInput input{
      .rules = rules, .sets = sets, .peers = {}, .own = {}, .served = overlay};
  for (std::size_t i = 0; i < peers.size(); ++i)
    input.peers.push_back({NodeId(i + 2), std::span(&peers[i], 1), {}});
  maplayout::RuleSlots slots;
  return must(maplayout::compile_acl(input, slots, {.generation = 1, .seed = 1, .version = {}}))
      .lines;
}

void acl(const std::string& instance, const Words& words) {
  const IfIndex mesh = interface_named(words[1]);
  auto acl = must(bpf::Acl::open({.instance = instance, .mesh = mesh}));
  if (words[0] == "attach") must(acl.attach(mesh));
  if (words[0] == "counters") counters(must(acl.counters()), {});
  if (words[0] == "disarm") must(acl.disarm());
  if (words[0] == "arm") must(acl.switch_to(open_policy({words.begin() + 2, words.end()})));
}

// Attaches the same program from another object file, over the maps that are there: what an upgrade
// or a downgrade does. other-build FILE PROGRAM INTERFACE INSTANCE SIDE
void attach_other_build(const Words& words) {
  std::ifstream file(words[0], std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  auto object = must(bpf::Object::open("underlay", bytes));
  (void)must(object.adopt_pins(must(bpf::PinFolder::open(words[3]))));
  must(object.load());
  const int fd = object.program_fd(words[1].c_str());
  const bool is_egress = words[4] == "egress";
  must(bpf::attach_program(interface_named(words[2]),
                           is_egress ? bpf::Hook::kEgress : bpf::Hook::kIngress,
                           {fd, must(bpf::program_info(fd)), object.map_ids()}));
}

// Puts somebody else's program in front of ours, where this kernel runs it first.
void attach_foreign(const Words& words) {
  const UniqueFd program(bpf_obj_get(words[0].c_str()));
  const IfIndex interface = interface_named(words[1]);
  if (must(bpf::query_hook(interface, bpf::Hook::kIngress)).mechanism == bpf::Mechanism::kTcx) {
    must(words[2] == "on" ? bpf::tcx::attach_first(interface, bpf::Hook::kIngress, program.get())
                          : bpf::tcx::detach(interface, bpf::Hook::kIngress, program.get()));
  } else if (words[2] == "on") {
    must(bpf::cls_bpf::set(interface, bpf::Hook::kIngress, program.get(), 1));
  } else {
    must(bpf::cls_bpf::erase(interface, bpf::Hook::kIngress, {0, bpf::cls_bpf::kPriority, 1}));
  }
}

void events(const bpf::Underlay& underlay) {
  auto stream = must(underlay.events());
  for (const bpf::UnknownInitiation& e : must(stream.read())) {
    std::printf("%s -> %s\n", to_string(e.source).c_str(), to_string(e.destination).c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const std::string instance = argv[1], verb = argv[2];
  const Words w(argv + 3, argv + argc);
  if (verb == "acl") return acl(instance, w), 0;
  if (verb == "other-build") {
    return attach_other_build({w[0], w[1], w[2], instance, w.size() > 3 ? w[3] : "ingress"}), 0;
  }
  if (verb == "foreign-first") return attach_foreign(w), 0;
  auto u = open_underlay(instance, verb);
  const auto synth = [&] { return must(IpAddress::parse(w.at(0))); };
  const std::map<std::string, std::function<void()>> verbs = {
      {"config",
       [&] {
         must(u.set_config({.meshu = interface_named(w[0]),
                            .public_port = port_of(w[1]),
                            .synth_port = port_of(w[2]),
                            .wg_port = port_of(w[3])}));
       }},
      {"attach-out", [&] { must(u.attach(interface_named(w[0]), bpf::UnderlayProgram::kOut)); }},
      {"attach-in", [&] { must(u.attach(interface_named(w[0]), bpf::UnderlayProgram::kIn)); }},
      {"detach-in", [&] { must(u.detach(interface_named(w[0]), bpf::UnderlayProgram::kIn)); }},
      {"query-out",
       [&] { print(must(u.query(interface_named(w[0]), bpf::UnderlayProgram::kOut))); }},
      {"query-in", [&] { print(must(u.query(interface_named(w[0]), bpf::UnderlayProgram::kIn))); }},
      {"locals",
       [&] {
         std::vector<IpAddress> all;
         for (const auto& text : w) all.push_back(must(IpAddress::parse(text)));
         must(u.set_locals(all));
       }},
      {"path", [&] { must(u.set_path(synth(), path_of(w, 1))); }},
      {"unpath", [&] { must(u.remove_path(synth())); }},
      {"flip", [&] { flip(u, w); }},
      {"source",
       [&] {
         must(u.set_source({.endpoint = must(Endpoint::parse(w[1])),
                            .channel = static_cast<std::uint32_t>(std::stoul(w[2], nullptr, 0))},
                           synth()));
       }},
      {"unsource",
       [&] { must(u.remove_source({.endpoint = must(Endpoint::parse(w[0])), .channel = 0})); }},
      {"counters", [&] { counters(must(u.counters()), w); }},
      {"traffic",
       [&] {
         const auto t = must(u.traffic(synth()));
         if (t) std::printf("rx %lu tx %lu\n", t->rx_pkts, t->tx_pkts);
       }},
      {"paths", [&] { std::printf("%zu\n", must(u.paths()).size()); }},
      {"adopted", [&] { std::printf("%s\n", u.adopted() ? "adopted" : "fresh"); }},
      {"events", [&] { events(u); }},
      {"remove", [&] { must(u.remove()); }},
  };
  const auto it = verbs.find(verb);
  if (it == verbs.end()) return 64;
  it->second();
  return 0;
}
