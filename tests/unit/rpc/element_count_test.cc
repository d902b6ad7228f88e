// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/element_count.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>

#include "mesh/v1/coordination.pb.h"

namespace kernmesh::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using mesh::v1::NetmapUpdate;

// By protobuf's own account of what it has unfolded.
std::size_t elements_of(const Message& message) {
  std::size_t count = 0;
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!field->is_repeated()) {
      if (is_message) count += elements_of(reflection.GetMessage(message, field));
      continue;
    }
    const int size = reflection.FieldSize(message, field);
    if (!field->is_packable()) count += static_cast<std::size_t>(size);
    for (int i = 0; is_message && i < size; ++i) {
      count += elements_of(reflection.GetRepeatedMessage(message, field, i));
    }
  }
  return count;
}

// Nothing when it is let through.
std::optional<ErrorCode> problem_of(const std::string& bytes, std::size_t most) {
  const Status status = check_elements(bytes, *NetmapUpdate::descriptor(), most);
  return status ? std::nullopt : std::optional(status.error().code());
}

NetmapUpdate random_update() {
  using namespace rc;
  const auto some = [](int most) { return *gen::inRange(0, most); };
  NetmapUpdate update;
  auto& snapshot = *update.mutable_snapshot();
  snapshot.mutable_self()->set_name("alpha");
  for (int i = some(5); i > 0; --i) {
    auto& peer = *snapshot.add_peers();
    peer.set_name(std::string(static_cast<std::size_t>(some(200)), 'x'));
    for (int a = some(4); a > 0; --a) peer.add_addresses("abcd");
    for (int e = some(4); e > 0; --e) peer.add_endpoints()->set_port(1);
  }
  for (int i = some(4); i > 0; --i) {
    auto& target = *snapshot.add_rules()->add_targets();
    for (int p = some(300); p > 0; --p) target.add_services()->add_ports(443);
  }
  for (int i = some(3); i > 0; --i) {
    auto& set = *snapshot.add_sets();
    for (int m = some(300); m > 0; --m) set.add_member_node_ids(7);
  }
  return update;
}

RC_GTEST_PROP(ElementCount, agrees_with_what_protobuf_unfolds, ()) {
  const auto update = random_update();
  const auto bytes = update.SerializeAsString();
  const auto count = elements_of(update);
  RC_ASSERT(!problem_of(bytes, count));
  if (count > 0) RC_ASSERT(problem_of(bytes, count - 1) == ErrorCode::kExhausted);
}

RC_GTEST_PROP(ElementCount, refuses_a_message_that_is_cut_wherever_protobuf_does, ()) {
  const auto whole = random_update().SerializeAsString();
  const auto cut = whole.substr(0, *rc::gen::inRange<std::size_t>(0, whole.size() + 1));
  NetmapUpdate parsed;
  const bool parses = parsed.ParseFromString(cut);
  RC_ASSERT(problem_of(cut, kMaxElements) ==
            (parses ? std::nullopt : std::optional(ErrorCode::kCorrupt)));
}

TEST(ElementCount, refuses_what_is_no_message) {
  struct Case {
    const char* name;
    std::string bytes;
  };
  const Case cases[] = {{"a tag of zero", std::string("\0", 1)},
                        {"a group", "\x0b\x0c"},
                        {"a length beyond the end", "\x12\x05\x12"},
                        {"a length beyond the message around it", "\x12\x02\x12\x04\x12\x00"},
                        {"a length of 4 GiB", "\x12\xff\xff\xff\xff\x0f"},
                        {"a number without an end", std::string(11, '\xff')}};
  for (const auto& [name, bytes] : cases) {
    EXPECT_EQ(problem_of(bytes, kMaxElements), ErrorCode::kCorrupt) << name;
  }
}

TEST(ElementCount, takes_fields_of_a_later_version_and_counts_them) {
  std::string bytes;
  for (int i = 0; i < 10; ++i) bytes += std::string("\x7a\x00", 2);  // field 15, empty
  EXPECT_EQ(problem_of(bytes, 10), std::nullopt);
  EXPECT_EQ(problem_of(bytes, 9), ErrorCode::kExhausted);
}

}  // namespace
}  // namespace kernmesh::rpc
