// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/document.h"

#include <algorithm>
#include <set>

namespace kernmesh::signin {
namespace {

// 9999-12-31T23:59:59Z; what is later is a mistake, and far below where doubles lose seconds.
constexpr double kLatestDate = 253402300799.0;

Error bad_member(const char* name, const std::string& why) {
  return {ErrorCode::kInvalid, "\"" + std::string(name) + "\" " + why};
}

// Walks the text without building anything, and stops at the first thing that is too much.
class BoundsCheck final : public nlohmann::json_sax<Json> {
 public:
  const std::string& fault() const { return fault_; }

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    return names_.back().insert(name).second || refuse("has a name twice in one object");
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return refuse("is no JSON from byte " + std::to_string(position) + " on");
  }

 private:
  bool refuse(std::string fault) {
    fault_ = std::move(fault);
    return false;
  }
  bool count() {
    return ++values_ <= kMostValues ||
           refuse("has more than " + std::to_string(kMostValues) + " values");
  }
  bool open() {
    names_.emplace_back();
    return count() && (names_.size() <= kMostDepth ||
                       refuse("is nested deeper than " + std::to_string(kMostDepth)));
  }
  bool close() {
    names_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> names_;  // of the objects that are open; none in a list
  std::size_t values_ = 0;
  std::string fault_;
};

// C0, DEL and, in UTF-8, C1: what moves a terminal. The parser has seen that it is UTF-8.
bool is_plain(std::string_view text) {
  unsigned char before = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (before == 0xc2 && byte < 0xa0)) return false;
    before = byte;
  }
  return true;
}

Result<std::string> text_of(const Json& value, const char* name, std::size_t most_bytes) {
  if (!value.is_string()) return bad_member(name, "is no text");
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty() || text.size() > most_bytes) {
    return bad_member(name, "has " + std::to_string(text.size()) + " bytes, 1 to " +
                                std::to_string(most_bytes) + " are taken");
  }
  if (!is_plain(text)) return bad_member(name, "has control characters");
  return text;
}

const Json* find_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

Result<Json> parse_object(const DocumentText& document) {
  const std::string what(document.what);
  if (document.text.size() > document.most_bytes) {
    return Error(ErrorCode::kInvalid, what + " has " + std::to_string(document.text.size()) +
                                          " bytes, at most " + std::to_string(document.most_bytes) +
                                          " are taken");
  }
  BoundsCheck bounds;
  if (!Json::sax_parse(document.text, &bounds)) {
    return Error(ErrorCode::kInvalid, what + " " + bounds.fault());
  }
  Json parsed = Json::parse(document.text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return Error(ErrorCode::kInvalid, what + " is no JSON object");
  return parsed;
}

Result<std::string> required_text(const Json& object, const char* name, std::size_t most_bytes) {
  const Json* const value = find_member(object, name);
  if (value == nullptr) return bad_member(name, "is missing");
  return text_of(*value, name, most_bytes);
}

Result<std::string> optional_text(const Json& object, const char* name, std::size_t most_bytes) {
  const Json* const value = find_member(object, name);
  if (value == nullptr) return std::string();
  return text_of(*value, name, most_bytes);
}

Result<std::vector<std::string>> optional_texts(const Json& object, const char* name,
                                                ListBounds bounds) {
  std::vector<std::string> texts;
  const Json* const value = find_member(object, name);
  if (value == nullptr) return texts;
  if (!value->is_array()) {
    MESH_TRY_ASSIGN(texts.emplace_back(), text_of(*value, name, bounds.most_item_bytes));
    return texts;
  }
  if (value->size() > bounds.most_items) {
    return bad_member(name, "lists " + std::to_string(value->size()) + ", at most " +
                                std::to_string(bounds.most_items) + " are taken");
  }
  for (const Json& item : *value) {
    MESH_TRY_ASSIGN(texts.emplace_back(), text_of(item, name, bounds.most_item_bytes));
  }
  return texts;
}

Result<std::optional<WallTime>> optional_date(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::optional<WallTime>();
  if (!found->is_number()) return bad_member(name, "is no number of seconds");
  const auto seconds = found->get<double>();
  if (!(seconds >= 0 && seconds <= kLatestDate)) {
    return bad_member(name, "is no time between 1970 and 9999");
  }
  return std::optional(WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds))));
}

}  // namespace kernmesh::signin
