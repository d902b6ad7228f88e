// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/element_count.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <limits>
#include <string>

namespace kernmesh::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;

// A rule's port ranges are five deep.
constexpr int kMostDepth = 16;

// How a field is written: protobuf.dev/programming-guides/encoding, "Message Structure". Groups (3
// and 4) are not of proto3.
enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class ElementCounter {
 public:
  ElementCounter(std::string_view bytes, std::size_t most)
      : input_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        most_(most) {}

  Status count(const Descriptor& type, int depth) {
    if (depth > kMostDepth) return broken("is nested too deep");
    while (const std::uint32_t tag = input_.ReadTag()) {
      MESH_TRY(count_field(tag & 7U, type.FindFieldByNumber(static_cast<int>(tag >> 3U)), depth));
    }
    // A tag of zero and the end look the same but for this.
    if (!input_.ConsumedEntireMessage()) return broken("does not parse");
    return {};
  }

 private:
  Status count_field(std::uint32_t wire_type, const FieldDescriptor* field, int depth) {
    if (wire_type == kBytes) return count_bytes(field, depth);
    std::uint64_t number = 0;
    const bool whole = (wire_type == kVarint && input_.ReadVarint64(&number)) ||
                       (wire_type == kFixed64 && input_.Skip(8)) ||
                       (wire_type == kFixed32 && input_.Skip(4));
    if (!whole) return broken("does not parse");
    return {};
  }

  // A text, a message, or numbers in a row.
  Status count_bytes(const FieldDescriptor* field, int depth) {
    int length = 0;
    if (!input_.ReadVarintSizeAsInt(&length)) return broken("does not parse");
    // What this build does not know is kept by protobuf all the same, each an object.
    const bool is_element = field == nullptr || (field->is_repeated() && !field->is_packable());
    if (is_element && ++elements_ > most_) {
      return Error(ErrorCode::kExhausted,
                   "the message has more than " + std::to_string(most_) + " elements in its lists");
    }
    const auto* inner = field == nullptr ? nullptr : field->message_type();
    if (inner == nullptr) return input_.Skip(length) ? Status() : broken("does not parse");
    if (length > input_.BytesUntilLimit()) return broken("does not parse");
    const auto outer = input_.PushLimit(length);
    MESH_TRY(count(*inner, depth + 1));
    input_.PopLimit(outer);
    return {};
  }

  static Error broken(const char* how) {
    return {ErrorCode::kCorrupt, std::string("the message ") + how};
  }

  CodedInputStream input_;
  std::size_t most_;
  std::size_t elements_ = 0;
};

}  // namespace

Status check_elements(std::string_view bytes, const Descriptor& type, std::size_t most) {
  if (bytes.size() > std::numeric_limits<int>::max()) {
    return Error(ErrorCode::kExhausted, "the message has more than 2 GiB");
  }
  return ElementCounter(bytes, most).count(type, 0);
}

}  // namespace kernmesh::rpc
